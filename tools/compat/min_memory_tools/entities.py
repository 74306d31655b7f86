"""Entities by min-memory's names: listing, finding and describing them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from server.errors import Failure
from server.ids import new_id
from server.memory.models import Memory, Scope, Timestamp
from server.store.record import memories, memory_lists
from server.store.record.entities import rows
from server.store.record.memory_lists import Listing
from tools.compat.min_memory_tools.words import ENTITY_TYPE, JsonAnswer
from tools.core.arguments import InWorkspace
from tools.core.call import Call, ensure_workspace
from tools.core.fields import Content, Name, NewName, Word
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities import listing
from tools.entities.changing import Aliases, keep_entity
from tools.memories.arguments import NewMemory
from tools.memories.storing import embed_contents, index_new_memories, insert_new_memories

#: The origin of a memory that says what an entity is, the key of its parent in its metadata, and the label of the link.
SOURCE, PARENT, PART_OF = "register_entity", "parent", "part_of"
MOST = 1000
"""The most entities that one answer shows."""


class ListEntities(InWorkspace):
    """The arguments of min-memory's `list_entities`."""

    scope: Scope | None = Field(default=None, description="Only entities of memories of this scope.")
    project: Name | None = Field(default=None, description="Only entities of memories of this project.")
    memory_type: Word | None = Field(default=None, description="Only entities of memories of this type.")
    show_tree: bool = Field(default=False, description="Whether the registered entities come as a tree.")


class ListedEntity(BaseModel):
    """A person or thing that memories are about."""

    name: str = Field(description="Its name.")
    scope: Scope = Field(description="The narrowest scope that holds for all memories about it.")
    project: str | None = Field(default=None, description="The project of all of them; null if of several.")
    memory_count: int = Field(description="The number of them.")
    first_seen: Timestamp | None = Field(description="When the first was stored.")
    last_updated: Timestamp | None = Field(description="When one of them changed last.")


class EntityList(JsonAnswer):
    """The entities of a workspace."""

    entities: list[ListedEntity] = Field(description=f"The entities with the most memories first, at most {MOST}.")
    count: int = Field(description="The number of all of them.")
    tree: dict[str, Any] | None = Field(
        default=None,
        exclude_if=lambda tree: tree is None,
        description="By name, each registered entity without a parent: its description and its children.",
    )


class SearchEntities(InWorkspace):
    """The arguments of `search_entities`."""

    query: Name = Field(description="A name that may be misspelt.")
    scope: Scope | None = Field(default=None, description="Only entities of memories of this scope.")
    limit: int = Field(default=5, ge=1, le=100, description="The largest number of entities.")


class SimilarEntity(BaseModel):
    """An entity with a similar name."""

    entity: str = Field(description="Its name.")
    scope: Scope = Field(description="The narrowest scope that holds for all memories about it.")
    project: str | None = Field(default=None, description="The project of all of them; null if of several.")
    score: float = Field(description="How much the names are alike, 0 to 1.")


class SimilarEntities(JsonAnswer):
    """The entities with similar names."""

    matches: list[SimilarEntity] = Field(description="The entities, the most alike first; none below one half.")


class RegisterEntity(InWorkspace):
    """The arguments of `register_entity`."""

    entity: NewName = Field(description="Its name; a dot may stand between it and its parent's: `shop.api`.")
    description: Content = Field(description="What it is.")
    parent: NewName | None = Field(
        default=None, description="The entity that it belongs to. Default: the part of its name before the last dot."
    )
    aliases: Aliases = Field(default=[], description="Its other names; a name of another entity is refused.")


class RegisteredEntity(JsonAnswer):
    """The entity that is registered."""

    status: Literal["created", "exists"] = Field(description="Whether it is new.")
    entity: str = Field(description="Its name.")
    parent: str | None = Field(default=None, description="The entity that it belongs to; null: none.")
    persisted: Literal[True] = Field(default=True, description="It is stored.")


async def list_entities(services: Services, call: Call, args: ListEntities) -> EntityList:
    """Return the entities that the fields of memories name; with `show_tree`, what was registered of them."""
    types = [] if args.memory_type is None else [args.memory_type]
    asked = listing.ListEntities(scope=args.scope, project=args.project, type=types, limit=MOST)
    found = await listing.list_by(services, call, asked, is_about=True)
    fields = set(ListedEntity.model_fields)
    return EntityList(
        meta=found.meta,
        entities=[ListedEntity.model_validate(each.model_dump(include=fields)) for each in found.entities],
        count=found.total,
        tree=_build_tree(await _list_registered(services, call)) if args.show_tree else None,
    )


