"""Lists of entities, read by indexes: as many as are shown, and the places of their memories."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.entities.rows import ENTITY_COLUMNS, PORTION, Entity
from server.store.tables.entities import entities, entity_names, mentions
from server.store.tables.memories import memories


@dataclass(frozen=True, slots=True)
class EntityFilter:
    """Which memories' entities are asked for. Empty: of all.

    `is_about`: only those that the field of a memory names, with the numbers of these memories.
    """

    types: Sequence[str] = ()
    scope: str | None = None
    project: str | None = None
    is_about: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it leaves nothing out."""
        return not (self.types or self.scope or self.project)


@dataclass(frozen=True, slots=True)
class EntityScope:
    """The narrowest scope that holds for all memories of an entity, and their project; None if there is not one."""

    scope: str
    project: str | None


async def list_by_count(
    connection: AsyncConnection, workspace_id: str, wanted: EntityFilter, limit: int, offset: int = 0
) -> tuple[list[tuple[Entity, int]], int]:
    """Return entities with their numbers of memories that pass a filter, the most first, and the number of all."""
    if not wanted.is_open:
        counts = await count_filtered(connection, workspace_id, wanted)
        found = {each.id: each for each in await get_entities(connection, list(counts))}
        ranked = sorted(found.values(), key=lambda each: (-counts[each.id], each.name))
        return [(each, counts[each.id]) for each in ranked[offset : offset + limit]], len(ranked)
    count = entities.c.about_count if wanted.is_about else entities.c.memory_count
    conditions = [entities.c.workspace_id == workspace_id]
    if wanted.is_about:
        conditions.append(count > 0)
    ranked = sa.select(*ENTITY_COLUMNS).where(
        *conditions, *await _find_least(connection, conditions, count, limit, offset)
    )
    query = ranked.order_by(count.desc(), entities.c.name).limit(limit).offset(offset)
    page = [Entity(*row) for row in await connection.execute(query)]
    total = (await connection.execute(sa.select(sa.func.count()).select_from(entities).where(*conditions))).scalar_one()
    return [(each, each.about_count if wanted.is_about else each.memory_count) for each in page], total


async def _find_least(
    connection: AsyncConnection,
    conditions: Sequence[sa.ColumnElement[bool]],
    count: sa.Column[int],
    limit: int,
    offset: int,
) -> list[sa.ColumnElement[bool]]:
    """Return the condition on the count of memories that all entities of a page fulfil; none if the page is not full.

    It is read from the index, backwards. So only the entities of the page and their equals are sorted by name.
    """
    last = sa.select(count).where(*conditions).order_by(count.desc()).limit(1).offset(offset + limit - 1)
    least = (await connection.execute(last)).scalar_one_or_none()
    return [] if least is None else [count >= least]


async def count_filtered(connection: AsyncConnection, workspace_id: str, wanted: EntityFilter) -> dict[str, int]:
    """Return the number of memories that pass a filter, by the id of the entity; none without memories."""
    conditions: list[sa.ColumnElement[bool]] = [entity_names.c.workspace_id == workspace_id]
    if wanted.types:
        conditions.append(mentions.c.type.in_(wanted.types))
    if wanted.scope is not None:
        conditions.append(mentions.c.scope == wanted.scope)
    if wanted.project is not None:
        conditions.append(mentions.c.project == wanted.project)
    if wanted.is_about:
        conditions.append(mentions.c.is_about.is_(True))
    query = (
        sa.select(entity_names.c.entity_id, sa.func.count(mentions.c.memory_id.distinct()))
        .join(mentions, mentions.c.name_id == entity_names.c.id)
        .where(*conditions)
        .group_by(entity_names.c.entity_id)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def get_entities(connection: AsyncConnection, entity_ids: Sequence[str]) -> list[Entity]:
    """Return the entities with these ids, in their order; those that are gone are left out."""
    found: dict[str, Entity] = {}
    for start in range(0, len(entity_ids), PORTION):
        query = sa.select(*ENTITY_COLUMNS).where(entities.c.id.in_(entity_ids[start : start + PORTION]))
        found |= {row.id: Entity(*row) for row in await connection.execute(query)}
    return [found[each] for each in entity_ids if each in found]


async def read_places(connection: AsyncConnection, entity_ids: Collection[str]) -> dict[str, EntityScope]:
    """Return the place of the memories of each of these entities, by its id."""
    ends = [_find_end(name, is_last=last) for last in (False, True) for name in ("project", "scope")]
    query = sa.select(entity_names.c.entity_id, *ends).where(entity_names.c.entity_id.in_(entity_ids))
    seen: dict[str, list[tuple[str, str]]] = {each: [] for each in entity_ids}
    for row in await connection.execute(query):
        if row.first_scope is not None:
            seen[row.entity_id] += [(row.first_project, row.first_scope), (row.last_project, row.last_scope)]
    return {each: _sum_up(pairs) for each, pairs in seen.items()}


def _find_end(column: str, *, is_last: bool) -> sa.ColumnElement[Any]:
    """The project or the scope of the first or the last mention of a name, in the order of the index."""
    order = [mentions.c.project, mentions.c.scope]
    query = sa.select(mentions.c[column]).where(mentions.c.name_id == entity_names.c.id)
    ended = query.order_by(*([each.desc() for each in order] if is_last else order)).limit(1)
    return ended.scalar_subquery().label(f"{'last' if is_last else 'first'}_{column}")


def _sum_up(pairs: Sequence[tuple[str, str]]) -> EntityScope:
    projects, scopes = {project for project, _ in pairs}, {scope for _, scope in pairs}
    if len(projects) != 1 or projects == {""}:
        return EntityScope("global", None)
    return EntityScope(scopes.pop() if len(scopes) == 1 else "project", projects.pop())


async def list_memory_ids(
    connection: AsyncConnection, entity_id: str, limit: int, *, is_about: bool = False
) -> list[str]:
    """Return the ids of the newest memories that name an entity; with `is_about`, only those about it."""
    names = sa.select(entity_names.c.id).where(entity_names.c.entity_id == entity_id)
    conditions = [mentions.c.name_id.in_(names)]
    if is_about:
        conditions.append(mentions.c.is_about.is_(True))
    query = (
        sa.select(mentions.c.memory_id)
        .join(memories, memories.c.id == mentions.c.memory_id)
        .where(*conditions)
        .group_by(mentions.c.memory_id, memories.c.position)
        .order_by(memories.c.position.desc())
        .limit(limit)
    )
    return list((await connection.execute(query)).scalars())


async def list_together(
    connection: AsyncConnection, entity_id: str, memory_ids: Collection[str], limit: int
) -> list[tuple[Entity, int]]:
    """Return the other entities that these memories name, and the number of the memories, those with the most first."""
    count = sa.func.count(mentions.c.memory_id.distinct())
    query = (
        sa.select(entity_names.c.entity_id, count)
        .join(mentions, mentions.c.name_id == entity_names.c.id)
        .where(mentions.c.memory_id.in_(memory_ids), entity_names.c.entity_id != entity_id)
        .group_by(entity_names.c.entity_id)
        .order_by(count.desc(), entity_names.c.entity_id)
        .limit(limit)
    )
    counts = {row[0]: row[1] for row in await connection.execute(query)}
    found = await get_entities(connection, list(counts))
    return [(each, counts[each.id]) for each in sorted(found, key=lambda each: (-counts[each.id], each.name))]
