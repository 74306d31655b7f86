"""The memories of a stretch of time, by when they happened: when that is not known, by when they were stored."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.memories import Listing, make_conditions
from server.store.tables.memories import memories

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

    Args:
        connection: a connection to the record.
        workspace_id: the workspace.
        listing: the filters, and the largest number.
        now: the time, by which memories expire.
        between: the start, inclusive, and the end, exclusive.
        person: a name, in any case: only memories by or about whoever has it as the whole or the first name.
    """
    conditions = make_conditions(workspace_id, listing, now, is_sqlite=connection.dialect.name == "sqlite")
    if between is not None:
        conditions += [between[0] <= HAPPENED_AT, between[1] > HAPPENED_AT]
    if person is not None:
        name = person.lower()
        columns = [sa.func.lower(column) for column in (memories.c.author, memories.c.entity)]
        conditions.append(
            sa.or_(*(sa.or_(column == name, column.startswith(f"{name} ", autoescape=True)) for column in columns))
        )
    query = (
        sa.select(memories.c.id, memories.c.occurred_at, memories.c.created_at)
        .where(*conditions)
        .order_by(HAPPENED_AT.desc(), memories.c.position.desc())
        .limit(listing.limit)
    )
    return [(row.id, row.occurred_at or row.created_at) for row in await connection.execute(query)]
