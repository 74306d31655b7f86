"""Storing and reading memories by min-memory's names."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from server.memory.models import Memory, Scope, Timestamp
from tools.compat.min_memory_tools.words import (
    PRIORITY,
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
from tools.memories import operations
from tools.memories.arguments import LinkedId, MemoryRef

_TYPE = (
    "Who you work for (core_identity), how a project is (project_context), an order (task_instruction), what happened."
)


class ChangeableFields(InWorkspace):
    """The arguments that a new memory and a change have in common."""

    project: NewName | None = Field(default=None, description="The project. Required unless the scope is global.")
    task_id: NewName | None = Field(default=None, description="The task. Required if the scope is task.")
    status: Word | None = Field(default=None, description="How it stands: active, completed, blocked, parked …")
    priority: Priority | None = Field(default=None, description="How important it is; higher is more.")

    def list_metadata(self) -> dict[str, Any]:
        """Return what is kept as metadata, if it was sent."""
        given = {STATUS: self.status, PRIORITY: self.priority}
        return {name: value for name, value in given.items() if value is not None}


class StoreMemory(ChangeableFields):
    """The arguments of min-memory's `store_memory`."""

    text: Content = Field(description="What to remember, in words that make sense on their own.")
    memory_type: MemoryType = Field(description=_TYPE)
    scope: Scope = Field(
        description="The range in which it holds: everywhere, in one project, or in one task of a project."
    )
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
    entity: str | None = Field(default=None, description="The subject.")
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
