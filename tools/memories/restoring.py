"""Bringing a deleted memory back, as long as its text is kept."""

from pydantic import Field

from server.memory.models import Memory
from server.store.record import memories
from server.store.record.journal import journal_memories
from server.store.record.relations.followers import renew_followers
from tools.core.answers import Answer
from tools.core.call import Call
from tools.core.services import Services
from tools.memories.arguments import MemoryRef
from tools.memories.rows import hold_memory


class RestoreMemory(MemoryRef):
    """The arguments of `restore_memory`."""


class RestoredMemory(Answer):
    """The memory that is back."""

    id: str = Field(description="The memory's id.")
    restored: bool = Field(description="False if it was not deleted: then nothing changed.")
    memory: Memory = Field(description="The memory.")


async def restore_memory(services: Services, call: Call, args: RestoreMemory) -> RestoredMemory:
    """Bring a deleted memory back to every path; one that is not deleted stays as it is.

    Raises:
        Failure: `not_found`, if its text was erased too; `quota_exceeded`.
    """
    now, workspace = services.now(), call.id_for_reading
    async with services.db.write() as connection:
        revision, memory = await hold_memory(connection, workspace, args.id, now, may_be_deleted=True)
        is_deleted = await memories.find_deletion(connection, workspace, args.id) is not None
        if is_deleted:
            await services.tombstones.check_texts(connection, workspace, [memory.content])
            await memories.update_memory(connection, args.id, revision, {"deleted_at": None})
            await renew_followers(connection, workspace, args.id, now)
            await services.plans.check_quota(connection, call.workspace.account_id, "memories")
            await journal_memories(
                connection, workspace, call.actor, now, revision, [(args.id, None, memory.model_dump(mode="json"))]
            )
    if is_deleted:
        services.encoder.filling.note_gaps()  # the model may have changed meanwhile
        await services.projection.project(workspace)
    return RestoredMemory(meta=call.meta, id=args.id, restored=is_deleted, memory=memory)
