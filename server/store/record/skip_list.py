"""The skip list's rows. The caller owns the transaction and journals the changes."""

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.skip import SkipEntry
from server.store.db import Database, fetch_rows
from server.store.tables.working import skip_entries

_COLUMNS = (
    skip_entries.c.id,
    skip_entries.c.item,
    skip_entries.c.reason,
    skip_entries.c.expires,
    skip_entries.c.ends_at,
    skip_entries.c.created_at,
)


async def insert_entry(connection: AsyncConnection, workspace_id: str, entry: SkipEntry) -> None:
    """Store a new entry."""
    await connection.execute(sa.insert(skip_entries).values(workspace_id=workspace_id, **asdict(entry)))


# The time is not in the statement, so that a cached read can be answered again. Few entries that have ended remain.
_KEPT = (
    sa.select(*_COLUMNS)
    .where(skip_entries.c.workspace_id == sa.bindparam("workspace"))
    .order_by(skip_entries.c.created_at.desc(), skip_entries.c.id.desc())
)


async def list_live_entries(source: AsyncConnection | Database, workspace_id: str, now: datetime) -> list[SkipEntry]:
    """Return the workspace's entries that have not ended, newest first. With a `Database` it is a cached read."""
    entries = (SkipEntry(*row) for row in await fetch_rows(source, _KEPT, {"workspace": workspace_id}))
    return [entry for entry in entries if entry.ends_at is None or entry.ends_at > now]


async def count_entries(connection: AsyncConnection, workspace_id: str, now: datetime) -> dict[str, int]:
    """Return the number of entries: total, active and expired. Expired ones stay until the loop deletes them."""
    query = sa.select(sa.func.count(), sa.func.count().filter(_has_ended(now))).where(
        skip_entries.c.workspace_id == workspace_id
    )
    total, expired = (await connection.execute(query)).one()
    return {"total": total, "active": total - expired, "expired": expired}


async def delete_entry(
    connection: AsyncConnection, workspace_id: str, entry_id: str, now: datetime
) -> SkipEntry | None:
    """Delete an entry that has not ended, and return it. None if the workspace has no such entry."""
    statement = (
        sa.delete(skip_entries)
        .where(skip_entries.c.id == entry_id, skip_entries.c.workspace_id == workspace_id, ~_has_ended(now))
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else SkipEntry(*row)


async def purge_expired(connection: AsyncConnection, now: datetime) -> int:
    """Delete the entries of every workspace that have ended, and return the number of rows deleted."""
    return (await connection.execute(sa.delete(skip_entries).where(skip_entries.c.ends_at <= now))).rowcount


def _has_ended(now: datetime) -> sa.ColumnElement[bool]:
    """Whether an entry has ended. One that ends on a condition has no time, and never does."""
    return sa.and_(skip_entries.c.ends_at.is_not(None), skip_entries.c.ends_at <= now)
