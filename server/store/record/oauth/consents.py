"""Rows of remembered consents: the scopes that a person granted to a client."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.db import insert_into
from server.store.tables.oauth import oauth_consents


async def remember_consent(
    connection: AsyncConnection,
    *,
    user_id: UserId,
    client_id: str,
    redirect_host: str,
    asked: str,
    granted: str,
    now: datetime,
) -> None:
    """Store the scopes that a person granted when a client asked for `asked`."""
    query = insert_into(connection, oauth_consents).values(
        user_id=user_id, client_id=client_id, redirect_host=redirect_host, asked=asked, granted=granted, created_at=now
    )
    keys = ["user_id", "client_id", "redirect_host", "asked"]
    await connection.execute(
        query.on_conflict_do_update(index_elements=keys, set_={"granted": granted, "created_at": now})
    )


async def find_consent(
    connection: AsyncConnection, *, user_id: UserId, client_id: str, redirect_host: str, asked: str
) -> str | None:
    """Return the scopes that a person granted when this client asked for the same, or None."""
    query = sa.select(oauth_consents.c.granted).where(
        oauth_consents.c.user_id == user_id,
        oauth_consents.c.client_id == client_id,
        oauth_consents.c.redirect_host == redirect_host,
        oauth_consents.c.asked == asked,
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def forget_consents(connection: AsyncConnection, user_id: UserId, client_id: str) -> None:
    """Delete a person's consents for a client, so that the person is asked again."""
    await connection.execute(
        sa.delete(oauth_consents).where(oauth_consents.c.user_id == user_id, oauth_consents.c.client_id == client_id)
    )
