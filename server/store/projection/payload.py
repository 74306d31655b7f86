"""The points of the search store and their payload: the filters, and the traits for ranking."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.languages import Language
from server.memory.models import Memory
from server.memory.recall.prior import compute_question_share, is_first_person
from server.memory.text import NEIGHBOURS, build_search_text, weigh_terms
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.vectors import unpack_vectors
from server.store.search.seam import Collection, Point, SparseVector
from server.store.tables.memories import memories, vectors

#: The payload keys that a search may filter by.
FILTERS = ("type", "tags", "scope", "project", "task", "entity", "author", "session")

#: The most rows of which points are made in one go, and the characters after which no further row is added.
PART_ROWS, PART_CHARACTERS = 64, 20_000


_SEPARATOR = "\x00"  # refused in every text


class StoredTraits(NamedTuple):
    """The facts about a memory that ranking reads, and its expiry. Times are seconds since 1970.

    A point holds them as one string, as a search reads one string many times faster than six values.
    """

    happened_at: float
    expires_at: float | None
    #: The ids of the memories just before it in its session, the nearest first.
    before: tuple[str, ...]
    #: These three are "" if the memory has none.
    author: str
    entity: str
    project: str
    #: See `server.memory.recall.prior`.
    question_share: float
    is_first_person: bool

    def encode(self) -> str:
        """Return the string that a point holds."""
        expires = "" if self.expires_at is None else str(self.expires_at)
        names = (" ".join(self.before), self.author, self.entity, self.project)
        prior = (f"{self.question_share:.3g}" if self.question_share else "", "1" if self.is_first_person else "")
        return _SEPARATOR.join((str(self.happened_at), expires, *names, *prior))

    @classmethod
    def decode(cls, text: str) -> Self:
        """Return the traits that a point's string holds."""
        happened, expires, before, author, entity, project, asked, first = text.split(_SEPARATOR)
        # By position: by name, a tuple takes three times as long to make, and a recall reads up to eighty of these.
        ends = float(expires) if expires else None
        share = float(asked) if asked else 0.0
        return cls(float(happened), ends, tuple(before.split()), author, entity, project, share, bool(first))


_earlier_memories = memories.alias("before")


def _select_neighbour(column: sa.Column[str], places: int) -> sa.ScalarSelect[str]:
    """Select a column of the memory that stands so many places before one in its session; deleted ones do not count.

    If such a text changes, the memories after it must be projected again: `memories.renew_followers` does that.
    """
    return (
        sa.select(_earlier_memories.c[column.name])
        .where(
            _earlier_memories.c.workspace_id == memories.c.workspace_id,
            _earlier_memories.c.session == memories.c.session,
            _earlier_memories.c.position < memories.c.position,
            _earlier_memories.c.deleted_at.is_(None),
        )
        .order_by(_earlier_memories.c.position.desc())
        .limit(1)
        .offset(places - 1)
        .scalar_subquery()
    )


_BEFORE = [
    _select_neighbour(column, places).label(f"before_{column.name}_{places}")
    for places in range(1, NEIGHBOURS + 1)
    for column in (memories.c.id, memories.c.content)
]


# Made once: each write reads such rows, and to make the statement takes longer than to run it.
_ROWS = (
    sa.select(
        *(memories.c[name] for name in FIELDS),
        memories.c.revision,
        memories.c.deleted_at,
        vectors.c.windows,
        *_BEFORE,
    )
    .outerjoin_from(
        memories,
        vectors,
        sa.and_(vectors.c.memory_id == memories.c.id, vectors.c.generation == sa.bindparam("generation")),
    )
    .where(memories.c.workspace_id == sa.bindparam("workspace"), memories.c.revision > sa.bindparam("after"))
    .limit(sa.bindparam("most"))
)
_CHANGED = _ROWS.order_by(memories.c.revision)
_NEWEST = _ROWS.where(memories.c.deleted_at.is_(None), memories.c.consolidated.is_(False)).order_by(
    memories.c.revision.desc()
)


async def select_changed(
    connection: AsyncConnection, workspace_id: str, generation: int, after: int, limit: int
) -> Sequence[sa.Row[Any]]:
    """Select the workspace's rows above a revision, in that order, with all columns that `build_point` needs."""
    values = {"workspace": workspace_id, "generation": generation, "after": after, "most": limit}
    return (await connection.execute(_CHANGED, values)).all()


async def select_newest(
    connection: AsyncConnection, workspace_id: str, after: int, limit: int
) -> Sequence[sa.Row[Any]]:
    """Select the live rows of the workspace above a revision that changed last, without vectors, for `build_point`."""
    values = {"workspace": workspace_id, "generation": 0, "after": after, "most": limit}
    return (await connection.execute(_NEWEST, values)).all()


def split_rows(rows: Sequence[sa.Row[Any]]) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield the rows in parts whose points take a few milliseconds to make: after each, others have their turn."""
    start = characters = 0
    for place, row in enumerate(rows):
        characters += len(row.content) + sum(len(text) for text in row[-len(_BEFORE) :][1::2] if text)
        if place + 1 - start == PART_ROWS or characters >= PART_CHARACTERS:
            yield rows[start : place + 1]
            start, characters = place + 1, 0
    if start < len(rows):
        yield rows[start:]


def build_point(collection: Collection, language: Language, row: sa.Row[Any]) -> Point:
    """Turn a row of `select_changed` into a point of a collection."""
    memory = memory_from_row(row[: len(FIELDS)])
    windows = None if row.windows is None or not collection.dims else unpack_vectors(row.windows, collection.dims)
    before = row[-len(_BEFORE) :]
    return Point(
        id=memory.id,
        revision=row.revision,
        text=SparseVector(*weigh_terms(build_search_text(memory, [text for text in before[1::2] if text], language))),
        payload=build_payload(memory, [each for each in before[::2] if each]),
        dense=None if windows is None else windows[0],
        windows=None if windows is None or len(windows) == 1 else windows,
    )


def build_payload(memory: Memory, before: Sequence[str]) -> dict[str, Any]:
    """Return a point's payload: the values that searches filter by, and the traits.

    The search store reads the traits with each of up to eighty candidates. The content of a memory in an answer is
    read from the record: only few memories are answered.
    """
    values: dict[str, Any] = {name: getattr(memory, name) for name in FILTERS}
    traits = StoredTraits(
        happened_at=(memory.occurred_at or memory.created_at).timestamp(),
        expires_at=None if memory.expires_at is None else memory.expires_at.timestamp(),
        before=tuple(before),
        author=memory.author or "",
        entity=memory.entity or "",
        project=memory.project or "",
        question_share=compute_question_share(memory.content),
        is_first_person=is_first_person(memory.content),
    )
    return {key: value for key, value in values.items() if value is not None} | {
        "tags": [tag.lower() for tag in memory.tags],  # found in any case of letters
        "access_count": memory.access_count,
        "traits": traits.encode(),
    }
