"""Whether what a request came with has ended since: its user, its key, or the connection of its app."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.tables.accounts import api_keys, users
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
    wanted = [sa.select(users.c.id).where(users.c.id == user_id, users.c.disabled_at.is_(None))]
    if key_id is not None:
        wanted.append(sa.select(api_keys.c.id).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)))
    if grant_id is not None:
        live = sa.select(oauth_grants.c.id).where(oauth_grants.c.id == grant_id, oauth_grants.c.revoked_at.is_(None))
        wanted.append(live)
    if chain_id is not None:
        wanted.append(sa.select(oauth_chains.c.id).where(oauth_chains.c.id == chain_id))
    for query in wanted:
        if (await connection.execute(query)).first() is None:
            return True
    return False


async def find_ended_credentials(connection: AsyncConnection, ids: Collection[str], now: datetime) -> set[str]:
    """Return those of the ids that are of keys which were revoked or have expired, and of grants which were revoked."""
    key_ended = sa.or_(api_keys.c.revoked_at.is_not(None), api_keys.c.expires_at <= now)
    keys = sa.select(api_keys.c.id).where(api_keys.c.id.in_(ids), key_ended)
    grants = sa.select(oauth_grants.c.id).where(oauth_grants.c.id.in_(ids), oauth_grants.c.revoked_at.is_not(None))
    return set((await connection.execute(sa.union(keys, grants))).scalars())
