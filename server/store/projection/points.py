"""A memory's row as the search store holds it: its vectors, what it is found by, and what is answered."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.languages import Language
from server.memory.models import Memory
from server.memory.text import NEIGHBOURS, build_search_text, weights
from server.store.record.memories import FIELDS, from_row
from server.store.record.vectors import unpack
from server.store.search.seam import Collection, Point, Sparse
from server.store.tables.memories import memories, vectors

#: The payload keys that a search may filter by.
FILTERS = ("type", "tags", "scope", "project", "task", "entity", "author", "session")

#: What recall answers of a memory, and all that the search store keeps of it as text.
SHOWN = {
    "id",
    "content",
    "type",
    "tags",
    "scope",
    "project",
    "entity",
    "author",
    "session",
    "occurred_at",
    "created_at",
    "expires_at",
    "source",
    "linkages",
}

_SEPARATOR = "\x00"  # refused in every text

_before = memories.alias("before")


def _neighbour(column: sa.Column[str], places: int) -> sa.ScalarSelect[str]:
    """What stands so many places before a memory in its session, counting those that were not deleted.

    `memories.renew_followers` is its other side: whoever changes such a text has its followers projected again.
    """
    return (
        sa.select(_before.c[column.name])
        .where(
            _before.c.workspace_id == memories.c.workspace_id,
            _before.c.session == memories.c.session,
            _before.c.position < memories.c.position,
            _before.c.deleted_at.is_(None),
        )
        .order_by(_before.c.position.desc())
        .limit(1)
        .offset(places - 1)
        .scalar_subquery()
    )


_BEFORE = [
    _neighbour(column, places).label(f"before_{column.name}_{places}")
    for places in range(1, NEIGHBOURS + 1)
    for column in (memories.c.id, memories.c.content)
]


async def changed(
    connection: AsyncConnection, workspace_id: str, generation: int, after: int, limit: int
) -> Sequence[sa.Row[Any]]:
    """The workspace's rows above a revision, in the order of their revisions, with all that `point` needs."""
    theirs = sa.and_(vectors.c.memory_id == memories.c.id, vectors.c.generation == generation)
    query = (
        sa.select(
            *(memories.c[name] for name in FIELDS),
            memories.c.revision,
            memories.c.deleted_at,
            vectors.c.windows,
            *_BEFORE,
        )
        .outerjoin_from(memories, vectors, theirs)
        .where(memories.c.workspace_id == workspace_id, memories.c.revision > after)
        .order_by(memories.c.revision)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


def point(collection: Collection, workspace_id: str, language: Language, row: sa.Row[Any]) -> Point:
    """A row of `changed` as the point of a collection."""
    memory = from_row(row[: len(FIELDS)])
    windows = None if row.windows is None or not collection.dims else unpack(row.windows, collection.dims)
    before = row[-len(_BEFORE) :]
    return Point(
        id=memory.id,
        revision=row.revision,
        text=Sparse(*weights(build_search_text(memory, [text for text in before[1::2] if text], language))),
        payload=payload(memory, workspace_id, [each for each in before[::2] if each]),
        dense=None if windows is None else windows[0],
        windows=None if windows is None or len(windows) == 1 else windows,
    )


def payload(memory: Memory, workspace_id: str, before: Sequence[str]) -> dict[str, Any]:
    """What a point carries: what searches filter by, what they rank by, and what recall shows of it as JSON text.

    One string is read back many times faster than twenty values, and `memory` only for the hits that are answered.
    It is read with each of up to eighty candidates, so what nobody is shown is not there.
    """
    values: dict[str, Any] = {name: getattr(memory, name) for name in FILTERS}
    happened = memory.occurred_at or memory.created_at
    expires = "" if memory.expires_at is None else str(memory.expires_at.timestamp())
    called = [each or "" for each in (memory.author, memory.entity, memory.project)]
    return {key: value for key, value in values.items() if value is not None} | {
        "tags": [tag.lower() for tag in memory.tags],  # found in any case of letters
        "workspace_id": workspace_id,
        "access_count": memory.access_count,
        "traits": _SEPARATOR.join([str(happened.timestamp()), expires, " ".join(before), *called]),
        "memory": shown(memory),
    }


def shown(memory: Memory) -> str:
    """What recall shows of a memory, as JSON."""
    return memory.model_dump_json(include=SHOWN, exclude_none=True)


def unpacked_traits(traits: str) -> list[str]:
    """When it happened and when it expires (seconds since 1970), the ids before it, its author, entity and project.

    What it has not is "".
    """
    return traits.split(_SEPARATOR)
