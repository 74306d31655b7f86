"""The undoing of an import: what it brought is deleted as one."""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.errors import Failure
from server.store.db import Database
from server.store.record import imports, memories
from server.store.record.journal import Actor, journal_memories
from server.store.record.relations.followers import renew_followers
from tools.imports.notes import delete_notes

#: The memories that are deleted with one statement.
_STEP = 500


async def undo_import(db: Database, now: Clock, actor: Actor, workspace_id: str, run_id: str) -> int:
    """Delete what an import brought in one transaction, and return how many memories there were.

    They can be imported again. Those that somebody deleted before stay deleted, and are not imported again.

    Raises:
        Failure: `not_found`; `conflict`, it was undone before.
    """
    at = now()
    async with db.write() as connection:
        run = await imports.find_run(connection, workspace_id, run_id)
        if run is None:
            raise Failure("not_found", f"There is no import {run_id} in this workspace.", field="run")
        if run.undone_at is not None:
            raise Failure("conflict", f"The import {run_id} was undone before.", field="run")
        left = await imports.list_left_memories(connection, run_id)
        for start in range(0, len(left), _STEP):
            await _delete(connection, workspace_id, left[start : start + _STEP], actor, now)
        if left:
            await imports.free_keys(connection, run_id, left)
        notes = await imports.list_notes(connection, run_id)
        await delete_notes(connection, workspace_id, notes, at)
        for each in notes:
            await imports.free_note(connection, run_id, each)
        await imports.update_run(connection, run_id, {"undone_at": at})
    return len(left)


async def _delete(connection: AsyncConnection, workspace_id: str, ids: list[str], actor: Actor, now: Clock) -> None:
    at = now()
    first = await memories.advance_revision(connection, workspace_id, len(ids), at)
    changes: list[tuple[str, dict[str, object] | None, dict[str, object] | None]] = []
    for step, each in enumerate(ids):
        before = await memories.get_memory(connection, workspace_id, each)
        await memories.update_memory(connection, each, first + step, {"deleted_at": at})
        changes.append((each, None if before is None else before.model_dump(mode="json"), None))
    await journal_memories(connection, workspace_id, actor, at, first, changes)
    await renew_followers(connection, workspace_id, ids[-1], at)
