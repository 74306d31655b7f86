"""POST /oauth/revoke: a client ends the grant of one of its tokens (RFC 7009)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.acts import Holder
from auth.answers import make_json_response, refusal_response
from auth.clients.client import Client
from auth.clients.lookup import find_authenticated_client
from auth.grants.revocation import end_grant
from auth.hashing import hash_secret
from auth.parameters import read_form
from auth.rfc import InvalidGrantError, InvalidRequestError, OAuth2Error
from auth.server import AuthorizationServer, get_authorization_server
from server.store.record.oauth.chains import get_chain
from server.store.record.oauth.grants import find_holder
from server.store.record.oauth.refresh_tokens import find_refresh_token


async def revoke_token(request: Request) -> Response:
    """End the grant that a refresh token or an access token belongs to. Answer 200 to an unknown token, too."""
    auth = get_authorization_server(request)
    try:
        form = await read_form(request)
        client = await find_authenticated_client(auth, form, request.headers)
        token = form.get("token")
        if token is None:
            raise InvalidRequestError("Send the token to revoke.")
        # Both kinds are looked for, whatever token_type_hint says: the hint may only save time.
        grant_id = await _find_grant_of_access_token(auth, token, client)
        grant_id = grant_id or await _find_grant_of_refresh_token(auth, token, client)
    except OAuth2Error as error:
        return refusal_response(error)
    if grant_id is not None:
        async with auth.db.write() as connection:
            holder = await find_holder(connection, grant_id) if await end_grant(auth, connection, grant_id) else None
        auth.on_revoked(grant_id)
        if holder is not None:
            who = Holder(*holder, grant_id, client_id=client.id)
            await auth.acts.note(request, "end_app", who, door="oauth")
    return make_json_response({})


async def _find_grant_of_access_token(auth: AuthorizationServer, token: str, client: Client) -> str | None:
    claims: Mapping[str, Any] | None = await auth.tokens.read_claims(token)
    if claims is None:
        return None
    if claims["client_id"] != client.id:
        raise InvalidGrantError("The token was issued to another client.")
    async with auth.db.read() as connection:
        chain = await get_chain(connection, claims["sid"])
    return None if chain is None else claims["gid"]


async def _find_grant_of_refresh_token(auth: AuthorizationServer, token: str, client: Client) -> str | None:
    async with auth.db.read() as connection:
        stored = await find_refresh_token(connection, hash_secret(token), client.id, auth.now())
    # A used token whose grace is over is worthless, so it cannot end what the copies of the app use now, either.
    if stored is None or (
        stored.rotated_at is not None and stored.rotated_at <= auth.now() - auth.settings.refresh_grace
    ):
        return None
    return stored.grant_id
