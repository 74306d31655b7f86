"""Rows of the chains of a grant: each copy of an app (a window, a device) refreshes its tokens along its own chain."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.tables.oauth import oauth_chains, oauth_grants


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of a grant: refresh tokens of which each was exchanged for the next one.

    `is_from_elsewhere`: it branched off another chain, from another network than that chain's, or off one that did.
    `reused_at` and `reused_from`: the last time that a used token of it was sent again after its grace, and the
    sender's address. `started_with`: the hash of the used token that it began with, if it branched off another chain.
    """

    id: str
    grant_id: str
    first_address: str | None
    last_address: str | None
    is_from_elsewhere: bool
    started_at: datetime
    last_used_at: datetime
    expires_at: datetime
    reused_at: datetime | None
    reused_from: str | None
    started_with: str | None


async def insert_chain(connection: AsyncConnection, chain: Chain) -> None:
    """Store a new chain."""
    await connection.execute(
        sa.insert(oauth_chains).values(
            id=chain.id,
            grant_id=chain.grant_id,
            first_address=chain.first_address,
            last_address=chain.last_address,
            is_from_elsewhere=chain.is_from_elsewhere,
            started_at=chain.started_at,
            last_used_at=chain.last_used_at,
            expires_at=chain.expires_at,
            started_with=chain.started_with,
        )
    )


async def get_chain(connection: AsyncConnection, chain_id: str) -> Chain | None:
    """Return a chain, or None if it has ended."""
    row = (await connection.execute(sa.select(oauth_chains).where(oauth_chains.c.id == chain_id))).one_or_none()
    return None if row is None else Chain(*row)


async def list_chains(connection: AsyncConnection, user_id: UserId, now: datetime) -> dict[str, list[Chain]]:
    """Return the chains of a person's grants that have not expired, the one used last first: grant id → chains."""
    query = (
        sa.select(oauth_chains)
        .join(oauth_grants, oauth_grants.c.id == oauth_chains.c.grant_id)
        .where(oauth_grants.c.user_id == user_id, oauth_grants.c.revoked_at.is_(None), oauth_chains.c.expires_at > now)
        .order_by(oauth_chains.c.last_used_at.desc(), oauth_chains.c.id.desc())
    )
    chains: defaultdict[str, list[Chain]] = defaultdict(list)
    for row in await connection.execute(query):
        chains[row.grant_id].append(Chain(*row))
    return dict(chains)


async def list_surplus_chains(
    connection: AsyncConnection, grant_id: str, keep: Collection[str], limit: int
) -> list[str]:
    """Return the ids of the chains that a grant must lose to have `limit` chains: those longest unused, none of `keep`.

    The grant has the chains in `keep`, and `limit` is more than their number.
    """
    query = (
        sa.select(oauth_chains.c.id)
        .where(oauth_chains.c.grant_id == grant_id, oauth_chains.c.id.not_in(keep))
        .order_by(oauth_chains.c.last_used_at.desc(), oauth_chains.c.id.desc())
        .offset(limit - len(keep))
    )
    return list((await connection.execute(query)).scalars())


async def touch_chain(
    connection: AsyncConnection, chain_id: str, *, address: str, now: datetime, expires_at: datetime
) -> None:
    """Store that a chain was used now, from an address, and when it expires if it is not used again."""
    values = {"last_address": address, "last_used_at": now, "expires_at": expires_at}
    await connection.execute(sa.update(oauth_chains).where(oauth_chains.c.id == chain_id).values(values))


async def mark_reuse(connection: AsyncConnection, chain_id: str, *, address: str, now: datetime) -> None:
    """Store that a used token of a chain was sent again after its grace."""
    query = sa.update(oauth_chains).where(oauth_chains.c.id == chain_id).values(reused_at=now, reused_from=address)
    await connection.execute(query)


async def delete_chain(connection: AsyncConnection, chain_id: str) -> None:
    """Delete a chain, and with it its refresh tokens."""
    await connection.execute(sa.delete(oauth_chains).where(oauth_chains.c.id == chain_id))
