"""The grant `authorization_code`: a code for tokens (RFC 6749, section 4.1.3; RFC 7636; OAuth 2.1)."""

import hmac
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.clients.client import Client
from auth.grants.chains import start_chain
from auth.grants.outcome import GrantRefusal, IssuedTokens, find_resource_error, issue_refresh_token
from auth.grants.revocation import end_grant
from auth.hashing import hash_secret
from auth.parameters import Parameters
from auth.rfc import InvalidGrantError, InvalidRequestError, OAuth2Error, is_code_verifier, make_code_challenge
from auth.server import AuthorizationServer
from server.ids import new_id
from server.store.record.oauth.codes import Code, take_code
from server.store.record.oauth.grants import Grant, find_grant_of_code, insert_grant

#: A login ends after this time, even if its tokens are refreshed often.
GRANT_LIFETIME = timedelta(days=90)


async def redeem_code(
    auth: AuthorizationServer, client: Client, form: Parameters, address: str
) -> IssuedTokens | GrantRefusal:
    """Use a code up, and return the tokens of a new grant.

    Raises:
        OAuth2Error: `invalid_request` if the code or its verifier is missing.
    """
    code_text, verifier = form.get("code"), form.get("code_verifier")
    if code_text is None or verifier is None or not is_code_verifier(verifier):
        raise InvalidRequestError("Send code, and the code_verifier that belongs to it (RFC 7636).")
    now, code_hash = auth.now(), hash_secret(code_text)
    async with auth.db.write() as connection:
        code = await take_code(connection, code_hash, client.id, now)
        if code is None:
            return await _refuse_code(auth, connection, code_hash, client)
        error = _find_code_error(auth, code, form, verifier)
        if error is not None:
            return GrantRefusal(error, user_id=code.user_id)
        grant = Grant(
            id=new_id(now),
            user_id=code.user_id,
            client_id=client.id,
            client_name=code.client_name,
            scopes=code.scopes,
            resource=code.resource,
            code_hash=code_hash,
            created_at=now,
            last_used_at=now,
            expires_at=now + GRANT_LIFETIME,
        )
        await insert_grant(connection, grant)
        chain = await start_chain(auth, connection, grant, address)
        refresh_token = await issue_refresh_token(auth, connection, client, chain)
        return IssuedTokens(grant, chain.id, grant.scopes, refresh_token)


async def _refuse_code(
    auth: AuthorizationServer, connection: AsyncConnection, code_hash: str, client: Client
) -> GrantRefusal:
    """Refuse a code that cannot be used. If it was used before, its tokens may be in a thief's hands: revoke them."""
    grant = await find_grant_of_code(connection, code_hash, client.id)
    revoked = grant.id if grant is not None and await end_grant(auth, connection, grant.id) else None
    owner = None if grant is None else grant.user_id
    return GrantRefusal(InvalidGrantError("The code is unknown, expired, used, or another client's."), revoked, owner)


def _find_code_error(auth: AuthorizationServer, code: Code, form: Parameters, verifier: str) -> OAuth2Error | None:
    """Return the error of a request for this code, or None. The request may leave redirect_uri out (OAuth 2.1)."""
    if not hmac.compare_digest(make_code_challenge(verifier), code.code_challenge):
        return InvalidGrantError("The code_verifier does not belong to the code_challenge.")
    if form.get("redirect_uri") not in {None, code.redirect_uri}:
        return InvalidGrantError("The redirect_uri is not the one of the authorization request.")
    return find_resource_error(auth, form, code.resource)
