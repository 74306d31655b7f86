"""The transaction in which an operation changes something in a workspace that is not a memory."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.journal import journal_change
from tools.core.call import Call, PlacedCall, ensure_workspace
from tools.core.services import Services


@asynccontextmanager
async def open_change(
    services: Services, call: Call, what: dict[str, str]
) -> AsyncGenerator[tuple[AsyncConnection, PlacedCall]]:
    """Open a transaction that changes the thing that `what` names, e.g. `{"item": its id}`, and journal the change.

    A missing workspace is made. If the block raises, the workspace and the journal's entry are undone with the change.
    """
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        await journal_change(connection, placed.workspace.id, call.actor, services.now(), what)
        yield connection, placed
