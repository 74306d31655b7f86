"""The grant `refresh_token`: a refresh token for an access token and the next refresh token (RFC 6749, section 6).

Several copies of an app may hold one refresh token, and each of them exchanges it. So a used token starts another
chain within the grace; later only that token is refused, and its grant lives. The reasons are in
docs/decisions/0011-used-refresh-tokens.md.
"""

from dataclasses import replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.clients.client import Client
from auth.grants.chains import continue_chain, start_chain
from auth.grants.outcome import GrantRefusal, IssuedTokens, find_resource_error, issue_refresh_token
from auth.hashing import hash_secret
from auth.parameters import Parameters
from auth.rfc import InvalidGrantError, InvalidRequestError, InvalidScopeError
from auth.server import AuthorizationServer
from server.store.record.oauth.chains import Chain, get_chain, mark_reuse
from server.store.record.oauth.grants import Grant, find_live_grant, lock_grant, touch_grant
from server.store.record.oauth.refresh_tokens import RefreshToken, find_refresh_token, rotate_refresh_token

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def refresh_tokens(
    auth: AuthorizationServer, client: Client, form: Parameters, address: str
) -> IssuedTokens | GrantRefusal:
    """Use a refresh token up, and return new tokens of its grant.

    Raises:
        OAuth2Error: `invalid_request` if the token is missing.
    """
    text = form.get("refresh_token")
    if text is None:
        raise InvalidRequestError("Send refresh_token.")
    now, token_hash = auth.now(), hash_secret(text)
    invalid = GrantRefusal(
        InvalidGrantError("The refresh token is unknown, expired, used, revoked or another client's.")
    )
    async with auth.db.write() as connection:
        token = await find_refresh_token(connection, token_hash, client.id, now)
        if token is None:
            return invalid
        await lock_grant(connection, token.grant_id)
        found = await find_live_grant(connection, token.grant_id, now)
        chain = await get_chain(connection, token.chain_id)
        if found is None or chain is None:
            return invalid
        grant, _ = found
        try:
            scopes = _narrow_scopes(grant.scopes, form.get("scope"))
        except InvalidScopeError as refused:
            return GrantRefusal(refused, user_id=grant.user_id)
        error = find_resource_error(auth, form, grant.resource)
        if error is not None:
            return GrantRefusal(error, user_id=grant.user_id)
        next_chain = await _use_token(auth, connection, grant, chain, token, address)
        if next_chain is None:
            return replace(invalid, user_id=grant.user_id)
        await touch_grant(connection, grant.id, now)
        refresh_token = await issue_refresh_token(auth, connection, client, next_chain)
        return IssuedTokens(grant, next_chain.id, scopes, refresh_token)


async def _use_token(
    auth: AuthorizationServer,
    connection: AsyncConnection,
    grant: Grant,
    chain: Chain,
    token: RefreshToken,
    address: str,
) -> Chain | None:
    """Return the chain of the next tokens: the token's own at its first use, a new one within the grace; later None."""
    now = auth.now()
    if await rotate_refresh_token(connection, token.token_hash, now):
        return await continue_chain(auth, connection, grant, chain, address)
    # A token without a time was first exchanged in this moment, by a transaction that this one waited for.
    if (token.rotated_at or now) > now - auth.settings.refresh_grace:
        return await start_chain(auth, connection, grant, address, branches_off=chain, started_with=token.token_hash)
    await mark_reuse(connection, chain.id, address=address, now=now)
    log.warning("refresh_token.reused", grant=grant.id, chain=chain.id, address=address)
    return None


def _narrow_scopes(granted: str, requested: str | None) -> str:
    """Return the granted scopes that the request names; all of them if it names none.

    A client may repeat the scopes it first asked for, and gets those of them that the person agreed to.

    Raises:
        OAuth2Error: `invalid_scope` if no scope is left.
    """
    wanted = granted.split() if requested is None else requested.split()
    scopes = " ".join(scope for scope in granted.split() if scope in wanted)
    if not scopes:
        raise InvalidScopeError("None of these scopes was granted.")
    return scopes
