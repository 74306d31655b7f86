"""Rows of memories' links, written in the transaction that changes `memories.linkages`, so that both agree."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.merging.merged_memory import SOURCE_LABEL
from server.memory.models import Linkage
from server.store.record.journal import forget_link_labels, unlabel
from server.store.tables.links import links
from server.store.tables.memories import memories


def _make_rows(workspace_id: str, memory_id: str, linkages: Sequence[Linkage]) -> list[dict[str, Any]]:
    return [
        {
            "from_id": memory_id,
            "position": position,
            "workspace_id": workspace_id,
            "to_kind": link.type,
            "to_id": None if link.type == "file" else link.id,
            "path": link.path if link.type == "file" else None,
            "label": link.label,
        }
        for position, link in enumerate(linkages)
    ]


async def put_links(connection: AsyncConnection, workspace_id: str, linkages: Mapping[str, Sequence[Linkage]]) -> None:
    """Store the links of new memories, memory id → links."""
    rows = [row for memory_id, some in linkages.items() for row in _make_rows(workspace_id, memory_id, some)]
    if rows:
        await connection.execute(sa.insert(links), rows)


async def replace_links(connection: AsyncConnection, memory_id: str, linkages: Sequence[Any]) -> None:
    """Store these links of a memory in place of all earlier ones. Each is a `Linkage`, or a dict of its fields."""
    await connection.execute(sa.delete(links).where(links.c.from_id == memory_id))
    if linkages:
        home = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id)
        workspace_id = (await connection.execute(home)).scalar_one()
        await put_links(connection, workspace_id, {memory_id: [Linkage.model_validate(each) for each in linkages]})


async def has_plain_link(connection: AsyncConnection, from_id: str, to_id: str) -> bool:
    """Whether a memory has a link without a label to another one."""
    plain = sa.exists().where(links.c.from_id == from_id, links.c.to_id == to_id, links.c.label.is_(None))
    return bool((await connection.execute(sa.select(plain))).scalar_one())


async def forget_labels(connection: AsyncConnection, workspace_id: str, to_ids: Collection[str]) -> list[str]:
    """Take the labels from the links to these memories: somebody wrote them about those, in other memories.

    The label that a merge gives to the links to its sources says nothing about them, and stays.

    Returns:
        The ids of the memories whose links had such a label.
    """
    query = sa.select(links.c.from_id).where(
        links.c.workspace_id == workspace_id,
        links.c.to_id.in_(to_ids),
        links.c.to_kind == "memory",
        links.c.label.is_not(None),
        links.c.label != SOURCE_LABEL,
    )
    found = sorted(set((await connection.execute(query)).scalars()))
    for each in found:
        row = memories.c.id == each
        linkages = (await connection.execute(sa.select(memories.c.linkages).where(row))).scalar_one()
        left = unlabel(linkages, to_ids)
        await connection.execute(sa.update(memories).where(row).values(linkages=left))
        await replace_links(connection, each, left)
        await forget_link_labels(connection, each, to_ids)
    return found
