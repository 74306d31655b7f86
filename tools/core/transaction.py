"""How an operation changes what is in a workspace and is no memory: in one transaction, held and journaled."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.journal import journal_change
from tools.core.operation import Call, PlacedCall, ensure_workspace
from tools.core.services import Services


@asynccontextmanager
async def changing(
    services: Services, call: Call, what: dict[str, str]
) -> AsyncGenerator[tuple[AsyncConnection, PlacedCall]]:
    """One transaction that changes what is named by `what`, in a workspace that is made where it is missing.

    What is refused inside the block is undone with the workspace and the journal's entry.
    """
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        await journal_change(connection, placed.workspace.id, call.actor, services.now(), what)
        yield connection, placed
