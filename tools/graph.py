"""Links between memories: add them, and follow them."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.memory.link_kinds import find_inverse
from server.memory.models import Linkage, Timestamp
from server.store.record import memories
from server.store.record.relations import graph
from tools.core.answers import Answer
from tools.core.call import Call
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.arguments import Linkages, MemoryRef
from tools.memories.rows import add_links, check_links, hold_memory, make_memory_not_found


class MemoryGraph(MemoryRef):
    """The arguments of `memory_graph`."""

    depth: int = Field(default=2, ge=1, le=5, description="How many links to follow, in either direction: 1 to 5.")


class NodeView(BaseModel):
    """A memory in a graph."""

    id: str = Field(description="The memory's id.")
    content: str = Field(description="The remembered text.")
    type: str = Field(description="The memory's type.")
    tags: list[str] = Field(description="Its tags.")
    depth: int = Field(description="How many links it is away.")


class EdgeView(BaseModel):
    """A link in a graph."""

    model_config = ConfigDict(serialize_by_alias=True)

    start: str = Field(alias="from", description="The memory that has the link.")
    to: str = Field(description="The memory it points to, or `file:<path>`.")
    label: str = Field(description="The meaning of the link; if it was not given: `related`, or `source` for a file.")


class GraphAnswer(Answer):
    """The memories around one, and how they are linked."""

    nodes: list[NodeView] = Field(description="The memories, nearest first; consolidated and expired ones too.")
    edges: list[EdgeView] = Field(description="The links between them, and to files.")
    truncated: bool = Field(description="True if there are more memories than the 500 that are shown.")


class NeighbourView(BaseModel):
    """A memory, an item or a file at the other end of a link."""

    id: str = Field(description="The memory's or item's id, or the file's path.")
    type: str = Field(description="memory, item or file.")
    label: str = Field(description="The meaning of the link.")
    inverse: str | None = Field(
        default=None,
        exclude_if=lambda inverse: inverse is None,
        description="The meaning of an incoming link from here, e.g. `superseded_by`; absent for labels of one's own.",
    )


class RelatedAnswer(Answer):
    """The links of a memory in both directions."""

    outgoing: list[NeighbourView] = Field(description="The memories, items and files that the memory links to.")
    incoming: list[NeighbourView] = Field(description="The memories that link to it; at most 500.")
    truncated: bool = Field(description="True if more memories link to it than are shown.")


class LinkMemories(MemoryRef):
    """The arguments of `link_memories`."""

    linkages: Linkages = Field(
        default=[],
        description="The links to add, each to a memory or item by `id` or to a file by `path`, with a `label` such "
        "as supports, contradicts, supersedes, refines, depends_on, implements, example_of.",
        json_schema_extra={"minItems": 1},
    )

    @model_validator(mode="after")
    def _require_links(self) -> Self:
        if not self.linkages:
            raise ValueError("linkages is required; send at least one link")
        return self


class MemoryLinks(Answer):
    """The links that a memory has now."""

    id: str = Field(description="The memory's id.")
    added: int = Field(description="How many links are new; links that existed already do not count.")
    linkages: list[Linkage] = Field(description="All its links.")
    updated_at: Timestamp = Field(description="When the memory last changed.")


async def read_memory_graph(services: Services, call: Call, args: MemoryGraph) -> GraphAnswer:
    """Return the memories at most `depth` links from one, breadth first, and the links met. Raises `not_found`."""
    workspace = call.id_for_reading
    async with services.db.read() as connection:
        if await memories.get_memory(connection, workspace, args.id) is None:
            raise make_memory_not_found(args.id)
        nodes, edges, truncated = await graph.read_graph(connection, workspace, args.id, args.depth)
    return GraphAnswer(
        meta=call.meta,
        nodes=[NodeView.model_construct(**each._asdict()) for each in nodes],
        edges=[EdgeView.model_construct(start=each.start, to=each.end, label=each.label) for each in edges],
        truncated=truncated,
    )


async def list_related_memories(services: Services, call: Call, args: MemoryRef) -> RelatedAnswer:
    """Return one memory's links in both directions. Raises `not_found`."""
    workspace = call.id_for_reading
    async with services.db.read() as connection:
        if await memories.get_memory(connection, workspace, args.id) is None:
            raise make_memory_not_found(args.id)
        outgoing, incoming, truncated = await graph.list_related(connection, workspace, args.id)
    return RelatedAnswer(
        meta=call.meta,
        outgoing=[NeighbourView(id=each.id, type=each.type, label=each.label) for each in outgoing],
        incoming=[
            NeighbourView(id=each.id, type=each.type, label=each.label, inverse=find_inverse(each.label))
            for each in incoming
        ],
        truncated=truncated,
    )


async def link_memories(services: Services, call: Call, args: LinkMemories) -> MemoryLinks:
    """Add links to a memory; a link that it has already, with the same label, is not added again.

    Raises `not_found`, and `invalid` for a link to a memory that does not exist, to the memory itself, or if the memory
    would have more than 100 links.
    """
    now, workspace = services.now(), call.id_for_reading
    async with services.db.write() as connection:
        revision, before = await hold_memory(connection, workspace, args.id, now)
        await check_links(connection, workspace, args.linkages, "linkages", own_id=args.id)
        after = await add_links(connection, workspace, call.actor, now, revision, before, args.linkages)
        added = len(after.linkages) - len(before.linkages)
    if added:
        await services.projection.project(workspace)
    return MemoryLinks(meta=call.meta, id=args.id, added=added, linkages=after.linkages, updated_at=after.updated_at)


OPERATIONS = (
    Operation(
        name="link_memories",
        description=(
            "Link a memory to others, to working-memory items or to files, and give each link a label that says what "
            "it means. Use it when one fact explains, replaces or contradicts another, so that memory_graph leads "
            "from one to the other. Existing links stay."
        ),
        routes=(("POST", "/v1/memories/{id}/links"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=LinkMemories,
        returns=MemoryLinks,
        handler=link_memories,
    ),
    Operation(
        name="memory_graph",
        description=(
            "List the memories around one: those that links in either direction reach in up to five steps, and the "
            "links between them. Use it to see the reasons for a decision, or its consequences."
        ),
        routes=(("GET", "/v1/memories/{id}/graph"),),
        scope="memory:read",
        effect=Effect.READ,
        args=MemoryGraph,
        returns=GraphAnswer,
        handler=read_memory_graph,
    ),
    Operation(
        name="related_memories",
        description="List the links of one memory in both directions, by id; memory_graph also shows the texts.",
        routes=(("GET", "/v1/memories/{id}/related"),),
        scope="memory:read",
        effect=Effect.READ,
        args=MemoryRef,
        returns=RelatedAnswer,
        handler=list_related_memories,
        is_listed=False,
    ),
)
