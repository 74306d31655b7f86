"""Rows of OAuth grants: the permission of a client to act for a person."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.tables.accounts import users
from server.store.tables.oauth import oauth_grants


class CodeUsed(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """Another grant came of the same code or assertion."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The permission of a client to act for a person, until it expires or is revoked. Spaces separate its `scopes`."""

    id: str
    user_id: UserId
    client_id: str
    client_name: str
    scopes: str
    resource: str
    code_hash: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


async def insert_grant(connection: AsyncConnection, grant: Grant) -> None:
    """Store a new grant.

    Raises:
        CodeUsed: there is a grant of the same code or assertion.
    """
    row = {
        "id": grant.id,
        "user_id": grant.user_id,
        "client_id": grant.client_id,
        "client_name": grant.client_name,
        "scopes": grant.scopes,
        "resource": grant.resource,
        "code_hash": grant.code_hash,
        "created_at": grant.created_at,
        "last_used_at": grant.last_used_at,
        "expires_at": grant.expires_at,
    }
    try:
        await connection.execute(sa.insert(oauth_grants).values(row))
    except IntegrityError:
        raise CodeUsed(grant.code_hash) from None


_GRANT = sa.select(*(column for column in oauth_grants.c if column.name != "revoked_at")).where(
    oauth_grants.c.revoked_at.is_(None)
)


async def find_grant_of_code(connection: AsyncConnection, code_hash: str, client_id: str) -> Grant | None:
    """Return the grant that this client got for this code. None if there is none, or it was revoked."""
    query = _GRANT.where(oauth_grants.c.code_hash == code_hash, oauth_grants.c.client_id == client_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Grant(*row)


async def find_live_grant(connection: AsyncConnection, grant_id: str, now: datetime) -> tuple[Grant, str] | None:
    """Return a valid grant and its user's account, by index. None if there is none, or the user is disabled."""
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


async def find_holder(connection: AsyncConnection, grant_id: str) -> tuple[UserId, str] | None:
    """Return the user of a grant, which may have ended, and their account; None if there is no such grant."""
    query = sa.select(users.c.id, users.c.account_id).join(oauth_grants, oauth_grants.c.user_id == users.c.id)
    row = (await connection.execute(query.where(oauth_grants.c.id == grant_id))).one_or_none()
    return None if row is None else (row.id, row.account_id)


async def lock_grant(connection: AsyncConnection, grant_id: str) -> None:
    """Make other transactions that lock the grant wait for this one. SQLite needs no lock: it writes one by one."""
    await connection.execute(sa.select(oauth_grants.c.id).where(oauth_grants.c.id == grant_id).with_for_update())


async def list_grants(connection: AsyncConnection, user_id: UserId, now: datetime) -> list[Grant]:
    """Return a person's valid grants, the one used last first."""
    query = _GRANT.where(oauth_grants.c.user_id == user_id, oauth_grants.c.expires_at > now)
    return [Grant(*row) for row in await connection.execute(query.order_by(oauth_grants.c.last_used_at.desc()))]


async def touch_grant(connection: AsyncConnection, grant_id: str, now: datetime) -> None:
    """Store that a grant was used now."""
    await connection.execute(sa.update(oauth_grants).where(oauth_grants.c.id == grant_id).values(last_used_at=now))


async def revoke_grant(
    connection: AsyncConnection, grant_id: str, now: datetime, *, user_id: UserId | None = None
) -> bool:
    """Revoke a grant (of this user, if one is given). Return False if there is none, or it was revoked before."""
    query = sa.update(oauth_grants).where(oauth_grants.c.id == grant_id, oauth_grants.c.revoked_at.is_(None))
    if user_id is not None:
        query = query.where(oauth_grants.c.user_id == user_id)
    return (await connection.execute(query.values(revoked_at=now))).rowcount == 1
