"""Rows of refresh tokens.

A token may be exchanged once, so one statement marks its row: of two callers, one succeeds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import oauth_grants, oauth_refresh_tokens


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a grant. `rotated_at` is the time at which it was exchanged, or None."""

    token_hash: str
    grant_id: str
    rotated_at: datetime | None


async def insert_refresh_token(
    connection: AsyncConnection, *, token_hash: str, grant_id: str, parent_hash: str | None, expires_at: datetime
) -> None:
    """Store a new refresh token of a grant."""
    await connection.execute(
        sa.insert(oauth_refresh_tokens).values(
            token_hash=token_hash, grant_id=grant_id, parent_hash=parent_hash, expires_at=expires_at
        )
    )


async def find_refresh_token(
    connection: AsyncConnection, token_hash: str, client_id: str, now: datetime
) -> RefreshToken | None:
    """Return a client's refresh token that has not expired, rotated or not. None if there is none."""
    query = (
        sa.select(oauth_refresh_tokens.c.token_hash, oauth_refresh_tokens.c.grant_id, oauth_refresh_tokens.c.rotated_at)
        .join(oauth_grants, oauth_grants.c.id == oauth_refresh_tokens.c.grant_id)
        .where(
            oauth_refresh_tokens.c.token_hash == token_hash,
            oauth_refresh_tokens.c.expires_at > now,
            oauth_grants.c.client_id == client_id,
        )
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else RefreshToken(*row)


async def rotate_refresh_token(connection: AsyncConnection, token_hash: str, now: datetime) -> bool:
    """Mark a refresh token as exchanged. Return False if it was exchanged before."""
    query = (
        sa.update(oauth_refresh_tokens)
        .where(oauth_refresh_tokens.c.token_hash == token_hash, oauth_refresh_tokens.c.rotated_at.is_(None))
        .values(rotated_at=now)
    )
    return (await connection.execute(query)).rowcount == 1


async def is_just_rotated(connection: AsyncConnection, token_hash: str, now: datetime, grace: timedelta) -> bool:
    """Whether a token was exchanged less than `grace` ago, and its successor has not been exchanged since."""
    later = oauth_refresh_tokens.alias("later")
    query = sa.select(oauth_refresh_tokens.c.token_hash).where(
        oauth_refresh_tokens.c.token_hash == token_hash,
        oauth_refresh_tokens.c.rotated_at > now - grace,
        ~sa.exists().where(later.c.parent_hash == token_hash, later.c.rotated_at.is_not(None)),
    )
    return (await connection.execute(query)).one_or_none() is not None
