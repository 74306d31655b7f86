"""Reading the graph: all of it, what fits a query, and entities by their names."""

from typing import Annotated

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.entities import listing
from server.store.record.entities.rows import Entity
from server.store.record.recall.repetitions import contains_text
from server.store.tables.entities import entities, entity_names, mentions
from server.store.tables.memories import memories
from tools.compat.knowledge_graph.graph import (
    IS_CUT,
    MOST_ENTITIES,
    AnyName,
    GraphView,
    build_nodes,
    find_nodes,
    is_node,
    list_nodes,
    list_relations_at,
    read_relations,
)
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.listing import read_on
from tools.memories.arguments import Facets
from tools.recall.model import LEAST_SHARES, RecallRequest
from tools.recall.pipeline import recall

#: The most entities that a search answers.
MOST_FOUND = 100


class ReadGraph(InWorkspace):
    """The arguments of `read_graph`."""


class SearchNodes(InWorkspace):
    """The arguments of `search_nodes`."""

    query: Annotated[str, Field(max_length=2048)] = Field(
        description="What to look for in the names, types and observations of entities."
    )


class OpenNodes(InWorkspace):
    """The arguments of `open_nodes`."""

    names: Annotated[list[AnyName], Field(max_length=MOST_ENTITIES)] = Field(description="The names of the entities.")


async def read_graph(services: Services, call: Call, args: ReadGraph) -> GraphView:  # noqa: ARG001 - a handler's signature
    """Return the entities with their observations, and all relations."""
    workspace = call.id_for_reading
    notice = await read_on(services, workspace)
    async with services.db.read() as connection:
        found = await list_nodes(connection, workspace)
        shown = await build_nodes(connection, found[:MOST_ENTITIES])
        relations = [each for _, each in await read_relations(connection, workspace)]
    notice = IS_CUT if len(found) > MOST_ENTITIES else notice
    return GraphView(meta=call.build_meta(notice), entities=shown, relations=relations)


async def search_nodes(services: Services, call: Call, args: SearchNodes) -> GraphView:
    """Return the entities whose name, type or observations hold a text; if none does, those that a recall finds.

    Raises:
        Failure: `unavailable` if the search store is down.
    """
    workspace = call.id_for_reading
    notice = await read_on(services, workspace)
    async with services.db.read() as connection:
        found = await _find_by_text(connection, workspace, args.query)
    if not found and args.query.strip():
        request = RecallRequest(message=args.query, facets=Facets(), least_share=LEAST_SHARES["search"])
        result = await recall(services, call.workspace, request)
        names = {each.memory.entity for each in result.matches if each.memory.entity}
        async with services.db.read() as connection:
            found = list({each.id: each for each in (await find_nodes(connection, workspace, names)).values()}.values())
    async with services.db.read() as connection:
        shown = await build_nodes(connection, found)
        relations = await list_relations_at(connection, workspace, found)
    return GraphView(meta=call.build_meta(notice), entities=shown, relations=relations)


async def open_nodes(services: Services, call: Call, args: OpenNodes) -> GraphView:
    """Return the entities with these names, and the relations at them; a name that no entity has is left out."""
    workspace = call.id_for_reading
    notice = await read_on(services, workspace)
    async with services.db.read() as connection:
        nodes = await find_nodes(connection, workspace, args.names)
        found = list({each.id: each for each in nodes.values()}.values())
        shown = await build_nodes(connection, found)
        relations = await list_relations_at(connection, workspace, found)
    return GraphView(meta=call.build_meta(notice), entities=shown, relations=relations)


async def _find_by_text(connection: AsyncConnection, workspace_id: str, text: str) -> list[Entity]:
    """Return the entities of the graph whose names, type or observations hold a text, in any case of letters."""
    is_sqlite = connection.dialect.name == "sqlite"
    by_name = sa.select(entity_names.c.entity_id).where(
        entity_names.c.workspace_id == workspace_id, contains_text(entity_names.c.name, text, is_sqlite=is_sqlite)
    )
    by_type = sa.select(entities.c.id).where(
        entities.c.workspace_id == workspace_id, contains_text(entities.c.type, text, is_sqlite=is_sqlite)
    )
    by_observation = (
        sa.select(entity_names.c.entity_id)
        .join(mentions, mentions.c.name_id == entity_names.c.id)
        .join(memories, memories.c.id == mentions.c.memory_id)
        .where(memories.c.workspace_id == workspace_id, mentions.c.is_about)
        .where(contains_text(memories.c.content, text, is_sqlite=is_sqlite))
    )
    ids: dict[str, None] = {}
    for query in (by_name, by_type, by_observation):
        ids |= dict.fromkeys((await connection.execute(query.limit(MOST_FOUND * 10))).scalars())
    found = [each for each in await listing.get_entities(connection, sorted(ids)) if is_node(each)]
    return found[:MOST_FOUND]


OPERATIONS = (
    Operation(
        name="read_graph",
        description="Read the whole knowledge graph: entities with their observations, and relations.",
        routes=(),
        scope="memory:read",
        effect=Effect.READ,
        args=ReadGraph,
        returns=GraphView,
        handler=read_graph,
    ),
    Operation(
        name="search_nodes",
        description="Find entities by a text in their names, types and observations.",
        routes=(),
        scope="memory:read",
        effect=Effect.READ,
        args=SearchNodes,
        returns=GraphView,
        handler=search_nodes,
    ),
    Operation(
        name="open_nodes",
        description="Read entities by their names, with their observations and the relations at them.",
        routes=(),
        scope="memory:read",
        effect=Effect.READ,
        args=OpenNodes,
        returns=GraphView,
        handler=open_nodes,
    ),
)
