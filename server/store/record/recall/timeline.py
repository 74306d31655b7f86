"""The memories of a workspace along the time: by when what they tell happened, or by when they were stored.

The day of an event is known from `occurred_at`, and without it from the time of storing. Each of the two has an
index of its own, so both are asked, and the newer ones taken.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.memory_lists import Listing, make_conditions
from server.store.tables.memories import memories

Axis = Literal["happened", "stored"]
#: The most memories of one stretch of time that are counted.
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Point:
    """A memory on the timeline: its time on the axis, and the fields that are shown."""

    at: datetime
    id: str
    content: str
    type: str
    project: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """The memories of a timeline: a workspace, those of a listing in it, and the axis."""

    workspace_id: str
    listing: Listing
    axis: Axis
    now: datetime

    def list_parts(self, connection: AsyncConnection) -> list[tuple[sa.Column[datetime], list[sa.ColumnElement[bool]]]]:
        """Return the columns of time, each with the conditions of the memories that have their time there."""
        table = memories.c
        is_sqlite = connection.dialect.name == "sqlite"
        common = make_conditions(self.workspace_id, self.listing, self.now, is_sqlite=is_sqlite)
        if self.axis == "stored":
            return [(table.created_at, common)]
        dated, undated = table.occurred_at.is_not(None), table.occurred_at.is_(None)
        return [(table.occurred_at, [*common, dated]), (table.created_at, [*common, undated])]


async def list_newest(connection: AsyncConnection, line: Line, before: datetime, limit: int) -> list[Point]:
    """Return the newest memories from before a time, the newest first."""
    found: list[Point] = []
    for column, conditions in line.list_parts(connection):
        query = sa.select(column, memories.c.id, memories.c.content, memories.c.type, memories.c.project)
        query = query.where(*conditions, column < before).order_by(column.desc(), memories.c.position.desc())
        found += [Point(*row) for row in await connection.execute(query.limit(limit))]
    return sorted(found, key=lambda each: each.at, reverse=True)[:limit]


async def count_by_project(
    connection: AsyncConnection, line: Line, since: datetime, before: datetime
) -> list[tuple[str | None, int]]:
    """Return the projects of the memories between two times with their numbers, the most first.

    At most `MOST_COUNTED` of each column of time are counted.
    """
    parts = [
        sa.select(memories.c.project)
        .where(*conditions, column >= since, column < before)
        .limit(MOST_COUNTED)
        .subquery()
        for column, conditions in line.list_parts(connection)
    ]
    every = sa.union_all(*(sa.select(part.c.project) for part in parts)).subquery()
    query = sa.select(every.c.project, sa.func.count().label("number")).group_by(every.c.project)
    shares: list[tuple[str | None, int]] = [(row.project, row.number) for row in await connection.execute(query)]
    return sorted(shares, key=lambda each: (-each[1], each[0] or ""))