async def search_entities(services: Services, call: Call, args: SearchEntities) -> SimilarEntities:
    """Return the entities whose names are like a name."""
    asked = listing.ListEntities(query=args.query, scope=args.scope, limit=args.limit)
    found = await listing.list_by(services, call, asked, is_about=True)
    matches = [
        SimilarEntity(entity=each.name, scope=each.scope, project=each.project, score=each.score or 0.0)
        for each in found.entities
    ]
    return SimilarEntities(meta=found.meta, matches=matches)


async def _list_registered(services: Services, call: Call) -> list[Memory]:
    """Return the memories that say what an entity is, oldest first, at most `MOST`."""
    async with services.db.read() as connection:
        return await _read_registered(connection, services, call.id_for_reading)


async def _read_registered(
    connection: Any, services: Services, workspace_id: str, entity: str | None = None
) -> list[Memory]:
    equal = {"source": SOURCE} | ({} if entity is None else {"entity": entity})
    listing = Listing(types=(ENTITY_TYPE,), equal=equal, is_descending=False, limit=MOST)
    page, _ = await memory_lists.list_page(connection, workspace_id, listing, services.now())
    return page


def _build_tree(registered: list[Memory]) -> dict[str, Any]:
    """Return what was registered, each entity under its parent, those without a known parent at the top."""
    nodes = {each.entity: _make_node(each) for each in registered if each.entity is not None}
    parents = {each.entity: each.metadata.get(PARENT) for each in registered}
    tree: dict[str, Any] = {}
    for name, node in nodes.items():
        above = nodes.get(parents[name] or "")
        (tree if above is None else above["children"])[name] = node
    return tree


def _make_node(memory: Memory) -> dict[str, Any]:
    return {"description": memory.content.removeprefix(f"{memory.entity}: "), "children": dict[str, Any]()}


async def register_entity(services: Services, call: Call, args: RegisterEntity) -> RegisteredEntity:
    """Store what an entity is, as a memory about it; one that is registered already stays as it is.

    Raises:
        Failure: `invalid` for a parent that is not registered; `conflict` if an alias is a name of another entity;
            `quota_exceeded`.
    """
    if args.parent == args.entity:
        raise Failure("invalid", "parent: an entity cannot be its own parent; leave it out.", field="parent")
    await listing.read_on(services, call.id_for_reading)
    now, content = services.now(), f"{args.entity}: {args.description}"
    windows = await embed_contents(services, call, [content])
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        workspace = placed.workspace
        await memories.advance_revision(connection, workspace.id, 0, now)  # nobody else registers meanwhile
        await rows.hold_reading(connection, workspace.id)
        await keep_entity(connection, workspace.id, args.entity, None, args.aliases, now)
        if there := await _read_registered(connection, services, workspace.id, args.entity):
            known = there[0].metadata.get(PARENT)
            return RegisteredEntity(meta=placed.meta, status="exists", entity=args.entity, parent=known)
        above = await _find_parent(connection, services, workspace.id, args)
        links = [] if above is None else [{"type": "memory", "id": above.id, "label": PART_OF}]
        new = NewMemory.model_validate(
            {
                "content": content,
                "type": ENTITY_TYPE,
                "entity": args.entity,
                "source": SOURCE,
                "metadata": {} if above is None else {PARENT: above.entity},
                "linkages": links,
            }
        )
        memory = new.to_memory(new_id(now), now)
        await insert_new_memories(connection, services, workspace, placed.actor, [memory], windows, now)
    await index_new_memories(services, workspace, 1, windows)
    parent = None if above is None else above.entity
    return RegisteredEntity(meta=placed.meta, status="created", entity=args.entity, parent=parent)


async def _find_parent(connection: Any, services: Services, workspace_id: str, args: RegisterEntity) -> Memory | None:
    """Return the registration of the parent that is named or meant; None if none is."""
    name = args.parent or args.entity.rpartition(".")[0]
    found = await _read_registered(connection, services, workspace_id, name) if name else []
    if args.parent is not None and not found:
        message = f"parent: {args.parent!r} is not registered; register it first, or leave it out."
        raise Failure("invalid", message, field="parent")
    return found[0] if found else None


OPERATIONS = (
    Operation(
        name="list_entities",
        description="List the people and things that memories are about, with the number of memories about each.",
        routes=(),
        scope="memory:read",
        effect=Effect.READ,
        args=ListEntities,
        returns=EntityList,
        handler=list_entities,
    ),
    Operation(
        name="search_entities",
        description="Find an entity by a similar name, to spell it as it is stored already.",
        routes=(),
        scope="memory:read",
        effect=Effect.READ,
        args=SearchEntities,
        returns=SimilarEntities,
        handler=search_entities,
    ),
)
REGISTER = Operation(
    name="register_entity",
    description="Say what a person or thing is that memories are about, and what it belongs to.",
    routes=(),
    scope="memory:write",
    effect=Effect.CREATE,
    args=RegisterEntity,
    returns=RegisteredEntity,
    handler=register_entity,
)
