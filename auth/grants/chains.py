"""The chains of a grant. Each copy of an app (a window, a device) refreshes its tokens along its own chain.

docs/decisions/0011-used-refresh-tokens.md says why one grant has several, and what bounds them.
"""

from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.addresses import is_same_network
from auth.server import AuthorizationServer
from server.ids import UserId, new_id
from server.store.epoch import raise_epoch
from server.store.record.oauth.chains import Chain, delete_chain, insert_chain, list_surplus_chains, touch_chain
from server.store.record.oauth.grants import Grant
from server.store.record.oauth.refresh_tokens import expire_grace
from server.store.record.people.api_keys import revoke_keys_made_by

#: A chain expires after this time without use, even if its grant lasts longer.
IDLE_LIFETIME = timedelta(days=30)
#: The most chains of one grant. If there are more, the one that was not used for the longest time ends.
MAX_CHAINS = 8

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def start_chain(
    auth: AuthorizationServer,
    connection: AsyncConnection,
    grant: Grant,
    address: str,
    *,
    branches_off: Chain | None = None,
    started_with: str | None = None,
) -> Chain:
    """Store a new chain of a grant, and return it. If the grant has too many then, the one longest unused ends.

    If the new chain begins with a used token that was sent again, `branches_off` is that token's chain, and
    `started_with` is the token's hash.
    """
    now = auth.now()
    chain = Chain(
        id=new_id(now),
        grant_id=grant.id,
        first_address=address,
        last_address=address,
        is_from_elsewhere=branches_off is not None and _is_from_elsewhere(branches_off, address),
        started_at=now,
        last_used_at=now,
        expires_at=min(now + IDLE_LIFETIME, grant.expires_at),
        reused_at=None,
        reused_from=None,
        started_with=started_with,
    )
    await insert_chain(connection, chain)
    log.info("chain.started", grant=grant.id, chain=chain.id, address=address, elsewhere=chain.is_from_elsewhere)
    # The chain that this one branches off is kept, because other copies may hold the same used token.
    keep = [chain.id] if branches_off is None else [chain.id, branches_off.id]
    for surplus in await list_surplus_chains(connection, grant.id, keep, MAX_CHAINS):
        await end_chain(connection, grant.id, surplus)
    return chain


def _is_from_elsewhere(branches_off: Chain, address: str) -> bool:
    """Whether a chain that starts at an address is marked.

    A mark is inherited: otherwise a thief would branch off their own chain, and the copy would look like the person's.
    """
    return branches_off.is_from_elsewhere or not is_same_network(branches_off.last_address, address)


async def continue_chain(
    auth: AuthorizationServer, connection: AsyncConnection, grant: Grant, chain: Chain, address: str
) -> Chain:
    """Store that a chain is used now, and return it as it is then."""
    now = auth.now()
    expires_at = min(now + IDLE_LIFETIME, grant.expires_at)
    await touch_chain(connection, chain.id, address=address, now=now, expires_at=expires_at)
    return replace(chain, last_address=address, last_used_at=now, expires_at=expires_at)


async def end_copy(auth: AuthorizationServer, connection: AsyncConnection, user_id: UserId, chain: Chain) -> list[str]:
    """End a chain because the person says so, with the keys that this copy made; return the ids of the keys.

    The used token that it began with starts no other chain any more.
    """
    await end_chain(connection, chain.grant_id, chain.id)
    if chain.started_with is not None:
        await expire_grace(connection, chain.started_with, auth.now() - auth.settings.refresh_grace)
    return await revoke_keys_made_by(connection, user_id, [chain.id], auth.now())


async def end_chain(connection: AsyncConnection, grant_id: str, chain_id: str) -> None:
    """End a chain: its refresh tokens are gone, and its access tokens end within a second, in every process."""
    await delete_chain(connection, chain_id)
    await raise_epoch(connection)
    log.info("chain.ended", grant=grant_id, chain=chain_id)
