"""Rows of browser sessions. Only the SHA-256 of a session's id is kept."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.record.people.accounts import User, get_user
from server.store.tables.oauth import browser_sessions


async def insert_session(
    connection: AsyncConnection, *, id_hash: str, user_id: UserId, now: datetime, expires_at: datetime
) -> None:
    """Store a new browser session."""
    await connection.execute(
        sa.insert(browser_sessions).values(id_hash=id_hash, user_id=user_id, created_at=now, expires_at=expires_at)
    )


async def find_session_user(connection: AsyncConnection, id_hash: str, now: datetime) -> User | None:
    """Return the user of a session. None if it has expired, there is no such session, or the user is disabled."""
    query = sa.select(browser_sessions.c.user_id).where(
        browser_sessions.c.id_hash == id_hash, browser_sessions.c.expires_at > now
    )
    user_id = (await connection.execute(query)).scalar_one_or_none()
    user = None if user_id is None else await get_user(connection, user_id)
    return None if user is None or user.disabled_at is not None else user


async def delete_user_sessions(connection: AsyncConnection, user_id: UserId) -> None:
    """End every browser session of a user."""
    await connection.execute(sa.delete(browser_sessions).where(browser_sessions.c.user_id == user_id))


async def delete_session(connection: AsyncConnection, id_hash: str) -> None:
    """End a browser session."""
    await connection.execute(sa.delete(browser_sessions).where(browser_sessions.c.id_hash == id_hash))
