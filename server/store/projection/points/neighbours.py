"""The memories just before one in its session: it is found by their texts, too, and it ranks with them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.memory.recall.talk import are_of_one_talk
from server.memory.text import NEIGHBOURS
from server.store.record.leaves import read_leaves, split_ids
from server.store.tables.memories import memories

#: A merged memory has no more neighbours than this, of all its leaves together. Measured: docs/benchmarks.md.
MOST_OF_MERGED = 2 * NEIGHBOURS


class Neighbour(NamedTuple):
    """A memory just before another one: its text, and the id under which it is found."""

    id: str
    content: str


class Origin(NamedTuple):
    """The memories that a merged one was made from, oldest first, and those just before them, the nearest first."""

    leaves: Sequence[Memory] = ()
    before: Sequence[Neighbour] = ()


_earlier_memories = memories.alias("before")


def _select_neighbour(column: sa.ColumnElement[str], places: int) -> sa.ScalarSelect[str]:
    """Select a column of the memory that stands so many places before one in its session.

    Deleted and buried ones do not count. If such a text changes, the memories after it must be projected again:
    `followers.renew_followers` does that.
    """
    return (
        sa.select(column)
        .where(
            _earlier_memories.c.workspace_id == memories.c.workspace_id,
            _earlier_memories.c.session == memories.c.session,
            _earlier_memories.c.position < memories.c.position,
            _earlier_memories.c.deleted_at.is_(None),
            _earlier_memories.c.buried_at.is_(None),
        )
        .order_by(_earlier_memories.c.position.desc())
        .limit(1)
        .offset(places - 1)
        .scalar_subquery()
    )


#: For a query of memories, as its last columns: see `list_neighbours`.
NEIGHBOUR_COLUMNS = [
    _select_neighbour(column, places).label(f"before_{name}_{places}")
    for places in range(1, NEIGHBOURS + 1)
    for name, column in (
        # The memory that replaced it is found in its place.
        ("id", sa.func.coalesce(_earlier_memories.c.consolidated_into, _earlier_memories.c.id)),
        ("content", _earlier_memories.c.content),
    )
]


def list_neighbours(memory: Memory, row: sa.Row[Any]) -> list[Neighbour]:
    """Return the memories just before one in its session, the nearest first. Its row ends with `NEIGHBOUR_COLUMNS`."""
    values = row[-len(NEIGHBOUR_COLUMNS) :]
    before = [Neighbour(*pair) for pair in zip(values[::2], values[1::2], strict=True) if all(pair)]
    if "session" in memory.inferred:
        before = [each for each in before if are_of_one_talk(memory.content, each.content)]
    return before


async def read_origins(connection: AsyncConnection, merged: Iterable[str]) -> Mapping[str, Origin]:
    """Return the origin of each of these memories that is a merged one, by its id."""
    leaves = await read_leaves(connection, merged)
    of_session = {each.id: each for some in leaves.values() for each in some if each.session is not None}
    before: dict[str, list[Neighbour]] = {}
    for ids in split_ids(list(of_session)):
        query = sa.select(memories.c.id, *NEIGHBOUR_COLUMNS).where(memories.c.id.in_(ids))
        before |= {row.id: list_neighbours(of_session[row.id], row) for row in await connection.execute(query)}
    return {each: Origin(some, _choose_neighbours(each, some, before)) for each, some in leaves.items()}


def _choose_neighbours(
    memory_id: str, leaves: Sequence[Memory], before: Mapping[str, Sequence[Neighbour]]
) -> Sequence[Neighbour]:
    """Return the memories just before the leaves: first the nearest of each leaf, the oldest leaf's first."""
    by_place = zip_longest(*(before.get(each.id, ()) for each in leaves))
    found = {each.id: each for some in by_place for each in some if each is not None and each.id != memory_id}
    return list(found.values())[:MOST_OF_MERGED]
