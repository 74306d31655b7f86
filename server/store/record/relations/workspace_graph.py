"""The graph of a workspace: its newest memories, the links between them, and the entities that they name."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.memory_lists import Listing, make_conditions
from server.store.record.relations.graph import RELATED
from server.store.tables.entities import entities, entity_names, mentions
from server.store.tables.links import links
from server.store.tables.memories import memories


@dataclass(frozen=True, slots=True)
class Fact:
    """A memory of the graph."""

    id: str
    content: str
    type: str
    project: str | None


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity that a memory names; `is_about` if it is what the memory is about."""

    memory_id: str
    entity_id: str
    name: str
    type: str
    is_about: bool


async def list_newest(
    connection: AsyncConnection, workspace_id: str, listing: Listing, now: datetime
) -> tuple[list[Fact], bool]:
    """Return the newest memories of a listing, and whether there are more than its limit."""
    is_sqlite = connection.dialect.name == "sqlite"
    query = (
        sa.select(memories.c.id, memories.c.content, memories.c.type, memories.c.project)
        .where(*make_conditions(workspace_id, listing, now, is_sqlite=is_sqlite))
        .order_by(memories.c.created_at.desc(), memories.c.position.desc())
        .limit(listing.limit + 1)
    )
    found = [Fact(*row) for row in await connection.execute(query)]
    return found[: listing.limit], len(found) > listing.limit


async def list_links(connection: AsyncConnection, ids: Collection[str]) -> list[tuple[str, str, str]]:
    """Return the links between these memories: from, to, and the meaning."""
    query = sa.select(links.c.from_id, links.c.to_id, links.c.label).where(
        links.c.from_id.in_(ids), links.c.to_kind == "memory"
    )
    rows = (await connection.execute(query.order_by(links.c.from_id, links.c.position))).all()
    wanted = set(ids)
    return [(row.from_id, row.to_id, row.label or RELATED) for row in rows if row.to_id in wanted]


async def list_mentions(connection: AsyncConnection, ids: Collection[str], most: int) -> list[Mention]:
    """Return what these memories name: the `most` entities that most of them name, and at least two."""
    query = (
        sa.select(mentions.c.memory_id, entities.c.id, entities.c.name, entities.c.type, mentions.c.is_about)
        .join(entity_names, entity_names.c.id == mentions.c.name_id)
        .join(entities, entities.c.id == entity_names.c.entity_id)
        .where(mentions.c.memory_id.in_(ids))
    )
    found: dict[tuple[str, str], Mention] = {}
    for row in await connection.execute(query):
        new = Mention(*row)
        before = found.get((new.memory_id, new.entity_id))
        if before is None or not before.is_about:
            found[new.memory_id, new.entity_id] = new
    counts = Counter(each.entity_id for each in found.values())
    kept = {entity_id for entity_id, count in counts.most_common(most) if count > 1}
    return [each for each in found.values() if each.entity_id in kept]
