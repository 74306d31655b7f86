"""Journaling what changes in a workspace and is no memory: who did it, when, by which operation, to what."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.memories import Actor
from server.store.tables.accounts import workspaces
from server.store.tables.memories import journal


async def note(
    connection: AsyncConnection, workspace_id: str, actor: Actor, now: datetime, what: dict[str, str]
) -> None:
    """Journal a change, and hold the workspace against other writers until the transaction ends.

    `what` names the thing that changes and not what it says, so nothing has to be erased from the journal later but the
    names of a deleted workspace's sections. The workspace's revision stays: the projection follows memories only.

    Raises:
        LookupError: the workspace was deleted.
    """
    held = (
        sa.update(workspaces)
        .where(workspaces.c.id == workspace_id, workspaces.c.deleted_at.is_(None))
        .values(updated_at=now)
        .returning(workspaces.c.revision)
    )
    revision = (await connection.execute(held)).scalar_one_or_none()
    if revision is None:
        raise LookupError(workspace_id)
    await connection.execute(
        sa.insert(journal).values(
            workspace_id=workspace_id,
            revision=revision,
            at=now,
            operation=actor.operation,
            user_id=actor.user_id,
            credential_id=actor.credential_id,
            request_id=actor.request_id,
            after=what,
        )
    )
