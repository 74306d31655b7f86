"""Erasing memories for good, once their deletion is too old to be undone."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import Database
from server.store.record import golden, memories, vectors
from server.store.record.journal import blank_section_entries
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table
from server.store.tables.working import identity_crystals, working_items, working_sections

STEP = 200


async def erase_due_memories(db: Database, now: datetime, undo: timedelta) -> int:
    """Overwrite the content of memories that were deleted, alone or with their workspace, before `now - undo`.

    The working memory, the skip list, the identity crystals and the golden cases of such a workspace are deleted.

    Returns:
        The number of memories overwritten and of other rows deleted.
    """
    before, erased = now - undo, 0
    alone = sa.select(table.c.id).where(table.c.deleted_at <= before)
    gone = sa.select(workspaces.c.id).where(workspaces.c.deleted_at <= before)
    ended = sa.select(table.c.id).where(table.c.workspace_id.in_(gone))
    for due in (alone, ended):
        while ids := await _list_due_ids(db, due):
            async with db.write() as connection:
                # Asked again, because a deletion may have been undone since.
                still = list((await connection.execute(_keep_unerased(due).where(table.c.id.in_(ids)))).scalars())
                for memory_id in still:
                    await memories.erase_content(connection, memory_id, now)
                    await vectors.delete_vectors(connection, memory_id)
            erased += len(still)
    async with db.write() as connection:
        erased += await golden.delete_cases_of_workspaces(connection, gone)
        erased += await _delete_other_rows(connection, gone)
    if erased:
        await db.empty_log()
    return erased


async def _delete_other_rows(connection: AsyncConnection, gone: sa.Select[str]) -> int:
    """Delete the rows of these workspaces that are not memories, and return the number of rows deleted."""
    deleted = 0
    for each in (working_items, identity_crystals):
        deleted += (await connection.execute(sa.delete(each).where(each.c.workspace_id.in_(gone)))).rowcount
    sections = sa.delete(working_sections).where(working_sections.c.workspace_id.in_(gone))
    homes = list((await connection.execute(sections.returning(working_sections.c.workspace_id))).scalars())
    if homes:
        await blank_section_entries(connection, homes)
    return deleted + len(homes)


def _keep_unerased(due: sa.Select[str]) -> sa.Select[str]:
    return due.where(table.c.erased_at.is_(None))


async def _list_due_ids(db: Database, due: sa.Select[str]) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(_keep_unerased(due).limit(STEP))).scalars())
