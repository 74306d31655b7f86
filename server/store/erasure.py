"""Forgetting for good: what was deleted longer ago than it can be undone."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from server.store import memories, vectors
from server.store.db import Database
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table

STEP = 200


async def erase_due(db: Database, now: datetime, undo: timedelta) -> int:
    """Overwrite what memories said that were deleted, alone or with their workspace, before `now - undo`; how many."""
    before, erased = now - undo, 0
    while True:
        async with db.write() as connection:
            gone = sa.or_(table.c.deleted_at <= before, workspaces.c.deleted_at <= before)
            due = (
                sa.select(table.c.id)
                .join(workspaces, workspaces.c.id == table.c.workspace_id)
                .where(table.c.erased_at.is_(None), gone)
                .limit(STEP)
            )
            ids = list((await connection.execute(due)).scalars())
            for memory_id in ids:
                await memories.erase_content(connection, memory_id, now)
                await vectors.forget(connection, memory_id)
        erased += len(ids)
        if len(ids) < STEP:
            return erased
