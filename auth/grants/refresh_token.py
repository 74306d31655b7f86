"""The grant `refresh_token`: a refresh token for an access token and the next refresh token (RFC 6749, section 6)."""

from datetime import timedelta

from auth.clients.client import Client
from auth.grants.outcome import GrantRefusal, IssuedTokens, find_resource_error, issue_refresh_token
from auth.grants.revocation import end_grant
from auth.hashing import hash_secret
from auth.parameters import Parameters
from auth.rfc import InvalidGrantError, InvalidRequestError, InvalidScopeError
from auth.server import AuthorizationServer
from server.store.record.oauth.grants import find_live_grant, touch_grant
from server.store.record.oauth.refresh_tokens import find_refresh_token, is_just_rotated, rotate_refresh_token

#: A used token is accepted again for this time, because two windows of one app may send the same token at once.
GRACE = timedelta(seconds=30)


async def refresh_tokens(auth: AuthorizationServer, client: Client, form: Parameters) -> IssuedTokens | GrantRefusal:
    """Use a refresh token up, and return new tokens of its grant. A token that comes again later revokes the grant.

    Raises:
        OAuth2Error: `invalid_request` if the token is missing; `invalid_scope` if no requested scope was granted.
    """
    text = form.get("refresh_token")
    if text is None:
        raise InvalidRequestError("Send refresh_token.")
    now, token_hash = auth.now(), hash_secret(text)
    invalid = InvalidGrantError("The refresh token is unknown, expired, revoked, or another client's.")
    async with auth.db.write() as connection:
        stored = await find_refresh_token(connection, token_hash, client.id, now)
        found = None if stored is None else await find_live_grant(connection, stored.grant_id, now)
        if found is None:
            return GrantRefusal(invalid)
        grant, _ = found
        scopes = _narrow_scopes(grant.scopes, form.get("scope"))
        error = find_resource_error(auth, form, grant.resource)
        if error is not None:
            return GrantRefusal(error)
        if not await rotate_refresh_token(connection, token_hash, now) and not await is_just_rotated(
            connection, token_hash, now, GRACE
        ):
            await end_grant(auth, connection, grant.id)
            return GrantRefusal(invalid, grant.id)
        await touch_grant(connection, grant.id, now)
        refresh_token = await issue_refresh_token(auth, connection, client, grant, parent_hash=token_hash)
        return IssuedTokens(grant, scopes, refresh_token)


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
