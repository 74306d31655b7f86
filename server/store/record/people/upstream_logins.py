"""Rows of logins at a provider that have begun. Each is taken once: one statement deletes its row and returns it."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import upstream_logins


async def insert_upstream_login(
    connection: AsyncConnection, *, state_hash: str, sealed: str, expires_at: datetime
) -> None:
    """Store a new login."""
    row = {"state_hash": state_hash, "sealed": sealed, "expires_at": expires_at}
    await connection.execute(sa.insert(upstream_logins).values(row))


async def take_upstream_login(connection: AsyncConnection, state_hash: str, now: datetime) -> str | None:
    """Delete a login and return its sealed part. None if there is no such login, or it has expired."""
    query = (
        sa.delete(upstream_logins)
        .where(upstream_logins.c.state_hash == state_hash, upstream_logins.c.expires_at > now)
        .returning(upstream_logins.c.sealed)
    )
    return (await connection.execute(query)).scalar_one_or_none()
