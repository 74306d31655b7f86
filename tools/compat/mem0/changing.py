"""Storing, changing and deleting memories by mem0's names."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.store.record import memory_lists
from server.store.record.memory_lists import Listing
from tools.compat.mem0.views import Done, JsonAnswer, MemoryAnswer, Owned, list_values
from tools.core.arguments import InWorkspace, validate_request
from tools.core.call import Call
from tools.core.fields import Content, Id, Word
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.view import open_entities
from tools.memories import deletion, ingest, operations
from tools.memories.arguments import Metadata
from tools.memories.hiding import hide_memories

#: The memories that are deleted in one transaction.
STEP = 200
#: The origin of the messages that are stored without an agent.
SOURCE = "mem0"
_SPELLINGS = {"content": "text", "author": "user_id", "source": "agent_id", "project": "app_id", "session": "run_id"}
_NO_SCOPE = "send user_id, agent_id, app_id or run_id, so that it is clear whose memories are meant"


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid")

    role: Word = Field(description="user, assistant, or another one.")
    content: Content = Field(description="What was said.")


class AddMemory(Owned):
    """The arguments of mem0's `add_memory`."""

    text: Content = Field(description="A plain sentence that says what to store. With `messages` these are stored.")
    messages: Annotated[list[Message], Field(max_length=ingest.MOST)] | None = Field(
        default=None, description="A conversation, as role and content. Each message becomes a memory."
    )
    metadata: Metadata | None = Field(default=None, description="Anything else to keep with it, as a JSON object.")
    enable_graph: bool | None = Field(
        default=None, description="Accepted and without effect: entities are found in every memory."
    )


class AddedMemory(BaseModel):
    """A memory that was stored."""

    id: str = Field(description="Its id.")
    memory: str = Field(description="Its text.")
    event: Literal["ADD", "NONE"] = Field(description="NONE if all of this was stored before.")


class AddedMemories(JsonAnswer):
    """The memories that were stored."""

    results: list[AddedMemory] = Field(description="The memories, in the order of what was sent.")


class UpdateMemory(InWorkspace):
    """The arguments of mem0's `update_memory`."""

    memory_id: Id = Field(description="The memory's id.")
    text: Content = Field(description="The new text.")


class DeleteMemory(InWorkspace):
    """The arguments of mem0's `delete_memory`."""

    memory_id: Id = Field(description="The memory's id.")


class DeleteAll(Owned):
    """The arguments of mem0's `delete_all_memories` and `delete_entities`."""

    @model_validator(mode="after")
    def _require_owner(self) -> Self:
        if not self.list_owners():
            raise ValueError(_NO_SCOPE)
        return self


async def add_memory(services: Services, call: Call, args: AddMemory) -> AddedMemories:
    """Store a text, or each message of a conversation, all or nothing. Raises what our `ingest_memories` raises."""
    common: dict[str, Any] = args.list_owners() | {"metadata": args.metadata or {}}
    if not args.messages:
        new = validate_request(operations.StoreMemory, common | {"content": args.text}, _SPELLINGS)
        stored = await operations.store_memory(services, call, new)
        event = "NONE" if stored.is_repeat else "ADD"
        return AddedMemories(meta=stored.meta, results=[AddedMemory(id=stored.id, memory=args.text, event=event)])
    entries = [
        {"content": each.content} | common | ({} if each.role == "user" else {"author": each.role})
        for each in args.messages
    ]
    many = validate_request(ingest.IngestMemories, {"memories": entries, "source": SOURCE}, _SPELLINGS)
    done = await ingest.ingest_memories(services, call, many)
    event = "NONE" if done.repeated == len(entries) else "ADD"
    results = [
        AddedMemory(id=memory_id, memory=each.content, event=event)
        for memory_id, each in zip(done.ids, args.messages, strict=True)
    ]
    return AddedMemories(meta=done.meta, results=results)


async def update_memory(services: Services, call: Call, args: UpdateMemory) -> MemoryAnswer:
    """Change the text of a memory; the one before stays in its history. Raises `not_found`."""
    changed = operations.UpdateMemory(id=args.memory_id, content=args.text)
    memory = await operations.update_memory(services, call, changed)
    return MemoryAnswer.model_validate(list_values(memory) | {"meta": call.meta})


async def delete_memory(services: Services, call: Call, args: DeleteMemory) -> Done:
    """Hide a memory; `restore_memory` brings it back for some weeks. Raises `not_found`."""
    deleted = await deletion.delete_memory(services, call, deletion.DeleteMemory(id=args.memory_id))
    return Done(meta=deleted.meta, message="Memory deleted successfully!")


async def delete_all_memories(services: Services, call: Call, args: DeleteAll) -> Done:
    """Hide all memories of a user, an agent, an app or a run. If several are named, those of all of them at once."""
    await _delete_all(services, call, args)
    return Done(meta=call.meta, message="Memories deleted successfully!")


async def delete_entities(services: Services, call: Call, args: DeleteAll) -> Done:
    """Hide all memories of a user, an agent, an app or a run, which is gone then, as it is its memories."""
    await _delete_all(services, call, args)
    return Done(meta=call.meta, message="Entity deleted successfully!")


async def _delete_all(services: Services, call: Call, args: DeleteAll) -> None:
    listing = Listing(status="all", equal=args.list_owners(), limit=STEP)
    deleted = STEP
    while deleted == STEP and call.id_for_reading:
        async with open_entities(services, call) as (connection, placed):
            page, _ = await memory_lists.list_page(connection, placed.workspace.id, listing, services.now())
            deleted = await hide_memories(connection, services, placed, [each.id for each in page])
        await services.projection.project(placed.workspace.id)


ADD = Operation(
    name="add_memory",
    description="Store a preference, a fact or a conversation. One self-contained text; not for secrets.",
    routes=(),
    scope="memory:write",
    effect=Effect.CREATE,
    args=AddMemory,
    returns=AddedMemories,
    handler=add_memory,
)
UPDATE = Operation(
    name="update_memory",
    description="Overwrite the text of a memory.",
    routes=(),
    scope="memory:write",
    effect=Effect.UPDATE,
    args=UpdateMemory,
    returns=MemoryAnswer,
    handler=update_memory,
)
DELETION = (
    Operation(
        name="delete_memory",
        description="Delete one memory by its memory_id.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteMemory,
        returns=Done,
        handler=delete_memory,
    ),
    Operation(
        name="delete_all_memories",
        description="Delete every memory of a user, an agent, an app or a run. Ask the person first.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteAll,
        returns=Done,
        handler=delete_all_memories,
    ),
    Operation(
        name="delete_entities",
        description="Delete a user, an agent, an app or a run with all of its memories. Ask the person first.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteAll,
        returns=Done,
        handler=delete_entities,
    ),
)
