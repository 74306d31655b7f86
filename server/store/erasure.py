"""Forgetting for good: what was deleted longer ago than it can be undone."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from server.store import golden, memories, vectors
from server.store.db import Database
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table

STEP = 200


async def erase_due(db: Database, now: datetime, undo: timedelta) -> int:
    """Overwrite what memories said that were deleted, alone or with their workspace, before `now - undo`; how many.

    The golden cases of such a workspace, which quote it, go with them, and are counted too.
    """
    before, erased = now - undo, 0
    alone = sa.select(table.c.id).where(table.c.deleted_at <= before)
    gone = sa.select(workspaces.c.id).where(workspaces.c.deleted_at <= before)
    ended = sa.select(table.c.id).where(table.c.workspace_id.in_(gone))
    for due in (alone, ended):
        while ids := await _some(db, due):
            async with db.write() as connection:
                # Asked again: one may have been brought back since.
                still = list((await connection.execute(_unerased(due).where(table.c.id.in_(ids)))).scalars())
                for memory_id in still:
                    await memories.erase_content(connection, memory_id, now)
                    await vectors.forget(connection, memory_id)
            erased += len(still)
    async with db.write() as connection:
        erased += await golden.forget(connection, gone)
    if erased:
        await db.scrub()
    return erased


def _unerased(due: sa.Select[str]) -> sa.Select[str]:
    return due.where(table.c.erased_at.is_(None))


async def _some(db: Database, due: sa.Select[str]) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(_unerased(due).limit(STEP))).scalars())
