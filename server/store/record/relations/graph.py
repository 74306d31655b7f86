"""The links between a workspace's memories, read from both ends by index."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.graph import FILE, Edge, Walk
from server.store.tables.links import links
from server.store.tables.memories import memories

NODES = 500
#: The largest number of links that one step reads in either direction.
LINKS = 2_000
#: The meanings of a link without a label: to a memory, and to a file.
RELATED, SOURCE = "related", "source"

_OUT, _IN = (sa.literal_column(each, sa.Integer).label("is_in") for each in "01")
_meaning = sa.func.coalesce(links.c.label, sa.case((links.c.to_kind == "file", SOURCE), else_=RELATED))
_LABEL = _meaning.label("meaning")


class Node(NamedTuple):
    """A memory of a graph, and its distance in links from the memory at which the walk began."""

    id: str
    content: str
    type: str
    tags: list[str]
    depth: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The other end of a memory's link: the id of a memory or an item, or the path of a file."""

    id: str
    type: str
    label: str


def _select_outgoing(ids: Iterable[str]) -> sa.Select[Any, Any, Any, Any, Any]:
    """The links of these memories."""
    target = sa.func.coalesce(links.c.to_id, links.c.path).label("target")
    columns = (links.c.from_id, target, links.c.to_kind, _LABEL, _OUT)
    return sa.select(*columns).where(links.c.from_id.in_(ids)).order_by(links.c.from_id, links.c.position)


def _select_incoming(workspace_id: str, ids: Iterable[str]) -> sa.Select[Any, Any, Any, Any, Any]:
    """The links to these memories."""
    target = links.c.to_id.label("target")
    columns = (links.c.from_id, target, links.c.to_kind, _LABEL, _IN)
    return (
        sa.select(*columns)
        .where(links.c.workspace_id == workspace_id, links.c.to_id.in_(ids), links.c.to_kind == "memory")
        .order_by(links.c.to_id, links.c.from_id, links.c.position)
    )


async def read_graph(
    connection: AsyncConnection, workspace_id: str, memory_id: str, depth: int
) -> tuple[list[Node], list[Edge], bool]:
    """Return the memories at most `depth` links from one, nearest first, their edges, and whether some were left out.

    There are at most `NODES` memories, consolidated and expired ones too, but no deleted ones, and
    no buried ones but the one at which it begins. Each step is one
    statement. The rows of the memories, which also tell which of them are deleted or buried, are read once at the end.
    """
    walk = Walk(memory_id, NODES)
    for _ in range(depth):
        if walk.frontier:
            edges, is_all = await read_edges(connection, workspace_id, walk.frontier)
            walk.step(edges, is_all=is_all)
    columns = (memories.c.id, memories.c.content, memories.c.type, memories.c.tags, memories.c.workspace_id)
    query = sa.select(*columns).where(
        memories.c.id.in_(walk.depths),
        memories.c.deleted_at.is_(None),
        sa.or_(memories.c.id == memory_id, memories.c.buried_at.is_(None)),
    )
    found = {row.id: row for row in await connection.execute(query) if row.workspace_id == workspace_id}
    if len(found) < len(walk.depths):
        walk = walk.restrict_to(found, depth)
    nodes = [Node(*found[each][:4], depth=at) for each, at in walk.depths.items()]
    return nodes, walk.edges, walk.is_truncated


async def read_edges(connection: AsyncConnection, workspace_id: str, ids: Sequence[str]) -> tuple[list[Edge], bool]:
    """Return the edges at some memories, and False if there are more than `LINKS` in a direction. One statement.

    The memory at the other end may be deleted.
    """
    out = _select_outgoing(ids).where(links.c.to_kind != "item").limit(LINKS + 1).subquery()
    into = _select_incoming(workspace_id, ids).limit(LINKS + 1).subquery()
    end = sa.case((out.c.to_kind == "file", sa.literal(FILE) + out.c.target), else_=out.c.target)
    both = sa.union_all(
        sa.select(out.c.from_id, end, out.c.meaning, out.c.is_in),
        sa.select(into.c.from_id, into.c.target, into.c.meaning, into.c.is_in),
    )
    out_edges: list[Edge] = []
    in_edges: list[Edge] = []
    for start, target, label, is_in in await connection.execute(both):
        (in_edges if is_in else out_edges).append(Edge(start, target, label))
    return [*out_edges[:LINKS], *in_edges[:LINKS]], max(len(out_edges), len(in_edges)) <= LINKS


async def list_related(
    connection: AsyncConnection, workspace_id: str, memory_id: str
) -> tuple[list[Neighbour], list[Neighbour], bool]:
    """Return the ends of its links, the memories that link to it (at most `NODES`), and whether there are more."""
    out = await connection.execute(
        _select_outgoing([memory_id]).where(sa.or_(links.c.to_kind != "memory", _is_shown(links.c.to_id, workspace_id)))
    )
    found = _select_incoming(workspace_id, [memory_id]).where(_is_shown(links.c.from_id, workspace_id)).limit(NODES + 1)
    into = (await connection.execute(found)).all()
    outgoing = [Neighbour(row.target, row.to_kind, row.meaning) for row in out]
    incoming = [Neighbour(row.from_id, "memory", row.meaning) for row in into[:NODES]]
    return outgoing, incoming, len(into) > NODES


async def is_reachable(
    connection: AsyncConnection, workspace_id: str, memory_id: str, from_ids: Collection[str], label: str | None
) -> bool:
    """Whether links of one meaning lead from any of these memories to another one. Deleted memories are no way."""
    of_this_meaning = (
        links.c.workspace_id == workspace_id,
        links.c.to_kind == "memory",
        _meaning == (label or RELATED),
        _is_live(links.c.from_id, workspace_id),
    )
    reached = sa.select(links.c.to_id).where(links.c.from_id.in_(from_ids), *of_this_meaning).cte(recursive=True)
    onward = sa.select(links.c.to_id).join(reached, links.c.from_id == reached.c.to_id).where(*of_this_meaning)
    reached = reached.union(onward)  # each memory once, so that it ends
    found = await connection.execute(sa.select(reached.c.to_id).where(reached.c.to_id == memory_id).limit(1))
    return found.first() is not None


def _is_live(column: sa.ColumnElement[Any], workspace_id: str) -> sa.ColumnElement[bool]:
    """Whether the column is the id of a memory of the workspace that is not deleted."""
    return sa.exists().where(
        memories.c.id == column, memories.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None)
    )


def _is_shown(column: sa.ColumnElement[Any], workspace_id: str) -> sa.ColumnElement[bool]:
    """Whether the column is the id of a memory of the workspace that is neither deleted nor buried."""
    return sa.exists().where(
        memories.c.id == column,
        memories.c.workspace_id == workspace_id,
        memories.c.deleted_at.is_(None),
        memories.c.buried_at.is_(None),
    )
