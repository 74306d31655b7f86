"""The memories of a stretch of time, by when they happened: when that is not known, by when they were stored."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.leaves import find_live_merges
from server.store.record.memories import Listing, Status, make_conditions
from server.store.tables.memories import memories

_STATUSES: tuple[Status, ...] = ("active", "consolidated")
HAPPENED_AT = sa.func.coalesce(memories.c.occurred_at, memories.c.created_at)


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
        person: a name, in any case: only memories by or about whoever has it as the whole or the first name.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    more: list[sa.ColumnElement[bool]] = []
    if between is not None:
        more += [between[0] <= HAPPENED_AT, between[1] > HAPPENED_AT]
    if person is not None:
        name = person.lower()
        columns = [sa.func.lower(column) for column in (memories.c.author, memories.c.entity)]
        more.append(
            sa.or_(*(sa.or_(column == name, column.startswith(f"{name} ", autoescape=True)) for column in columns))
        )
    columns = memories.c["id", "occurred_at", "created_at", "consolidated_into"]
    found: list[tuple[str, datetime]] = []
    for status in _STATUSES:
        conditions = make_conditions(workspace_id, replace(listing, status=status), now, is_sqlite=is_sqlite)
        query = sa.select(*columns).where(*conditions, *more)
        query = query.order_by(HAPPENED_AT.desc(), memories.c.position.desc()).limit(listing.limit)
        rows = (await connection.execute(query)).all()
        places = await find_live_merges(connection, [row.id for row in rows]) if status == "consolidated" else {}
        for row in rows:
            listed: str | None = places.get(row.id) if status == "consolidated" else row.id
            if listed is not None:
                found.append((listed, row.occurred_at or row.created_at))
    newest = dict(sorted(found, key=lambda each: each[1]))  # of a memory that came twice, the last time stays
    return sorted(newest.items(), key=lambda each: each[1], reverse=True)[: listing.limit]
