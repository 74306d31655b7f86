"""The memories of a stretch of time, by when they happened: when that is not known, by when they were stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.leaves import find_live_merges
from server.store.record.memory_lists import Listing, Status, make_conditions
from server.store.tables.memories import memories

_STATUSES: tuple[Status, ...] = ("active", "consolidated")


async def list_happened(
    connection: AsyncConnection,
    workspace_id: str,
    listing: Listing,
    now: datetime,
    *,
    between: tuple[datetime, datetime] | None = None,
    person: str | None = None,
) -> list[tuple[str, datetime]]:
    """Return the ids of the listing's memories and their times, newest first.

    A merged memory is listed for each memory that it was made from, at the newest of these times.

    Args:
        connection: a connection to the record.
        workspace_id: the workspace.
        listing: the filters, and the largest number.
        now: the time, by which memories expire.
        between: the start, inclusive, and the end, exclusive.
        person: a name, in any case: only memories by or about people who have it as the whole or the first name.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    more: list[sa.ColumnElement[bool]] = []
    if person is not None:
        name = person.lower()
        columns = [sa.func.lower(column) for column in (memories.c.author, memories.c.entity)]
        more.append(
            sa.or_(*(sa.or_(column == name, column.startswith(f"{name} ", autoescape=True)) for column in columns))
        )
    found: list[tuple[str, datetime]] = []
    for status in _STATUSES:
        conditions = make_conditions(workspace_id, replace(listing, status=status), now, is_sqlite=is_sqlite)
        rows = (await connection.execute(_select_newest([*conditions, *more], between, listing.limit))).all()
        places = await find_live_merges(connection, [row.id for row in rows]) if status == "consolidated" else {}
        for row in rows:
            listed: str | None = places.get(row.id) if status == "consolidated" else row.id
            if listed is not None:
                found.append((listed, row.at))
    newest = dict(sorted(found, key=lambda each: each[1]))  # of a memory that came twice, the last time stays
    return sorted(newest.items(), key=lambda each: each[1], reverse=True)[: listing.limit]


def _select_newest(
    conditions: Sequence[sa.ColumnElement[bool]], between: tuple[datetime, datetime] | None, limit: int
) -> sa.Select[*tuple[Any, ...]]:
    """Select the newest memories, those with a time and those without one from an index for each."""
    table = memories.c
    halves = sa.union_all(
        *(
            sa.select(_select_half(at, [is_half, *conditions], between, limit).subquery())
            for at, is_half in (
                (table.occurred_at, table.occurred_at.is_not(None)),
                (table.created_at, table.occurred_at.is_(None)),
            )
        )
    ).subquery()
    query = sa.select(halves.c.id, halves.c.at).order_by(halves.c.at.desc(), halves.c.position.desc())
    return query.limit(limit)


def _select_half(
    at: sa.Column[datetime],
    conditions: Sequence[sa.ColumnElement[bool]],
    between: tuple[datetime, datetime] | None,
    limit: int,
) -> sa.Select[*tuple[Any, ...]]:
    """Select the newest memories by one of the two times."""
    if between is not None:
        conditions = [*conditions, at >= between[0], at < between[1]]
    query = sa.select(memories.c.id, at.label("at"), memories.c.position).where(*conditions)
    return query.order_by(at.desc(), memories.c.position.desc()).limit(limit)
