"""Whether the grounds of a request have ended since it came: its user, its workspace, its key, its app."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.tables.accounts import api_keys, users, workspaces
from server.store.tables.oauth import oauth_chains, oauth_grants


async def has_ended(
    connection: AsyncConnection,
    user_id: UserId,
    *,
    key_id: str | None = None,
    grant_id: str | None = None,
    chain_id: str | None = None,
) -> bool:
    """Return whether the user is shut out, or one of the others was ended by somebody. None stands for none of them.

    An end by time does not count: a request that began in time may go on.
    """
    for query in _select_grounds(user_id, key_id=key_id, grant_id=grant_id, chain_id=chain_id):
        if (await connection.execute(query)).first() is None:
            return True
    return False


async def hold_grounds(
    connection: AsyncConnection,
    user_id: UserId,
    workspace_id: str | None,
    *,
    key_id: str | None = None,
    chain_id: str | None = None,
) -> bool:
    """Return whether a key of this user may be made now, for this workspace, by this key or this chain of an app.

    None stands for none of them. A key may not be made if the user is shut out, the workspace is deleted, or its maker
    has ended. They are held until the transaction ends: whoever ends one of them waits, and then ends the new key, too.
    """
    for query in _select_grounds(user_id, workspace_id=workspace_id, key_id=key_id, chain_id=chain_id):
        if (await connection.execute(query.with_for_update(read=True))).first() is None:
            return False
    return True


def _select_grounds(
    user_id: UserId,
    *,
    workspace_id: str | None = None,
    key_id: str | None = None,
    grant_id: str | None = None,
    chain_id: str | None = None,
) -> list[sa.Select[Any]]:
    """Return a query for each of these that finds it until it is ended. None stands for none of them."""
    found: list[sa.Select[Any]] = [sa.select(users.c.id).where(users.c.id == user_id, users.c.disabled_at.is_(None))]
    for table, ended_at, row_id in (
        (workspaces, workspaces.c.deleted_at, workspace_id),
        (api_keys, api_keys.c.revoked_at, key_id),
        (oauth_grants, oauth_grants.c.revoked_at, grant_id),
    ):
        if row_id is not None:
            found.append(sa.select(table.c.id).where(table.c.id == row_id, ended_at.is_(None)))
    if chain_id is not None:
        found.append(sa.select(oauth_chains.c.id).where(oauth_chains.c.id == chain_id))
    return found


async def find_ended_credentials(connection: AsyncConnection, ids: Collection[str], now: datetime) -> set[str]:
    """Return those of the ids that are of keys which were revoked or have expired, and of grants which were revoked."""
    key_ended = sa.or_(api_keys.c.revoked_at.is_not(None), api_keys.c.expires_at <= now)
    keys = sa.select(api_keys.c.id).where(api_keys.c.id.in_(ids), key_ended)
    grants = sa.select(oauth_grants.c.id).where(oauth_grants.c.id.in_(ids), oauth_grants.c.revoked_at.is_not(None))
    return set((await connection.execute(sa.union(keys, grants))).scalars())
