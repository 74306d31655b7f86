"""Making entities, observations and relations, and deleting them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.ids import new_id
from server.memory.entities.names import fold_entity_name
from server.memory.vector import TextVectors
from server.store.record.entities import rows
from server.store.record.entities.rows import Entity
from tools.compat.knowledge_graph import graph
from tools.compat.knowledge_graph.arguments import (
    AddedObservations,
    AddedToEntity,
    AddObservations,
    CreatedEntities,
    CreatedRelations,
    CreateEntities,
    CreateRelations,
    DeleteEntities,
    DeleteObservations,
    DeleteRelations,
    Done,
)
from tools.compat.knowledge_graph.graph import NewNode, Node, Relation
from tools.core.call import Call, PlacedCall
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.view import note_change, open_entities
from tools.memories.arguments import NewMemory
from tools.memories.hiding import hide_memories
from tools.memories.storing import embed_contents, index_new_memories, insert_new_memories

SOURCE = "knowledge-graph"


async def create_entities(services: Services, call: Call, args: CreateEntities) -> CreatedEntities:
    """Make entities with their observations; one that is there already stays as it is.

    Raises:
        Failure: `quota_exceeded`.
    """
    by_key: dict[str, NewNode] = {}
    for each in args.entities:
        by_key.setdefault(fold_entity_name(each.name), each)
    wanted = list(by_key.values())
    texts = _Texts(services, call)
    await texts.embed([text for each in wanted for text in each.observations])
    made: list[Node] = []
    async with open_entities(services, call) as (connection, placed):
        there = await graph.find_nodes(connection, placed.workspace.id, [each.name for each in wanted])
        new = [each for each in wanted if fold_entity_name(each.name) not in there]
        for each in new:
            await _keep_entity(connection, services, placed, each)
            said = list(dict.fromkeys(each.observations))
            made.append(Node(name=each.name, entityType=each.entityType, observations=said))
        await texts.store(
            connection, placed, [{"content": text, "entity": each.name} for each in made for text in each.observations]
        )
    await texts.index(placed)
    return CreatedEntities(meta=placed.meta, entities=made)


async def create_relations(services: Services, call: Call, args: CreateRelations) -> CreatedRelations:
    """Make relations between entities that are there; one that is there already stays as it is.

    Raises:
        Failure: `not_found` if an entity is not there; `quota_exceeded`.
    """
    wanted = list({each.key: each for each in args.relations}.values())
    texts = _Texts(services, call)
    await texts.embed([each.text for each in wanted])
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        names = [name for each in wanted for name in (each.start, each.to)]
        there = await graph.find_nodes(connection, workspace, names)
        for each in names:
            _require(there, each)
        known = {each.key for _, each in await graph.read_relations(connection, workspace)}
        new = [each for each in wanted if each.key not in known]
        await texts.store(connection, placed, [_make_relation(each) for each in new])
    await texts.index(placed)
    return CreatedRelations(meta=placed.meta, relations=new)


async def add_observations(services: Services, call: Call, args: AddObservations) -> AddedObservations:
    """Add observations to entities that are there; what is known already is not added again.

    Raises:
        Failure: `not_found` if an entity is not there; `quota_exceeded`.
    """
    texts = _Texts(services, call)
    await texts.embed([text for each in args.observations for text in each.contents])
    results: list[AddedToEntity] = []
    async with open_entities(services, call) as (connection, placed):
        names = [each.entityName for each in args.observations]
        there = await graph.find_nodes(connection, placed.workspace.id, names)
        found = [_require(there, each) for each in names]
        seen = {
            (each.entity_id, each.content)
            for each in await graph.read_observations(connection, [each.id for each in found])
        }
        new: list[dict[str, Any]] = []
        for entity, each in zip(found, args.observations, strict=True):
            added = [text for text in dict.fromkeys(each.contents) if (entity.id, text) not in seen]
            seen |= {(entity.id, text) for text in added}
            new += [{"content": text, "entity": entity.name} for text in added]
            results.append(AddedToEntity(entityName=each.entityName, addedObservations=added))
        await texts.store(connection, placed, new)
    await texts.index(placed)
    return AddedObservations(meta=placed.meta, results=results)


async def delete_entities(services: Services, call: Call, args: DeleteEntities) -> Done:
    """Delete entities with the memories about them, and the relations at them; names that nothing has are told."""
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        nodes = await graph.find_nodes(connection, workspace, args.entityNames)
        found = list({each.id: each for each in nodes.values()}.values())
        names = await rows.list_names(connection, [each.id for each in found])
        keys = {name.key for some in names.values() for name in some}
        related = [
            memory_id
            for memory_id, each in await graph.read_relations(connection, workspace)
            if keys.intersection(each.key[:2])
        ]
        said = [each.id for each in await graph.read_observations(connection, [each.id for each in found])]
        for each in found:
            await rows.update_names(connection, [name.id for name in names[each.id]], {"is_kept": False})
            await rows.update_entity(connection, each.id, {"is_kept": False})
            await note_change(connection, services, placed, each.id)
        await hide_memories(connection, services, placed, list(dict.fromkeys([*said, *related])))
        await rows.prune_names(connection, workspace, [name.id for some in names.values() for name in some])
    await services.projection.project(placed.workspace.id)
    missing = [each for each in args.entityNames if fold_entity_name(each) not in nodes]
    count = len(args.entityNames)
    message = f"Deleted {count - len(missing)} of {count} entities. Not found: {', '.join(missing)[:1000]}"
    return Done(meta=placed.meta, message=message if missing else "Entities deleted successfully")


async def delete_observations(services: Services, call: Call, args: DeleteObservations) -> Done:
    """Delete the memories about entities that say exactly this; the entities stay."""
    async with open_entities(services, call) as (connection, placed):
        names = [each.entityName for each in args.deletions]
        nodes = await graph.find_nodes(connection, placed.workspace.id, names)
        for each in nodes.values():
            if not each.is_kept:
                await _keep_names(connection, each)
        said = await graph.read_observations(connection, list({each.id for each in nodes.values()}))
        wanted = {
            (nodes[fold_entity_name(each.entityName)].id, text)
            for each in args.deletions
            if fold_entity_name(each.entityName) in nodes
            for text in each.observations
        }
        gone = [each for each in said if (each.entity_id, each.content) in wanted]
        await hide_memories(connection, services, placed, [each.id for each in gone])
    await services.projection.project(placed.workspace.id)
    deleted = len({(each.entity_id, each.content) for each in gone})
    asked = sum(len(each.observations) for each in args.deletions)
    missing = [each for each in names if fold_entity_name(each) not in nodes]
    message = f"Deleted {deleted} of {asked} observations."
    message += f" Entities not found: {', '.join(missing)[:1000]}" if missing else ""
    return Done(meta=placed.meta, message="Observations deleted successfully" if deleted == asked else message)


async def delete_relations(services: Services, call: Call, args: DeleteRelations) -> Done:
    """Delete the memories that say these relations."""
    keys = {each.key for each in args.relations}
    async with open_entities(services, call) as (connection, placed):
        every = await graph.read_relations(connection, placed.workspace.id)
        gone = [(memory_id, each.key) for memory_id, each in every if each.key in keys]
        await hide_memories(connection, services, placed, [memory_id for memory_id, _ in gone])
    await services.projection.project(placed.workspace.id)
    count, asked = len({key for _, key in gone}), len(args.relations)
    message = f"Deleted {count} of {asked} relations. The rest matched nothing."
    return Done(meta=placed.meta, message="Relations deleted successfully" if count == asked else message)


class _Texts:
    """The texts that a call stores as memories: embedded before its transaction, and indexed after it."""

    def __init__(self, services: Services, call: Call) -> None:
        self._services = services
        self._call = call
        self._vectors: dict[str, TextVectors] | None = {}
        self._windows: list[TextVectors] | None = None
        self._count = 0

    async def embed(self, texts: Sequence[str]) -> None:
        distinct = list(dict.fromkeys(texts))
        found = await embed_contents(self._services, self._call, distinct) if distinct else []
        self._vectors = None if found is None else dict(zip(distinct, found, strict=True))

    async def store(self, connection: AsyncConnection, placed: PlacedCall, values: Sequence[dict[str, Any]]) -> None:
        now = self._services.now()
        new = [NewMemory.model_validate({"source": SOURCE} | each).to_memory(new_id(now), now) for each in values]
        if self._vectors is not None:
            self._windows = [self._vectors[each.content] for each in new]
        self._count = len(new)
        if new:
            windows = self._windows
            await insert_new_memories(connection, self._services, placed.workspace, placed.actor, new, windows, now)

    async def index(self, placed: PlacedCall) -> None:
        if self._count:
            await index_new_memories(self._services, placed.workspace, self._count, self._windows)


async def _keep_entity(connection: AsyncConnection, services: Services, placed: PlacedCall, new: NewNode) -> None:
    """Make an entity that stays, or keep the one with this name that texts name."""
    workspace = placed.workspace.id
    entity = await rows.find_entity(connection, workspace, new.name)
    if entity is None:
        await rows.insert_entities(
            connection, workspace, [(new.name, new.entityType, True)], services.now(), is_kept=True
        )
        entity = await rows.find_entity(connection, workspace, new.name)
    else:
        names = await rows.find_names(connection, workspace, [fold_entity_name(new.name)])
        values = {"name": new.name} | rows.WRITTEN
        await rows.update_names(connection, [each.id for each in names], values)
        await rows.update_entity(connection, entity.id, {"type": new.entityType, "name": new.name, "is_kept": True})
        await rows.note_moved_names(connection, workspace)
    if entity is not None:
        await note_change(connection, services, placed, entity.id)


async def _keep_names(connection: AsyncConnection, entity: Entity) -> None:
    names = (await rows.list_names(connection, [entity.id]))[entity.id]
    shown = [each.id for each in names if each.name == entity.name]
    await rows.update_names(connection, shown, rows.WRITTEN)
    await rows.update_entity(connection, entity.id, {"is_kept": True})


def _make_relation(relation: Relation) -> dict[str, Any]:
    said = relation.model_dump(mode="json")
    return {
        "content": relation.text,
        "type": graph.RELATION,
        "entity": relation.start,
        "metadata": {graph.RELATION: said},
    }


def _require(there: dict[str, Entity], name: str) -> Entity:
    found = there.get(fold_entity_name(name))
    if found is None:
        message = f"Entity with name {name[:60]} not found. Make it with create_entities; search_nodes finds others."
        raise Failure("not_found", message, field="entityName")
    return found


OPERATIONS = (
    Operation(
        name="create_entities",
        description="Make entities in the knowledge graph, each with a type and what is known about it.",
        routes=(),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateEntities,
        returns=CreatedEntities,
        handler=create_entities,
    ),
    Operation(
        name="create_relations",
        description="Make relations between entities in the knowledge graph, in active voice.",
        routes=(),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateRelations,
        returns=CreatedRelations,
        handler=create_relations,
    ),
    Operation(
        name="add_observations",
        description="Add what became known to entities that are in the knowledge graph.",
        routes=(),
        scope="memory:write",
        effect=Effect.CREATE,
        args=AddObservations,
        returns=AddedObservations,
        handler=add_observations,
    ),
    Operation(
        name="delete_entities",
        description="Delete entities with what is known about them, and the relations at them.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteEntities,
        returns=Done,
        handler=delete_entities,
    ),
    Operation(
        name="delete_observations",
        description="Delete single observations about entities.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteObservations,
        returns=Done,
        handler=delete_observations,
    ),
    Operation(
        name="delete_relations",
        description="Delete relations from the knowledge graph.",
        routes=(),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteRelations,
        returns=Done,
        handler=delete_relations,
    ),
)
