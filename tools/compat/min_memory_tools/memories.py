"""Storing, reading, changing, linking and deleting memories by min-memory's names."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from server.memory.models import Memory, Scope, Timestamp
from server.store.record import memories as rows
from tools import graph
from tools.compat.min_memory_tools.words import (
    PRIORITY,
    SPELLINGS,
    STATUS,
    JsonAnswer,
    MemoryType,
    Priority,
    RelationType,
    have_done,
)
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Content, Id, NewName, NewWords, Word
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories import operations, restoring
from tools.memories.arguments import LinkedId, MemoryRef

_TYPE = (
    "Who you work for (core_identity), how a project is (project_context), an order (task_instruction), what happened."
)


class _Details(InWorkspace):
    """The arguments that a new memory and a change have in common."""

    project: NewName | None = Field(default=None, description="The project. Required unless the scope is global.")
    task_id: NewName | None = Field(default=None, description="The task. Required if the scope is task.")
    status: Word | None = Field(default=None, description="How it stands: active, completed, blocked, parked …")
    priority: Priority | None = Field(default=None, description="How important it is; higher is more.")

    def list_metadata(self) -> dict[str, Any]:
        """Return what is kept as metadata, if it was sent."""
        given = {STATUS: self.status, PRIORITY: self.priority}
        return {name: value for name, value in given.items() if value is not None}


class StoreMemory(_Details):
    """The arguments of min-memory's `store_memory`."""

    text: Content = Field(description="What to remember, in words that make sense on their own.")
    memory_type: MemoryType = Field(description=_TYPE)
    scope: Scope = Field(description="Where it holds: everywhere, in one project, or in one task of a project.")
    entity: NewName = Field(description="The person or thing that it is about.")
    related_to: Annotated[list[LinkedId], Field(max_length=100)] = Field(
        default=[], description="The ids of memories that it links to."
    )
    relation_types: dict[str, RelationType] = Field(
        default={}, description="For ids of related_to, what the link means: {id: supports}."
    )
    tags: NewWords = Field(default=[], description="Short labels.")

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if self.scope != "global" and self.project is None:
            raise ValueError("project is required when scope is 'project' or 'task'")
        if self.scope == "task" and self.task_id is None:
            raise ValueError("task_id is required when scope is 'task'")
        if self.task_id is not None and self.project is None:
            raise ValueError("project is required with a task_id")
        if unknown := self.relation_types.keys() - set(self.related_to):
            raise ValueError(f"relation_types names {min(unknown)[:60]!r}, which is not in related_to")
        return self

    def to_ours(self) -> dict[str, Any]:
        """Return the arguments of our `store_memory`."""
        links = [{"type": "memory", "id": each, "label": self.relation_types.get(each)} for each in self.related_to]
        place = {"scope": self.scope, "project": self.project, "task": self.task_id}
        about = {"content": self.text, "type": self.memory_type, "entity": self.entity, "tags": self.tags}
        return about | place | {"linkages": links, "metadata": self.list_metadata()}


class StoredMemory(JsonAnswer):
    """The memory that was stored."""

    memory_id: str = Field(description="The memory's id.")
    status: Literal["stored"] = Field(default="stored", description="It is stored.")


class FetchMemory(InWorkspace):
    """The arguments of min-memory's `fetch`."""

    id: Id = Field(description="The memory's id.")


class Details(BaseModel):
    """The facts about a memory beside its text."""

    memory_type: str = Field(description="Its type.")
    scope: Scope = Field(description="Where it holds.")
    entity: str | None = Field(default=None, description="What it is about.")
    project: str | None = Field(default=None, description="Its project.")
    task_id: str | None = Field(default=None, description="Its task.")
    tags: list[str] = Field(description="Its labels.")
    status: str | None = Field(default=None, description="How it stands.")
    priority: int | None = Field(default=None, description="How important it is.")
    created_at: Timestamp = Field(description="When it was stored.")
    updated_at: Timestamp = Field(description="When it last changed.")


class FetchedMemory(JsonAnswer):
    """One memory, in the form that ChatGPT's connectors read."""

    id: str = Field(description="The memory's id.")
    title: str = Field(description="Its first line, cut.")
    text: str = Field(description="Its text.")
    url: str = Field(description="The address of its page, for a browser.")
    metadata: Details = Field(description="The facts about it.")


class UpdateMemory(_Details):
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
    relation_type: RelationType = Field(description="What the first memory says about the other.")


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


async def store_memory(services: Services, call: Call, args: StoreMemory) -> StoredMemory:
    """Store a memory, as ours does. Raises what ours raises."""
    stored = await have_done(operations.store_memory, services, call, (operations.StoreMemory, args.to_ours()))
    return StoredMemory(meta=stored.meta, memory_id=stored.id)


async def fetch_memory(services: Services, call: Call, args: FetchMemory) -> FetchedMemory:
    """Return one memory. Raises `not_found`."""
    memory = await operations.fetch_memory(services, call, MemoryRef(id=args.id))
    return FetchedMemory(
        meta=memory.meta,
        id=memory.id,
        title=memory.title,
        text=memory.text,
        url=memory.url,
        metadata=describe(memory),
    )


def describe(memory: Memory) -> Details:
    """Return the facts about a memory by min-memory's names."""
    status, priority = memory.metadata.get(STATUS), memory.metadata.get(PRIORITY)
    return Details(
        memory_type=memory.type,
        scope=memory.scope,
        entity=memory.entity,
        project=memory.project,
        task_id=memory.task,
        tags=memory.tags,
        status=status if isinstance(status, str) else None,
        priority=priority if isinstance(priority, int) else None,
        created_at=memory.created_at,
        updated_at=memory.updated_at,
    )


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


FETCH = Operation(
    name="fetch",
    description="Read one memory in full by its id.",
    routes=(),
    scope="memory:read",
    effect=Effect.READ,
    args=FetchMemory,
    returns=FetchedMemory,
    handler=fetch_memory,
)
STORE = Operation(
    name="store_memory",
    description=(
        "Remember one fact: a decision and its reason, a preference, how something works. One self-contained text "
        "about one entity, in the scope in which it holds. Not for secrets."
    ),
    routes=(),
    scope="memory:write",
    effect=Effect.CREATE,
    args=StoreMemory,
    returns=StoredMemory,
    handler=store_memory,
)
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
