"""Burying and pinning: a person's decision that recall never returns a memory, or that each context begins with it."""

from typing import Any, Literal

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.models import Memory
from server.store.record import memories
from server.store.record.journal import journal_memories
from server.store.record.recall.recalled import MOST_PINNED, count_pinned_memories
from server.store.record.relations.followers import renew_followers
from tools.core.answers import Answer
from tools.core.call import Call
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.arguments import MemoryRef
from tools.memories.deletion import find_shown_crystal
from tools.memories.rows import hold_memory

Mark = Literal["buried_at", "pinned_at"]
_STILL_SAID = (
    "The memory is buried, but the identity crystal, which was composed from memories, still quotes it: write or "
    "compose the crystal again, if that is not meant."
)


class BuryMemory(MemoryRef):
    """The arguments of `bury_memory`."""


class UnburyMemory(MemoryRef):
    """The arguments of `unbury_memory`."""


class PinMemory(MemoryRef):
    """The arguments of `pin_memory`."""


class UnpinMemory(MemoryRef):
    """The arguments of `unpin_memory`."""


class MarkedMemory(Answer):
    """A memory that was buried or pinned, or is not any more."""

    id: str = Field(description="The memory's id.")
    changed: bool = Field(description="False if it was so before: then nothing changed.")
    memory: Memory = Field(description="The memory as it is now.")


async def bury_memory(services: Services, call: Call, args: BuryMemory) -> MarkedMemory:
    """Hide a memory from every recall; it stays readable by its id. A pinned one is not pinned any more.

    Raises:
        Failure: `not_found`; `conflict` if it was merged into another one, which recall has in its place.
    """
    return await mark_memory(services, call, args.id, "buried_at", is_set=True)


async def unbury_memory(services: Services, call: Call, args: UnburyMemory) -> MarkedMemory:
    """Let recall return a memory again that was buried. Raises `not_found`."""
    return await mark_memory(services, call, args.id, "buried_at", is_set=False)


async def pin_memory(services: Services, call: Call, args: PinMemory) -> MarkedMemory:
    """Have each context and each briefing begin with a memory.

    Raises:
        Failure: `not_found`; `conflict` if recall does not have the memory, or if too many are pinned.
    """
    return await mark_memory(services, call, args.id, "pinned_at", is_set=True)


async def unpin_memory(services: Services, call: Call, args: UnpinMemory) -> MarkedMemory:
    """Treat a pinned memory as the others are. Raises `not_found`."""
    return await mark_memory(services, call, args.id, "pinned_at", is_set=False)


async def mark_memory(services: Services, call: Call, memory_id: str, mark: Mark, *, is_set: bool) -> MarkedMemory:
    """Set or remove a mark, if that changes anything. Raises as the four operations do."""
    now, workspace, notice = services.now(), call.id_for_reading, None
    async with services.db.write() as connection:
        revision, before = await hold_memory(connection, workspace, memory_id, now)
        after = before
        if is_set != (getattr(before, mark) is not None):
            await check_mark(connection, workspace, before, mark, is_set=is_set)
            changes: dict[str, Any] = {mark: now if is_set else None, "updated_at": now}
            if mark == "buried_at" and is_set:
                changes["pinned_at"] = None
            after = before.model_copy(update=changes)
            await memories.update_memory(connection, memory_id, revision, changes)
            if mark == "buried_at":
                await renew_followers(connection, workspace, memory_id, now)
                if is_set and await find_shown_crystal(connection, workspace, memory_id):
                    notice = _STILL_SAID
            change = (memory_id, before.model_dump(mode="json"), after.model_dump(mode="json"))
            await journal_memories(connection, workspace, call.actor, now, revision, [change])
    if after is not before:
        await services.projection.project(workspace)
    return MarkedMemory(meta=call.build_meta(notice), id=memory_id, changed=after is not before, memory=after)


async def check_mark(
    connection: AsyncConnection, workspace_id: str, memory: Memory, mark: Mark, *, is_set: bool
) -> None:
    """Refuse a mark that could not do what it says. The caller holds the workspace.

    Raises:
        Failure: `conflict`.
    """
    if not is_set:
        return
    if memory.consolidated:
        into = memory.consolidated_into
        verb = "bury" if mark == "buried_at" else "pin"
        message = f"The memory was merged into {into}, which recall has in its place; {verb} that one."
        raise Failure("conflict", message, field="id")
    if mark == "buried_at":
        return
    if memory.buried_at is not None:
        raise Failure("conflict", "The memory is buried; call unbury_memory before you pin it.", field="id")
    if memory.superseded_by is not None:
        message = f"The memory was replaced by {memory.superseded_by}; pin that one."
        raise Failure("conflict", message, field="id")
    if await count_pinned_memories(connection, workspace_id) >= MOST_PINNED:
        message = f"This workspace has {MOST_PINNED} pinned memories, the most there may be; unpin one first."
        raise Failure("conflict", message, field="id")


OPERATIONS = (
    Operation(
        name="bury_memory",
        description=(
            "Hide one memory from every recall, briefing and list, without deleting it, when the person does not want "
            "to hear of it again. fetch still returns it, and unbury_memory brings it back."
        ),
        routes=(("POST", "/v1/memories/{id}/bury"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=BuryMemory,
        returns=MarkedMemory,
        handler=bury_memory,
    ),
    Operation(
        name="unbury_memory",
        description="Let recall return a memory again that bury_memory hid.",
        routes=(("POST", "/v1/memories/{id}/unbury"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UnburyMemory,
        returns=MarkedMemory,
        handler=unbury_memory,
    ),
    Operation(
        name="pin_memory",
        description=(
            "Have every session's briefing and every context begin with one memory, when the person wants it always "
            f"kept in mind. It does not fade and is not merged. At most {MOST_PINNED} in a workspace."
        ),
        routes=(("POST", "/v1/memories/{id}/pin"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=PinMemory,
        returns=MarkedMemory,
        handler=pin_memory,
    ),
    Operation(
        name="unpin_memory",
        description="Treat a pinned memory as the others are: it comes if it fits, it fades, and it may be merged.",
        routes=(("POST", "/v1/memories/{id}/unpin"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UnpinMemory,
        returns=MarkedMemory,
        handler=unpin_memory,
    ),
)
