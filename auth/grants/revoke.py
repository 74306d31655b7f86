"""POST /oauth/revoke (RFC 7009), and the end of a grant. It ends at once, in this process and in the others."""

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from auth.answers import json_response, refusal_response
from auth.clients.client import Client
from auth.clients.lookup import find_authenticated_client
from auth.hashing import digest
from auth.parameters import read_form
from auth.rfc import InvalidGrantError, InvalidRequestError, OAuth2Error
from auth.server import AuthorizationServer, server_of
from server.store.epoch import raise_epoch
from server.store.record.oauth.grants import revoke_grant
from server.store.record.oauth.refresh_tokens import find_refresh_token
from server.store.record.people.api_keys import revoke_keys_of_grant

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def end_grant(
    auth: AuthorizationServer, connection: AsyncConnection, grant_id: str, *, user_id: str | None = None
) -> bool:
    """Revoke a grant and the API keys made through it. Return False if it had ended already.

    With `user_id`, only a grant of that user is revoked. The caller calls `auth.on_revoked` after its transaction.
    """
    now = auth.now()
    if not await revoke_grant(connection, grant_id, now, user_id=user_id):
        return False
    await revoke_keys_of_grant(connection, grant_id, now)
    await raise_epoch(connection)
    log.info("grant.revoked", grant=grant_id)
    return True


async def revoke(request: Request) -> Response:
    """End the grant that a refresh token or an access token belongs to. Answer 200 to an unknown token, too."""
    auth = server_of(request)
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
            await end_grant(auth, connection, grant_id)
        auth.on_revoked(grant_id)
    return json_response({})


async def _find_grant_of_access_token(auth: AuthorizationServer, token: str, client: Client) -> str | None:
    claims: Mapping[str, Any] | None = await auth.tokens.read_claims(token)
    if claims is None:
        return None
    if claims["client_id"] != client.id:
        raise InvalidGrantError("The token was issued to another client.")
    return claims["gid"]


async def _find_grant_of_refresh_token(auth: AuthorizationServer, token: str, client: Client) -> str | None:
    async with auth.db.read() as connection:
        stored = await find_refresh_token(connection, digest(token), client.id, auth.now())
    return None if stored is None else stored.grant_id
