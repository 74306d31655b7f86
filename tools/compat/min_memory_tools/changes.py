"""Changing, linking, deleting and bringing back memories by min-memory's names."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from server.memory.models import Scope, Timestamp
from server.store.record import memories as rows
from tools import graph
from tools.compat.min_memory_tools.memories import ChangeableFields
from tools.compat.min_memory_tools.words import (
    SPELLINGS,
    JsonAnswer,
    MemoryType,
    RelationType,
    have_done,
)
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Content, Id, NewName, NewWords
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories import operations, restoring
from tools.memories.arguments import LinkedId


class UpdateMemory(ChangeableFields):
    """The arguments of min-memory's `update_memory`: the id, and the fields to change."""

    memory_id: Id = Field(description="The memory's id.")
    text: Content | None = Field(default=None, description="The new text.")
    memory_type: MemoryType | None = Field(default=None, description="The new type.")
    scope: Scope | None = Field(default=None, description="The new scope.")
    entity: NewName | None = Field(default=None, description="The new entity.")
    tags: NewWords | None = Field(default=None, description="The new labels, in place of all earlier ones.")

    @model_validator(mode="after")
    def _require_changes(self) -> Self:
        if not self.list_changes():
            raise ValueError("No fields to update. Send at least one field beside memory_id")
        return self

    def list_changes(self) -> dict[str, Any]:
        """Return the arguments of our `update_memory`, without the id."""
        new = {"content": self.text, "type": self.memory_type, "scope": self.scope, "entity": self.entity}
        new |= {"project": self.project, "task": self.task_id, "tags": self.tags}
        new |= {"metadata": self.list_metadata() or None}
        return {name: value for name, value in new.items() if value is not None}


class UpdatedMemory(JsonAnswer):
    """The memory that was changed."""

    status: Literal["updated"] = Field(default="updated", description="It is changed.")
    memory_id: str = Field(description="The memory's id.")


class LinkMemories(InWorkspace):
    """The arguments of min-memory's `link_memories`."""

    memory_id: LinkedId = Field(description="The memory that says something about the other one.")
    related_id: LinkedId = Field(description="The other memory.")
    relation_type: RelationType = Field(description="The relation of the first memory to the other.")


class LinkedMemories(JsonAnswer):
    """The link that is there now."""

    status: Literal["linked"] = Field(default="linked", description="The link is there.")
    memory_id: str = Field(description="The memory that has the link.")
    related_id: str = Field(description="The memory that it points to.")
    relation_type: RelationType = Field(description="What it means.")


class DeleteMemory(InWorkspace):
    """The arguments of min-memory's `delete_memory`."""

    memory_id: Id = Field(description="The memory's id.")
    purge: bool = Field(default=False, description="Overwrite its text at once, so that it cannot come back.")


class DeletedMemory(JsonAnswer):
    """The memory that was deleted."""

    status: Literal["deleted", "already_deleted", "purged"] = Field(description="What was done.")
    memory_id: str = Field(description="The memory's id.")
    deleted_at: Timestamp | None = Field(default=None, description="When it was deleted; null if it was purged.")


class UndeleteMemory(InWorkspace):
    """The arguments of `undelete_memory`."""

    memory_id: Id = Field(description="The memory's id.")


class UndeletedMemory(JsonAnswer):
    """The memory that is back."""

    status: Literal["undeleted", "not_deleted"] = Field(description="What was done.")
    memory_id: str = Field(description="The memory's id.")


async def update_memory(services: Services, call: Call, args: UpdateMemory) -> UpdatedMemory:
    """Change a memory, as ours does. Raises what ours raises."""
    changes = args.list_changes() | {"id": args.memory_id}
    memory = await have_done(operations.update_memory, services, call, (operations.UpdateMemory, changes))
    return UpdatedMemory(meta=memory.meta, memory_id=memory.id)


async def link_memories(services: Services, call: Call, args: LinkMemories) -> LinkedMemories:
    """Link a memory to another one; a link that is there already is not added again. Raises what ours raises."""
    link = {"type": "memory", "id": args.related_id, "label": args.relation_type}
    values = {"id": args.memory_id, "linkages": [link]}
    spellings = {**SPELLINGS, "linkages": "related_id"}
    linked = await have_done(graph.link_memories, services, call, (graph.LinkMemories, values), spellings)
    return LinkedMemories(
        meta=linked.meta, memory_id=args.memory_id, related_id=args.related_id, relation_type=args.relation_type
    )


async def delete_memory(services: Services, call: Call, args: DeleteMemory) -> DeletedMemory:
    """Hide a memory, or erase it. Raises `not_found`, but not for one's own that is only hidden."""
    given = operations.DeleteMemory(id=args.memory_id, erase=args.purge)
    if not args.purge and await _find_deletion(services, call, args.memory_id) is not None:
        return DeletedMemory(meta=call.meta, status="already_deleted", memory_id=args.memory_id)
    deleted = await have_done(operations.delete_memory, services, call, given)
    at = await _find_deletion(services, call, args.memory_id)
    status = "purged" if args.purge else "deleted"
    return DeletedMemory(meta=deleted.meta, status=status, memory_id=deleted.id, deleted_at=at)


async def _find_deletion(services: Services, call: Call, memory_id: str) -> Any:
    async with services.db.read() as connection:
        return await rows.find_deletion(connection, call.id_for_reading, memory_id)


async def undelete_memory(services: Services, call: Call, args: UndeleteMemory) -> UndeletedMemory:
    """Bring a deleted memory back. Raises what our `restore_memory` raises."""
    given = restoring.RestoreMemory(id=args.memory_id)
    back = await have_done(restoring.restore_memory, services, call, given)
    status = "undeleted" if back.restored else "not_deleted"
    return UndeletedMemory(meta=back.meta, status=status, memory_id=back.id)


LINK = Operation(
    name="link_memories",
    description="Say what one memory means for another, e.g. that it supersedes or contradicts it.",
    routes=(),
    scope="memory:write",
    effect=Effect.UPDATE,
    args=LinkMemories,
    returns=LinkedMemories,
    handler=link_memories,
)
#: The tools that remove a memory and bring it back.
DELETION = (
    Operation(
        name="delete_memory",
        description="Forget one memory. undelete_memory brings it back for some weeks, unless it was purged.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteMemory,
        returns=DeletedMemory,
        handler=delete_memory,
    ),
    Operation(
        name="undelete_memory",
        description="Bring back a memory that was deleted by mistake.",
        routes=(),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UndeleteMemory,
        returns=UndeletedMemory,
        handler=undelete_memory,
    ),
)
UPDATE = Operation(
    name="update_memory",
    description="Correct a memory: its id, and only the fields that change.",
    routes=(),
    scope="memory:write",
    effect=Effect.UPDATE,
    args=UpdateMemory,
    returns=UpdatedMemory,
    handler=update_memory,
)
