"""What a workspace's memories are about: their entities and their projects, counted. Memories are the only source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.memories import Listing, make_conditions
from server.store.tables.memories import memories


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity, and the memories about it.

    `project` is None if they are of several, or of none; `scope` is the narrowest that holds for all of them.
    """

    name: str
    scope: str
    project: str | None
    memory_count: int
    first_seen: datetime
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class ProjectCount:
    """The memories of one project: how many, how many of each type, and the time of the last change."""

    project: str
    memory_count: int
    by_type: Mapping[str, int]
    last_updated: datetime


async def list_entities(
    connection: AsyncConnection, workspace_id: str, listing: Listing, now: datetime
) -> list[Entity]:
    """Return the entities of the memories of a listing, those with the most memories first. Its page is not read."""
    table = memories.c
    count = sa.func.count()
    query = (
        sa.select(
            table.entity,
            count,
            sa.func.count(table.project),
            *(end(column) for column in (table.project, table.scope) for end in (sa.func.min, sa.func.max)),
            sa.func.min(table.created_at),
            sa.func.max(table.updated_at),
        )
        .where(*_make_conditions(connection, workspace_id, listing, now), table.entity.is_not(None))
        .group_by(table.entity)
        .order_by(count.desc(), table.entity)
    )
    return [_make_entity(row) for row in await connection.execute(query)]


def _make_entity(row: Sequence[Any]) -> Entity:
    name, count, in_projects, first_project, last_project, first_scope, last_scope, first_seen, last_updated = row
    project = first_project if in_projects == count and first_project == last_project else None
    common = first_scope if first_scope == last_scope else "project"
    scope = common if project is not None else "global"
    return Entity(name, scope, project, count, first_seen, last_updated)


async def count_by_project(
    connection: AsyncConnection, workspace_id: str, listing: Listing, now: datetime
) -> list[ProjectCount]:
    """Return the projects of the memories of a listing, the one that changed last first. Its page is not read."""
    table = memories.c
    query = (
        sa.select(table.project, table.type, sa.func.count(), sa.func.max(table.updated_at))
        .where(*_make_conditions(connection, workspace_id, listing, now), table.project.is_not(None))
        .group_by(table.project, table.type)
    )
    rows: dict[str, list[tuple[str, int, datetime]]] = {}
    for project, kind, count, updated_at in await connection.execute(query):
        rows.setdefault(project, []).append((kind, count, updated_at))
    found = [_sum_up(project, of_types) for project, of_types in rows.items()]
    return sorted(found, key=lambda each: (each.last_updated, each.project), reverse=True)


def _sum_up(project: str, of_types: Sequence[tuple[str, int, datetime]]) -> ProjectCount:
    by_type = {kind: count for kind, count, _ in sorted(of_types, key=lambda each: (-each[1], each[0]))}
    return ProjectCount(project, sum(by_type.values()), by_type, max(each[2] for each in of_types))


def _make_conditions(
    connection: AsyncConnection, workspace_id: str, listing: Listing, now: datetime
) -> list[sa.ColumnElement[bool]]:
    return make_conditions(workspace_id, listing, now, is_sqlite=connection.dialect.name == "sqlite")
