"""The graph of a workspace: memories and entities, and what joins them."""

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.store.record.memory_lists import Listing
from server.store.record.relations import workspace_graph
from server.store.record.relations.workspace_graph import Fact, Mention
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.listing import read_on
from tools.memories.citation import make_title

#: The meanings of an edge to an entity.
ABOUT, NAMES = "about", "names"


class WorkspaceGraph(InWorkspace):
    """The arguments of `workspace_graph`."""

    project: Name | None = Field(default=None, description="Only memories of this project.")
    limit: int = Field(
        default=300, ge=4, le=2000, description="The largest number of nodes: three quarters of them are memories."
    )


class GraphNode(BaseModel):
    """A memory or an entity."""

    id: str = Field(description="Its id.")
    kind: Literal["memory", "entity"] = Field(description="memory or entity.")
    title: str = Field(description="The first line of the memory, or the entity's name.")
    type: str = Field(description="Its type.")
    project: str | None = Field(default=None, description="The memory's project.")
    degree: int = Field(description="How many edges it has in this graph.")


class GraphEdge(BaseModel):
    """The tie between two nodes."""

    model_config = ConfigDict(serialize_by_alias=True)

    start: str = Field(alias="from", description="The memory that has the link, or that names the entity.")
    to: str = Field(description="The memory or entity it leads to.")
    label: str = Field(description=f"The meaning of the link; to an entity `{ABOUT}` or `{NAMES}`.")


class WholeGraph(Answer):
    """The graph of a workspace."""

    nodes: list[GraphNode] = Field(description="The nodes that have an edge, those with the most edges first.")
    edges: list[GraphEdge] = Field(description="The edges.")
    truncated: bool = Field(description="Whether there are older memories that were not looked at.")


async def read_workspace_graph(services: Services, call: Call, args: WorkspaceGraph) -> WholeGraph:
    """Return the newest memories that are joined to something, with the entities that at least two of them name."""
    notice = await read_on(services, call.id_for_reading)
    listing = Listing(limit=args.limit * 3 // 4, equal={} if args.project is None else {"project": args.project})
    async with services.db.read() as connection:
        facts, is_more = await workspace_graph.list_newest(connection, call.id_for_reading, listing, services.now())
        ids = [each.id for each in facts]
        links = await workspace_graph.list_links(connection, ids)
        named = await workspace_graph.list_mentions(connection, ids, args.limit - listing.limit)
    edges = [GraphEdge.model_construct(start=start, to=to, label=label) for start, to, label in links]
    edges += [
        GraphEdge.model_construct(start=each.memory_id, to=each.entity_id, label=ABOUT if each.is_about else NAMES)
        for each in named
    ]
    nodes = _make_nodes(facts, named, edges)
    return WholeGraph(meta=call.build_meta(notice), nodes=nodes, edges=edges, truncated=is_more)


def _make_nodes(facts: list[Fact], named: list[Mention], edges: list[GraphEdge]) -> list[GraphNode]:
    degrees = Counter(end for each in edges for end in (each.start, each.to))
    nodes = [
        GraphNode(
            id=each.id,
            kind="memory",
            title=make_title(each.content),
            type=each.type,
            project=each.project,
            degree=degrees[each.id],
        )
        for each in facts
        if degrees[each.id]
    ]
    for each in {mention.entity_id: mention for mention in named}.values():
        degree = degrees[each.entity_id]
        nodes.append(GraphNode(id=each.entity_id, kind="entity", title=each.name, type=each.type, degree=degree))
    return sorted(nodes, key=lambda each: (-each.degree, each.title))


OPERATIONS = (
    Operation(
        name="workspace_graph",
        description=(
            "Read the graph of a workspace: its newest memories that are joined to something, the links between them, "
            "and the people and things that at least two of them name."
        ),
        routes=(("GET", "/v1/graph"),),
        scope="memory:read",
        effect=Effect.READ,
        args=WorkspaceGraph,
        returns=WholeGraph,
        handler=read_workspace_graph,
        is_listed=False,
    ),
)
