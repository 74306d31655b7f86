"""Deleting many memories at once, in a transaction of the caller."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record import memories
from server.store.record.entities.mentions import forget_memories
from server.store.record.journal import journal_memories
from server.store.record.relations.followers import renew_followers
from tools.core.call import PlacedCall
from tools.core.services import Services


async def hide_memories(connection: AsyncConnection, services: Services, placed: PlacedCall, ids: Sequence[str]) -> int:
    """Delete memories as `delete_memory` does, and return how many there were; the others are gone already.

    The caller holds the reading of entities, and projects the workspace afterwards.
    """
    now, workspace = services.now(), placed.workspace.id
    found = [await memories.get_memory(connection, workspace, each) for each in ids]
    there = [each for each in found if each is not None]
    first = await memories.advance_revision(connection, workspace, len(there), now)
    changes: list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]] = []
    for step, memory in enumerate(there):
        await memories.update_memory(connection, memory.id, first + step, {"deleted_at": now})
        changes.append((memory.id, memory.model_dump(mode="json"), None))
    if changes:
        await journal_memories(connection, workspace, placed.actor, now, first, changes)
    for memory in there:
        await renew_followers(connection, workspace, memory.id, now)
    await forget_memories(connection, workspace, [each.id for each in there])
    return len(there)
