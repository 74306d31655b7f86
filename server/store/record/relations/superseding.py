"""Which memories are superseded: those to which a memory that is not deleted has a link `supersedes`.

The links are the truth. `superseded_by` and `superseded_at` of a memory are a copy, which is renewed in the transaction
that changes links or deletes a memory, so that no reader has to look for links.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import SUPERSEDES, Memory
from server.store.tables.links import links
from server.store.tables.memories import memories

_IS_SUPERSEDING = sa.and_(links.c.to_kind == "memory", sa.func.lower(links.c.label) == SUPERSEDES)


def list_named_ids(new: Iterable[Memory]) -> set[str]:
    """Return the ids of the memories that new ones say they supersede."""
    return {link.id for memory in new for link in memory.linkages if link.supersedes and link.id is not None}


async def list_superseded_ids(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Return the ids of the memories that these say they supersede."""
    query = sa.select(links.c.to_id).where(links.c.from_id.in_(ids), _IS_SUPERSEDING)
    return set((await connection.execute(query)).scalars())


async def find_changed_marks(
    connection: AsyncConnection, workspace_id: str, ids: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return the columns that say by which memory one is superseded, of those of the memories that have others so far.

    Of several, the newest is named. A memory is superseded since the first of them happened.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    later = memories.alias("later")
    query = (
        sa.select(links.c.to_id, later.c.id, later.c.occurred_at, later.c.created_at)
        .join(later, later.c.id == links.c.from_id)
        .where(links.c.workspace_id == workspace_id, links.c.to_id.in_(wanted), _IS_SUPERSEDING)
        .where(later.c.deleted_at.is_(None))
        .order_by(later.c.position)
    )
    marks: dict[str, dict[str, Any]] = {each: {"superseded_by": None, "superseded_at": None} for each in wanted}
    for row in await connection.execute(query):
        since = _find_earliest(row.created_at, row.occurred_at, marks[row.to_id]["superseded_at"])
        marks[row.to_id] = {"superseded_by": row.id, "superseded_at": since}
    now = sa.select(memories.c.id, memories.c.superseded_by, memories.c.superseded_at).where(memories.c.id.in_(wanted))
    there = {
        row.id: {"superseded_by": row.superseded_by, "superseded_at": row.superseded_at}
        for row in await connection.execute(now)
    }
    return {each: mark for each, mark in marks.items() if each in there and there[each] != mark}


def _find_earliest(*times: datetime | None) -> datetime:
    return min(time for time in times if time is not None)
