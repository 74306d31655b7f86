"""The memories that are found by the text of another one, too. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.text import NEIGHBOURS
from server.store.record.leaves import find_live_merges
from server.store.record.memories import advance_revision, update_memory
from server.store.tables.memories import memories


async def renew_followers(
    connection: AsyncConnection, workspace_id: str, memory_id: str, now: datetime, *, may_be_deleted: bool = False
) -> None:
    """Give new revisions to the memories just after one in its session, and to those into which they were merged.

    They are found by its text, too, so the projection writes them again. Call this in the transaction that changes or
    hides the text. If the memory moves to another session, call it before the move and after it. In a deleted
    workspace it works only with `may_be_deleted`.
    """
    followers = await list_followers(connection, workspace_id, memory_id)
    await renew_memories(connection, workspace_id, followers, now, may_be_deleted=may_be_deleted)


async def list_followers(connection: AsyncConnection, workspace_id: str, memory_id: str) -> list[str]:
    """Return the ids of the memories just after one in its session, and of those into which they were merged."""
    itself = memories.alias("itself")
    query = (
        sa.select(memories.c.id, memories.c.consolidated_into)
        .join(itself, sa.and_(itself.c.session == memories.c.session, itself.c.position < memories.c.position))
        .where(itself.c.id == memory_id, memories.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None))
        .order_by(memories.c.position)
        .limit(NEIGHBOURS)
    )
    rows = (await connection.execute(query)).all()
    merged = [row.id for row in rows if row.consolidated_into is not None]
    merges = await find_live_merges(connection, merged) if merged else {}
    return list(dict.fromkeys([*(row.id for row in rows), *merges.values()]))


async def renew_memories(
    connection: AsyncConnection, workspace_id: str, ids: Sequence[str], now: datetime, *, may_be_deleted: bool = False
) -> None:
    """Give new revisions to these memories, so that the projection writes them again."""
    if ids:
        first = await advance_revision(connection, workspace_id, len(ids), now, may_be_deleted=may_be_deleted)
        for step, each in enumerate(ids):
            await update_memory(connection, each, first + step, {})
