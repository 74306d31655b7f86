"""The skip list's rows: the items of working memory that have its category. The caller owns the transaction.

The skip list has three doors: its own operations, the items of the category `skip_list`, and the section `skip_list`.
All of them write to these rows.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.notes.skip import SkipEntry
from server.store.db import Database, fetch_rows
from server.store.record.notes import section_items, working_memory
from server.store.tables.working import working_items

_COLUMNS = (
    working_items.c.id,
    working_items.c.title,
    working_items.c.content,
    working_items.c.expires,
    working_items.c.ends_at,
    working_items.c.created_at,
)
# A literal, because an index of SQLite that has this condition serves no statement with a parameter in its place.
_IS_SKIP = working_items.c.category == sa.literal_column("'skip_list'")
_IS_ENTRY = sa.and_(_IS_SKIP, working_items.c.status == "active")


async def insert_entry(connection: AsyncConnection, workspace_id: str, entry: SkipEntry) -> None:
    """Store a new entry."""
    row: dict[str, Any] = {
        "id": entry.id,
        "workspace_id": workspace_id,
        "category": "skip_list",
        "title": entry.item,
        "content": entry.reason,
        "status": "active",
        "priority": 0,
        "tags": [],
        "expires": entry.expires,
        "ends_at": entry.ends_at,
        "created_at": entry.created_at,
        "updated_at": entry.created_at,
    }
    await connection.execute(sa.insert(working_items).values(row))


# The time is not in the statement, so that a cached read can be answered again. Few entries that have ended remain.
_KEPT = (
    sa.select(*_COLUMNS)
    .where(working_items.c.workspace_id == sa.bindparam("workspace"), _IS_ENTRY)
    .order_by(working_items.c.created_at.desc(), working_items.c.id.desc())
)


async def list_live_entries(source: AsyncConnection | Database, workspace_id: str, now: datetime) -> list[SkipEntry]:
    """Return the workspace's entries that have not ended, newest first. With a `Database` it is a cached read."""
    entries = (
        section_items.make_skip_entry(row) for row in await fetch_rows(source, _KEPT, {"workspace": workspace_id})
    )
    return [entry for entry in entries if entry.ends_at is None or entry.ends_at > now]


async def count_entries(connection: AsyncConnection, workspace_id: str, now: datetime) -> dict[str, int]:
    """Return the number of entries: total, active and expired. Expired ones stay until the loop deletes them."""
    query = sa.select(sa.func.count(), sa.func.count().filter(_has_ended(now))).where(
        working_items.c.workspace_id == workspace_id, _IS_ENTRY
    )
    total, expired = (await connection.execute(query)).one()
    return {"total": total, "active": total - expired, "expired": expired}


async def delete_entry(
    connection: AsyncConnection, workspace_id: str, entry_id: str, now: datetime
) -> SkipEntry | None:
    """Delete an entry that has not ended, and return it. None if the workspace has no such entry."""
    query = sa.select(*_COLUMNS).where(
        working_items.c.id == entry_id, working_items.c.workspace_id == workspace_id, _IS_ENTRY, ~_has_ended(now)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    await working_memory.delete_item(connection, workspace_id, entry_id)
    return section_items.make_skip_entry(row)


async def purge_expired(connection: AsyncConnection, now: datetime) -> int:
    """Delete the entries of every workspace that have ended, and return the number of rows deleted."""
    return (await connection.execute(sa.delete(working_items).where(_has_ended(now)))).rowcount


def _has_ended(now: datetime) -> sa.ColumnElement[bool]:
    """Whether an entry has ended. One that ends on a condition has no time, and never does."""
    return sa.and_(_IS_SKIP, working_items.c.ends_at.is_not(None), working_items.c.ends_at <= now)
