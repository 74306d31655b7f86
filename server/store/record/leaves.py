"""The leaves of merged memories: the memories that they were made from, and that were made from no others."""

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.store.record.memories import FIELDS, memory_from_row
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories as table

#: The number of rows that are read at a time.
STEP = 200


async def read_leaves(connection: AsyncConnection, merged: Iterable[str]) -> dict[str, Sequence[Memory]]:
    """Return the leaves of each of these memories that is a merged one, by its id: those not deleted, oldest first."""
    below: dict[str, list[str]] = {}
    leaves: dict[str, tuple[int, Memory]] = {}
    wanted, waiting = list(merged), list(merged)
    while waiting:
        found = await _read_sources(connection, waiting)
        below |= found
        waiting = [each for ids in found.values() for each in ids if each not in below]
        sources = await _read_rows(connection, waiting)
        leaves |= sources
        waiting = [each for each in waiting if each in sources]
    return {each: _list_leaves(each, below, leaves) for each in wanted if each in below}


async def find_live_merges(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    """Return the memory that recall has in place of each of these, if there is one: they were merged into it."""
    into: dict[str, str | None] = {}
    waiting = list(ids)
    while waiting:
        for some in split_ids(waiting):
            query = sa.select(table.c.id, table.c.consolidated_into)
            query = query.where(table.c.deleted_at.is_(None), table.c.buried_at.is_(None))
            rows = await connection.execute(query.where(table.c.id.in_(some)))
            into |= {row.id: row.consolidated_into for row in rows}
        above_them = {into.get(each) for each in waiting}
        waiting = [each for each in above_them if each is not None and each not in into]
    found: dict[str, str] = {}
    for each in ids:
        last = each
        while (above := into.get(last)) is not None:
            last = above
        if last in into and last != each:
            found[each] = last
    return found


def _list_leaves(
    memory_id: str, below: dict[str, list[str]], leaves: dict[str, tuple[int, Memory]]
) -> Sequence[Memory]:
    found: dict[str, tuple[int, Memory]] = {}
    waiting = [memory_id]
    while waiting:
        each = waiting.pop()
        if each in below:
            waiting += below[each]
        elif each in leaves:
            found[each] = leaves[each]
    return [memory for _, memory in sorted(found.values(), key=lambda pair: pair[0])]


async def _read_sources(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the sources of those memories that are merged ones."""
    found: dict[str, list[str]] = {}
    for some in split_ids(ids):
        merge = consolidations.c
        query = sa.select(merge.memory_id, merge.source_ids).where(merge.memory_id.in_(some))
        found |= {row.memory_id: row.source_ids for row in await connection.execute(query)}
    return found


async def _read_rows(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[int, Memory]]:
    """Return those memories that are not deleted, each with its position."""
    found: dict[str, tuple[int, Memory]] = {}
    for some in split_ids(ids):
        query = sa.select(*(table.c[name] for name in FIELDS), table.c.position)
        live = query.where(table.c.id.in_(some), table.c.deleted_at.is_(None))
        found |= {row.id: (row.position, memory_from_row(row[: len(FIELDS)])) for row in await connection.execute(live)}
    return found


def split_ids(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in order, in pieces of at most `STEP`."""
    return (ids[start : start + STEP] for start in range(0, len(ids), STEP))
