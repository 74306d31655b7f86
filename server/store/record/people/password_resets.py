"""Rows of the links with which somebody sets a new password: at most one a person. Only its SHA-256 is kept."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.record.people.accounts import User, get_user
from server.store.tables.oauth import password_resets


async def put_reset(
    connection: AsyncConnection, *, user_id: UserId, link_hash: str, now: datetime, expires_at: datetime
) -> None:
    """Store the link of a user, in the place of an earlier one."""
    await delete_reset(connection, user_id)
    await connection.execute(
        sa.insert(password_resets).values(user_id=user_id, link_hash=link_hash, created_at=now, expires_at=expires_at)
    )


async def find_reset_user(connection: AsyncConnection, link_hash: str, now: datetime) -> User | None:
    """Return the user of a link. None if it has expired, there is no such link, or the user is disabled."""
    query = sa.select(password_resets.c.user_id).where(
        password_resets.c.link_hash == link_hash, password_resets.c.expires_at > now
    )
    user_id = (await connection.execute(query)).scalar_one_or_none()
    user = None if user_id is None else await get_user(connection, user_id)
    return None if user is None or user.disabled_at is not None else user


async def take_reset(connection: AsyncConnection, link_hash: str) -> bool:
    """Use a link up. Return False if it was used meanwhile."""
    query = sa.delete(password_resets).where(password_resets.c.link_hash == link_hash)
    return (await connection.execute(query)).rowcount == 1


async def delete_reset(connection: AsyncConnection, user_id: UserId) -> None:
    """End the link of a user, if there is one."""
    await connection.execute(sa.delete(password_resets).where(password_resets.c.user_id == user_id))
