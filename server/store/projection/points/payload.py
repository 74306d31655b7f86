"""The points of the search store and their payload: the filters, and the traits for ranking."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.languages import Language
from server.memory.merging.merged_memory import SOURCE_LABEL, find_time
from server.memory.models import Memory
from server.memory.recall.prior import compute_question_share
from server.memory.speaker import find_speaker, is_first_person
from server.memory.text import build_search_text, weigh_terms
from server.store.projection.points.neighbours import NEIGHBOUR_COLUMNS, Origin, list_neighbours, read_origins
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.relations.current import IN_RECALL, NOT_REPLACED, Past, is_current
from server.store.record.vectors import unpack_vectors
from server.store.search.seam import Collection, Point, SparseVector
from server.store.tables.memories import memories, vectors

#: The payload keys that a search may filter by.
FILTERS = ("type", "tags", "scope", "project", "task", "entity", "author", "session")

#: Those of which a merged memory has all values of the memories that it was made from.
_OF_EACH = ("author", "entity", "session")

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
    #: The other times at which the memories happened that a merged one was made from.
    other_times: tuple[float, ...] = ()

    def encode(self) -> str:
        """Return the string that a point holds."""
        expires = "" if self.expires_at is None else str(self.expires_at)
        names = (" ".join(self.before), self.author, self.entity, self.project)
        prior = (f"{self.question_share:.3g}" if self.question_share else "", "1" if self.is_first_person else "")
        times = " ".join(map(str, self.other_times))
        return _SEPARATOR.join((str(self.happened_at), expires, *names, *prior, times))

    @classmethod
    def decode(cls, text: str) -> Self:
        """Return the traits that a point's string holds."""
        happened, expires, before, author, entity, project, asked, first, others = text.split(_SEPARATOR)
        # By position: by name, a tuple takes three times as long to make, and a recall reads up to eighty of these.
        ends = float(expires) if expires else None
        share = float(asked) if asked else 0.0
        times = tuple(map(float, others.split())) if others else ()
        return cls(float(happened), ends, tuple(before.split()), author, entity, project, share, bool(first), times)


# Made once: each write reads such rows, and to make the statement takes longer than to run it.
_ROWS = (
    sa.select(
        *(memories.c[name] for name in FIELDS),
        memories.c.revision,
        memories.c.deleted_at,
        vectors.c.windows,
        *NEIGHBOUR_COLUMNS,
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
_NEWEST = _ROWS.where(memories.c.deleted_at.is_(None), IN_RECALL).order_by(memories.c.revision.desc())


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


async def select_replaced(
    connection: AsyncConnection, workspace_id: str, generation: int, past: Past, limit: int
) -> Sequence[sa.Row[Any]]:
    """Select the rows of the workspace that other memories replaced and the past has, for `build_point`."""
    values = {"workspace": workspace_id, "generation": generation, "after": 0, "most": limit}
    query = _ROWS.where(memories.c.deleted_at.is_(None), ~NOT_REPLACED, is_current(past))
    return (await connection.execute(query.order_by(memories.c.revision.desc()), values)).all()


def split_rows(rows: Sequence[sa.Row[Any]]) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield the rows in parts whose points take a few milliseconds to make: after each, others have their turn."""
    start = characters = 0
    for place, row in enumerate(rows):
        characters += len(row.content) + sum(len(text) for text in row[-len(NEIGHBOUR_COLUMNS) :][1::2] if text)
        if place + 1 - start == PART_ROWS or characters >= PART_CHARACTERS:
            yield rows[start : place + 1]
            start, characters = place + 1, 0
    if start < len(rows):
        yield rows[start:]


Origins = Mapping[str, Origin]


async def read_origins_of(connection: AsyncConnection, rows: Iterable[sa.Row[Any]]) -> Origins:
    """Return the origins of the merged memories among these rows, by their ids."""
    merged = [row.id for row in rows if any(link.get("label") == SOURCE_LABEL for link in row.linkages)]
    return await read_origins(connection, merged) if merged else {}


def build_point(collection: Collection, language: Language, row: sa.Row[Any], origins: Origins) -> Point:
    """Turn a row of `select_changed` into a point of a collection, with what `read_origins_of` read for it.

    A merged memory is found by the names, dates, sessions and neighbours of those that it was made from.
    """
    memory = memory_from_row(row[: len(FIELDS)])
    origin = origins.get(memory.id, Origin())
    windows = None if row.windows is None or not collection.dims else unpack_vectors(row.windows, collection.dims)
    # A merged memory itself stands in no one place of a session.
    before = origin.before if origin.leaves else list_neighbours(memory, row)
    texts = [each.content for each in before]
    return Point(
        id=memory.id,
        revision=row.revision,
        text=SparseVector(*weigh_terms(build_search_text(memory, texts, language, origin.leaves))),
        payload=build_payload(memory, [each.id for each in before], origin.leaves),
        dense=None if windows is None else windows[0],
        windows=None if windows is None or len(windows) == 1 else windows,
    )


def build_payload(memory: Memory, before: Sequence[str], told: Sequence[Memory] = ()) -> dict[str, Any]:
    """Return a point's payload: the values that searches filter by, and the traits.

    `before` are the ids of the memories just before it, the nearest first. `told` are the memories that a merged one
    was made from. It has all of their authors, entities and sessions.

    The search store reads the traits with each of up to eighty candidates. The content of a memory in an answer is
    read from the record: only few memories are answered.
    """
    values: dict[str, Any] = {name: getattr(memory, name) for name in FILTERS}
    names = {name: _list_names(told, name) for name in _OF_EACH}
    values |= {name: some for name, some in names.items() if some and values[name] is None}
    happened_at = find_time(memory).timestamp()
    traits = StoredTraits(
        happened_at=happened_at,
        expires_at=None if memory.expires_at is None else memory.expires_at.timestamp(),
        before=tuple(before),
        author=", ".join(_list_speakers((memory,)) or _list_speakers(told)),
        entity=memory.entity or ", ".join(names["entity"]),
        project=memory.project or "",
        question_share=compute_question_share(memory.content),
        is_first_person=is_first_person(memory.content),
        other_times=tuple(sorted({find_time(each).timestamp() for each in told} - {happened_at})),
    )
    return {key: value for key, value in values.items() if value is not None} | {
        "tags": [tag.lower() for tag in memory.tags],  # found in any case of letters
        "access_count": memory.access_count,
        "traits": traits.encode(),
    }


def _list_speakers(some: Sequence[Memory]) -> list[str]:
    speakers = (find_speaker(each.author, each.inferred, each.content) for each in some)
    return list(dict.fromkeys(each for each in speakers if each))


def _list_names(told: Sequence[Memory], name: str) -> list[str]:
    names: Iterable[str | None] = (getattr(each, name) for each in told)
    return list(dict.fromkeys(each for each in names if each))
