"""The links of imported memories: they go by names, and may lead to what comes later in a file."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.imports.item import Item, Link
from server.memory.models import Linkage, Memory
from server.store.record import memories
from server.store.record.journal import Actor, journal_memories
from server.store.record.relations import graph, links

_MOST_LINKS = 100


class Names:
    """The meaning of items' names: ids of memories and of items of working memory. The first one of a name stays."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def note(self, item: Item, memory_id: str) -> None:
        """Note the id of an item under each of its names."""
        for name in item.names:
            self._ids.setdefault(name, memory_id)

    def note_id(self, name: str, thing_id: str) -> None:
        """Note the id of something that is no memory."""
        self._ids.setdefault(name, thing_id)

    def find(self, name: str) -> str | None:
        """Return the id that a name means, or None if it is not known yet."""
        return self._ids.get(name)

    def lead_back(self, wanted: Sequence[Link], later: Collection[str]) -> bool:
        """Whether all ends of links are known, and none is among the memories that are stored later."""
        ends = [self._ids.get(link.name) for link in wanted if link.kind != "file"]
        return not any(end is None or end in later for end in ends)

    def resolve(self, wanted: Sequence[Link]) -> list[Linkage]:
        """Return the links with ids. Those to what nobody knows, and those beyond the 100 of a memory, are left out."""
        found: list[Linkage] = []
        for link in wanted[:_MOST_LINKS]:
            label = link.label and link.label[:100]
            if link.kind == "file" and link.path:
                found.append(Linkage(type="file", path=link.path[:1000], label=label))
            elif (end := self._ids.get(link.name)) is not None:
                found.append(Linkage(type="item" if link.kind == "item" else "memory", id=end, label=label))
        return found


async def put_links(
    connection: AsyncConnection,
    workspace_id: str,
    waiting: Mapping[str, Sequence[Linkage]],
    actor: Actor,
    now: datetime,
) -> None:
    """Give links to memories that were imported before the ends of their links. No label's links close a circle."""
    first = await memories.advance_revision(connection, workspace_id, len(waiting), now)
    for step, (memory_id, wanted) in enumerate(waiting.items()):
        kept = [link for link in wanted if not await _is_circle(connection, workspace_id, memory_id, link)]
        before = await memories.get_memory(connection, workspace_id, memory_id)
        new = [] if before is None else [link for link in kept if link not in before.linkages]
        if before is None or not new:
            continue
        # A memory of an import that broke off may have links that somebody gave it since.
        linkages = [link.model_dump() for link in [*before.linkages, *new][:_MOST_LINKS]]
        await _change(connection, workspace_id, before, first + step, {"linkages": linkages}, actor, now)


async def hide_merged(
    connection: AsyncConnection, workspace_id: str, merged: Mapping[str, str], actor: Actor, now: datetime
) -> None:
    """Hide the memories that were merged into others, memory → merged memory."""
    first = await memories.advance_revision(connection, workspace_id, len(merged), now)
    for step, (memory_id, into) in enumerate(merged.items()):
        before = await memories.get_memory(connection, workspace_id, memory_id)
        if before is not None and before.consolidated_into is None:
            changes = {"consolidated": True, "consolidated_into": into}
            await _change(connection, workspace_id, before, first + step, changes, actor, now)


async def _change(
    connection: AsyncConnection,
    workspace_id: str,
    before: Memory,
    revision: int,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Change a memory that was just imported. It is no change of what it says, so the journal has no earlier state."""
    await memories.update_memory(connection, before.id, revision, changes)
    await journal_memories(connection, workspace_id, actor, now, revision, [(before.id, None, None)])


async def _is_circle(connection: AsyncConnection, workspace_id: str, memory_id: str, link: Linkage) -> bool:
    """Whether a link would close a circle. Notes link to each other in wide circles without a label: those may.

    Only the way back of a link without a label is left out, as links are followed both ways.
    """
    if link.type != "memory" or link.id is None:
        return False
    if link.id == memory_id:
        return True
    if link.label is None:
        return await links.has_plain_link(connection, link.id, memory_id)
    return await graph.is_reachable(connection, workspace_id, memory_id, [link.id], link.label)
