"""Rows of API keys. Only the SHA-256 of a key is kept."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.tables.accounts import api_keys, users, workspaces
from server.store.tables.oauth import oauth_grants


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as its owner may see it."""

    id: str
    user_id: UserId
    prefix: str
    name: str
    scopes: str
    workspace_id: str | None
    grant_id: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    workspace: str | None = None
    requests_per_minute: int | None = None


_KEY = sa.select(
    api_keys.c.id,
    api_keys.c.user_id,
    api_keys.c.prefix,
    api_keys.c.name,
    api_keys.c.scopes,
    api_keys.c.workspace_id,
    api_keys.c.grant_id,
    api_keys.c.created_at,
    api_keys.c.expires_at,
    api_keys.c.last_used_at,
    api_keys.c.revoked_at,
    workspaces.c.name,
    api_keys.c.requests_per_minute,
).outerjoin_from(api_keys, workspaces, workspaces.c.id == api_keys.c.workspace_id)


async def insert_key(connection: AsyncConnection, row: KeyRow, key_hash: str, *, made_by: str | None = None) -> None:
    """Store a new key. `made_by` is the id of the key or of the chain that made it, if one did."""
    await connection.execute(
        sa.insert(api_keys).values(
            id=row.id,
            user_id=row.user_id,
            key_hash=key_hash,
            prefix=row.prefix,
            name=row.name,
            scopes=row.scopes,
            workspace_id=row.workspace_id,
            grant_id=row.grant_id,
            made_by=made_by,
            created_at=row.created_at,
            expires_at=row.expires_at,
            requests_per_minute=row.requests_per_minute,
        )
    )


async def find_key(connection: AsyncConnection, key_hash: str, now: datetime) -> tuple[KeyRow, str] | None:
    """Return a valid key and its user's account. None if there is no such key, or its user is disabled.

    A key that was made through an OAuth grant ends with the grant, so its `expires_at` is the earlier of the two.
    """
    query = (
        _KEY.add_columns(oauth_grants.c.id, oauth_grants.c.expires_at, users.c.account_id)
        .join(users, users.c.id == api_keys.c.user_id)
        .outerjoin(oauth_grants, sa.and_(oauth_grants.c.id == api_keys.c.grant_id, oauth_grants.c.revoked_at.is_(None)))
        .where(api_keys.c.key_hash == key_hash, api_keys.c.revoked_at.is_(None), users.c.disabled_at.is_(None))
    )
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        return None
    *row, grant, grant_ends, account_id = found
    key = KeyRow(*row)
    ends = min(filter(None, (key.expires_at, grant_ends)), default=None)
    if key.grant_id != grant or (ends is not None and ends <= now):
        return None
    return replace(key, expires_at=ends), account_id


async def find_holder(connection: AsyncConnection, key_hash: str) -> tuple[str, UserId, str] | None:
    """Return the id of a key, which may have ended, its user and their account; None if there is no such key."""
    query = sa.select(api_keys.c.id, users.c.id, users.c.account_id).join(users, users.c.id == api_keys.c.user_id)
    row = (await connection.execute(query.where(api_keys.c.key_hash == key_hash))).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def list_keys(connection: AsyncConnection, user_id: UserId) -> list[KeyRow]:
    """Return a user's keys that are not revoked, newest first."""
    query = _KEY.where(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None)).order_by(api_keys.c.id.desc())
    return [KeyRow(*row) for row in await connection.execute(query)]


async def revoke_key(connection: AsyncConnection, user_id: UserId, key_id: str, now: datetime) -> list[str]:
    """Revoke a key of this user and all the keys that were made by it, directly or not, and return their ids.

    The list is empty if the user has no such key, or it was revoked before.
    """
    revoked = await _revoke_keys(connection, user_id, api_keys.c.id == key_id, now)
    return [*revoked, *await revoke_keys_made_by(connection, user_id, revoked, now)]


async def revoke_keys_made_by(
    connection: AsyncConnection, user_id: UserId, makers: Collection[str], now: datetime
) -> list[str]:
    """Revoke the keys of this user that were made by these keys and chains, directly or not, and return their ids."""
    revoked: list[str] = []
    while makers:
        makers = await _revoke_keys(connection, user_id, api_keys.c.made_by.in_(makers), now)
        revoked += makers
    return revoked


async def _revoke_keys(
    connection: AsyncConnection, user_id: UserId, condition: sa.ColumnElement[bool], now: datetime
) -> list[str]:
    query = (
        sa.update(api_keys)
        .where(condition, api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(api_keys.c.id)
    )
    return list((await connection.execute(query)).scalars())


async def put_in_place(connection: AsyncConnection, key_id: str, successor: str) -> None:
    """Put the successor of a key in its place: it ends with the key's maker, and the keys that the key made with it."""
    old = api_keys.alias("old")
    maker = sa.select(old.c.made_by).where(old.c.id == key_id).scalar_subquery()
    await connection.execute(sa.update(api_keys).where(api_keys.c.id == successor).values(made_by=maker))
    await connection.execute(sa.update(api_keys).where(api_keys.c.made_by == key_id).values(made_by=successor))


async def retire_key(connection: AsyncConnection, user_id: UserId, key_id: str, now: datetime) -> KeyRow | None:
    """Revoke a key that another one replaces, and return its row. None if the user has no such key, or it is revoked.

    The workspace that it is bound to is held: a deletion of the workspace waits, and then revokes the new key, too.
    """
    bound_to = sa.select(workspaces.c.id).join(api_keys, api_keys.c.workspace_id == workspaces.c.id)
    await connection.execute(bound_to.where(api_keys.c.id == key_id).with_for_update(of=workspaces, read=True))
    if not await _revoke_keys(connection, user_id, api_keys.c.id == key_id, now):
        return None
    return KeyRow(*(await connection.execute(_KEY.where(api_keys.c.id == key_id))).one())


async def revoke_keys_of_grant(connection: AsyncConnection, grant_id: str, now: datetime) -> list[str]:
    """Revoke the keys that were made through an OAuth grant, and return their ids."""
    query = (
        sa.update(api_keys)
        .where(api_keys.c.grant_id == grant_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(api_keys.c.id)
    )
    return list((await connection.execute(query)).scalars())


async def set_limit(connection: AsyncConnection, user_id: UserId, key_id: str, per_minute: int | None) -> bool:
    """Set the calls of a minute that a key may send; None: as many as the server allows.

    Return False if the user has no such key, or it is revoked.
    """
    query = (
        sa.update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        .values(requests_per_minute=per_minute)
    )
    return (await connection.execute(query)).rowcount > 0


async def mark_used(connection: AsyncConnection, used: dict[str, datetime]) -> None:
    """Store when keys were last used: key id → time."""
    if used:
        query = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("key")).values(last_used_at=sa.bindparam("at"))
        await connection.execute(query, [{"key": key, "at": at} for key, at in used.items()])
