"""Rows of OAuth clients that registered themselves (RFC 7591)."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import oauth_clients


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client that registered itself (RFC 7591)."""

    id: str
    name: str
    redirect_uris: list[str]
    grant_types: list[str]
    auth_method: str
    secret_hash: str | None
    created_at: datetime


async def insert_client(connection: AsyncConnection, row: ClientRow) -> None:
    """Store a new client."""
    await connection.execute(
        sa.insert(oauth_clients).values(
            id=row.id,
            name=row.name,
            redirect_uris=row.redirect_uris,
            grant_types=row.grant_types,
            auth_method=row.auth_method,
            secret_hash=row.secret_hash,
            created_at=row.created_at,
        )
    )


async def get_client(connection: AsyncConnection, client_id: str) -> ClientRow | None:
    """Return the registered client with this id, or None if there is none."""
    query = sa.select(
        oauth_clients.c.id,
        oauth_clients.c.name,
        oauth_clients.c.redirect_uris,
        oauth_clients.c.grant_types,
        oauth_clients.c.auth_method,
        oauth_clients.c.secret_hash,
        oauth_clients.c.created_at,
    ).where(oauth_clients.c.id == client_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else ClientRow(*row)


async def count_clients(connection: AsyncConnection) -> int:
    """Return the number of registered clients."""
    return (await connection.execute(sa.select(sa.func.count()).select_from(oauth_clients))).scalar_one()


async def touch_client(connection: AsyncConnection, client_id: str, now: datetime) -> None:
    """Store that a registered client was used now. A client that is known by its document has no row to change."""
    await connection.execute(sa.update(oauth_clients).where(oauth_clients.c.id == client_id).values(last_used_at=now))
