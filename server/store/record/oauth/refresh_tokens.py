"""Rows of refresh tokens.

Exchanging a token marks its row, in one statement: of two callers, one is the first.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import oauth_chains, oauth_grants, oauth_refresh_tokens


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a chain. `rotated_at` is the time at which it was first exchanged, or None."""

    token_hash: str
    chain_id: str
    grant_id: str
    rotated_at: datetime | None


async def insert_refresh_token(
    connection: AsyncConnection, *, token_hash: str, chain_id: str, expires_at: datetime
) -> None:
    """Store a new refresh token of a chain."""
    await connection.execute(
        sa.insert(oauth_refresh_tokens).values(token_hash=token_hash, chain_id=chain_id, expires_at=expires_at)
    )


async def find_refresh_token(
    connection: AsyncConnection, token_hash: str, client_id: str, now: datetime
) -> RefreshToken | None:
    """Return a client's refresh token that has not expired, rotated or not. None if there is none."""
    query = (
        sa.select(
            oauth_refresh_tokens.c.token_hash,
            oauth_refresh_tokens.c.chain_id,
            oauth_chains.c.grant_id,
            oauth_refresh_tokens.c.rotated_at,
        )
        .join(oauth_chains, oauth_chains.c.id == oauth_refresh_tokens.c.chain_id)
        .join(oauth_grants, oauth_grants.c.id == oauth_chains.c.grant_id)
        .where(
            oauth_refresh_tokens.c.token_hash == token_hash,
            oauth_refresh_tokens.c.expires_at > now,
            oauth_grants.c.client_id == client_id,
        )
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else RefreshToken(*row)


async def expire_grace(connection: AsyncConnection, token_hash: str, before: datetime) -> None:
    """Mark a used refresh token as exchanged at `before` at the latest, so that its grace is over."""
    await connection.execute(
        sa.update(oauth_refresh_tokens)
        .where(oauth_refresh_tokens.c.token_hash == token_hash, oauth_refresh_tokens.c.rotated_at > before)
        .values(rotated_at=before)
    )


async def rotate_refresh_token(connection: AsyncConnection, token_hash: str, now: datetime) -> bool:
    """Mark a refresh token as exchanged. Return False if it was exchanged before."""
    query = (
        sa.update(oauth_refresh_tokens)
        .where(oauth_refresh_tokens.c.token_hash == token_hash, oauth_refresh_tokens.c.rotated_at.is_(None))
        .values(rotated_at=now)
    )
    return (await connection.execute(query)).rowcount == 1
