"""Codes, grants and refresh tokens. One verb per function; the caller owns the transaction.

What may happen once is one statement that changes a row and returns it: of two callers one gets the row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.accounts import users
from server.store.tables.oauth import oauth_codes, oauth_grants, oauth_refresh_tokens


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: what a person agreed to, for the minute until the client redeems it."""

    code_hash: str
    user_id: str
    client_id: str
    client_name: str
    redirect_uri: str
    scopes: str
    resource: str
    code_challenge: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may do for a person, until it expires or is revoked. `scopes` are separated by spaces."""

    id: str
    user_id: str
    client_id: str
    client_name: str
    scopes: str
    resource: str
    code_hash: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a grant that lives. `rotated_at` is set once it was exchanged."""

    token_hash: str
    grant_id: str
    rotated_at: datetime | None


async def insert_code(connection: AsyncConnection, code: Code) -> None:
    """Keep a new code."""
    await connection.execute(
        sa.insert(oauth_codes).values(
            code_hash=code.code_hash,
            user_id=code.user_id,
            client_id=code.client_id,
            client_name=code.client_name,
            redirect_uri=code.redirect_uri,
            scopes=code.scopes,
            resource=code.resource,
            code_challenge=code.code_challenge,
            expires_at=code.expires_at,
        )
    )


async def take_code(connection: AsyncConnection, code_hash: str, client_id: str, now: datetime) -> Code | None:
    """Take a client's code out, so that nobody can take it again. None where there is none that still holds."""
    query = (
        sa.delete(oauth_codes)
        .where(
            oauth_codes.c.code_hash == code_hash, oauth_codes.c.client_id == client_id, oauth_codes.c.expires_at > now
        )
        .returning(*oauth_codes.c)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Code(*row)


async def insert_grant(connection: AsyncConnection, grant: Grant) -> None:
    """Keep a new grant."""
    await connection.execute(
        sa.insert(oauth_grants).values(
            id=grant.id,
            user_id=grant.user_id,
            client_id=grant.client_id,
            client_name=grant.client_name,
            scopes=grant.scopes,
            resource=grant.resource,
            code_hash=grant.code_hash,
            created_at=grant.created_at,
            last_used_at=grant.last_used_at,
            expires_at=grant.expires_at,
        )
    )


_GRANT = sa.select(*(column for column in oauth_grants.c if column.name != "revoked_at")).where(
    oauth_grants.c.revoked_at.is_(None)
)


async def grant_of_code(connection: AsyncConnection, code_hash: str, client_id: str) -> Grant | None:
    """The grant that this client redeemed with this code, if it was not revoked since."""
    query = _GRANT.where(oauth_grants.c.code_hash == code_hash, oauth_grants.c.client_id == client_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Grant(*row)


async def live_grant(connection: AsyncConnection, grant_id: str, now: datetime) -> tuple[Grant, str] | None:
    """A grant that holds, and its user's account; None also where the user is disabled. One indexed lookup."""
    query = (
        _GRANT.add_columns(users.c.account_id)
        .join(users, users.c.id == oauth_grants.c.user_id)
        .where(oauth_grants.c.id == grant_id, oauth_grants.c.expires_at > now, users.c.disabled_at.is_(None))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    *grant, account_id = row
    return Grant(*grant), account_id


async def list_grants(connection: AsyncConnection, user_id: str, now: datetime) -> list[Grant]:
    """What a person has granted and what still holds, latest used first."""
    query = _GRANT.where(oauth_grants.c.user_id == user_id, oauth_grants.c.expires_at > now)
    return [Grant(*row) for row in await connection.execute(query.order_by(oauth_grants.c.last_used_at.desc()))]


async def touch_grant(connection: AsyncConnection, grant_id: str, now: datetime) -> None:
    """Write that a grant was just used."""
    await connection.execute(sa.update(oauth_grants).where(oauth_grants.c.id == grant_id).values(last_used_at=now))


async def revoke_grant(
    connection: AsyncConnection, grant_id: str, now: datetime, *, user_id: str | None = None
) -> bool:
    """End a grant (of this user, where one is named); False where there is none that was not ended before."""
    query = sa.update(oauth_grants).where(oauth_grants.c.id == grant_id, oauth_grants.c.revoked_at.is_(None))
    if user_id is not None:
        query = query.where(oauth_grants.c.user_id == user_id)
    return (await connection.execute(query.values(revoked_at=now))).rowcount == 1


async def insert_refresh_token(
    connection: AsyncConnection, *, token_hash: str, grant_id: str, parent_hash: str | None, expires_at: datetime
) -> None:
    """Keep a new refresh token of a grant."""
    await connection.execute(
        sa.insert(oauth_refresh_tokens).values(
            token_hash=token_hash, grant_id=grant_id, parent_hash=parent_hash, expires_at=expires_at
        )
    )


async def find_refresh_token(
    connection: AsyncConnection, token_hash: str, client_id: str, now: datetime
) -> RefreshToken | None:
    """A client's refresh token that did not expire, rotated or not."""
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
    """Mark a refresh token as exchanged; False where somebody was there before."""
    query = (
        sa.update(oauth_refresh_tokens)
        .where(oauth_refresh_tokens.c.token_hash == token_hash, oauth_refresh_tokens.c.rotated_at.is_(None))
        .values(rotated_at=now)
    )
    return (await connection.execute(query)).rowcount == 1


async def just_rotated(connection: AsyncConnection, token_hash: str, now: datetime, grace: timedelta) -> bool:
    """Whether a token was exchanged less than `grace` ago, and what it was exchanged for has not been since."""
    later = oauth_refresh_tokens.alias("later")
    query = sa.select(oauth_refresh_tokens.c.token_hash).where(
        oauth_refresh_tokens.c.token_hash == token_hash,
        oauth_refresh_tokens.c.rotated_at > now - grace,
        ~sa.exists().where(later.c.parent_hash == token_hash, later.c.rotated_at.is_not(None)),
    )
    return (await connection.execute(query)).one_or_none() is not None
