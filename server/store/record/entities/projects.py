"""The projects of a workspace's memories, counted. Memories are the only source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.memory_lists import Listing, make_conditions
from server.store.tables.memories import memories


@dataclass(frozen=True, slots=True)
class ProjectCount:
    """The memories of one project: their number, the number of each type, and the time of the last change."""

    project: str
    memory_count: int
    by_type: Mapping[str, int]
    last_updated: datetime


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
