"""The erasure of what was deleted long ago, alone or with its workspace."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import Database
from server.store.lifecycle.forgetting import ErasedWorkspace, forget_memories
from server.store.record import golden, imports, memories, vectors
from server.store.record.capture.erasing import delete_places, delete_reports
from server.store.record.entities.changes import delete_entities_of_workspaces
from server.store.record.erasure.tombstones import Tombstones
from server.store.record.journal import Actor, blank_section_entries
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table
from server.store.tables.working import identity_crystals, working_items, working_sections

STEP = 200
#: The number of memories that are erased with their copies in one transaction.
STEP_WITH_COPIES = 20

_HOUSEKEEPING = Actor("housekeeping", "housekeeping", "erase_due_memories", "")


async def erase_due_memories(db: Database, tombstones: Tombstones, now: datetime, undo: timedelta) -> int:
    """Erase the memories that were deleted, alone or with their workspace, before `now - undo`.

    The copies of those that were deleted alone are erased, too, and what they said stays forgotten. The working memory,
    the skip list, the identity crystals and the golden cases of a deleted workspace are deleted.

    Returns:
        The number of memories erased and of other rows deleted.
    """
    before = now - undo
    alone = sa.select(table.c.id).where(table.c.deleted_at <= before)
    gone = sa.select(workspaces.c.id).where(workspaces.c.deleted_at <= before)
    erased = 0
    while ids := await _list_due_ids(db, alone, STEP_WITH_COPIES):
        async with db.write() as connection:
            by_workspace: dict[ErasedWorkspace, list[str]] = {}
            # Asked again, because a deletion may have been undone since.
            due = _keep_unerased(alone.add_columns(table.c.workspace_id, workspaces.c.account_id))
            due = due.join(workspaces, workspaces.c.id == table.c.workspace_id).where(table.c.id.in_(ids))
            for row in await connection.execute(due.order_by(table.c.workspace_id)):
                by_workspace.setdefault(ErasedWorkspace(row.account_id, row.workspace_id), []).append(row.id)
            for place, some in by_workspace.items():
                done, _, _ = await forget_memories(connection, tombstones, place, some, _HOUSEKEEPING, now)
                erased += len(done.erased)
    erased += await _erase_workspaces(db, gone, now)
    if erased:
        await db.empty_log()
    return erased


async def _erase_workspaces(db: Database, gone: sa.Select[str], now: datetime) -> int:
    """Erase everything in the workspaces that a query selects, and return the number of rows."""
    async with db.read() as connection:
        if (await connection.execute(gone.limit(1))).first() is None:
            return 0
    ended, erased = sa.select(table.c.id).where(table.c.workspace_id.in_(gone)), 0
    while ids := await _list_due_ids(db, ended, STEP):
        async with db.write() as connection:
            still = list((await connection.execute(_keep_unerased(ended).where(table.c.id.in_(ids)))).scalars())
            for memory_id in still:
                await memories.erase_content(connection, memory_id, now)
                await vectors.delete_vectors(connection, memory_id)
        erased += len(still)
    async with db.write() as connection:
        erased += await golden.delete_cases_of_workspaces(connection, gone)
        return erased + await _delete_other_rows(connection, gone)


async def _delete_other_rows(connection: AsyncConnection, gone: sa.Select[str]) -> int:
    """Delete the rows of these workspaces that are not memories, and return the number of rows deleted."""
    deleted = 0
    for each in (working_items, identity_crystals):
        deleted += (await connection.execute(sa.delete(each).where(each.c.workspace_id.in_(gone)))).rowcount
    deleted += sum((await delete_reports(connection, gone)).values())
    await delete_places(connection, gone)
    await imports.delete_runs_of_workspaces(connection, gone)
    deleted += await delete_entities_of_workspaces(connection, gone)
    sections = sa.delete(working_sections).where(working_sections.c.workspace_id.in_(gone))
    workspace_ids = list((await connection.execute(sections.returning(working_sections.c.workspace_id))).scalars())
    if workspace_ids:
        await blank_section_entries(connection, workspace_ids)
    return deleted + len(workspace_ids)


def _keep_unerased(due: sa.Select[*tuple[str, ...]]) -> sa.Select[*tuple[str, ...]]:
    return due.where(table.c.erased_at.is_(None))


async def _list_due_ids(db: Database, due: sa.Select[str], limit: int) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(_keep_unerased(due).limit(limit))).scalars())
