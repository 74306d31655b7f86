"""POST /oauth/register: dynamic client registration (RFC 7591). Anybody may call it, so all of it is limited."""

import secrets
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from auth.answers import make_json_response, refusal_response
from auth.clients.client import validate_metadata
from auth.grants.table import GRANTS
from auth.hashing import hash_secret
from auth.parameters import read_metadata
from auth.rfc import AccessDeniedError, OAuth2Error
from auth.server import AuthorizationServer, get_authorization_server, get_client_address
from auth.throttle import REGISTRATIONS, count_tries
from server.errors import Failure
from server.store.record.oauth.clients import ClientRow, count_clients, insert_client

MAX_BODY = 16 * 1024
MAX_CLIENTS = 10_000

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def register_client(request: Request) -> Response:
    """Answer 201 with the client's id, its metadata as registered, and a secret if the client can keep one."""
    auth = get_authorization_server(request)
    try:
        if not auth.settings.allows_registration:
            raise AccessDeniedError("Registration is switched off on this server.", status_code=403)
        await count_tries(auth.db, [(REGISTRATIONS, get_client_address(request))], auth.now())
        metadata = validate_metadata(await read_metadata(request, MAX_BODY), tuple(GRANTS))
        is_public = metadata["token_endpoint_auth_method"] == "none"  # noqa: S105 - the name of a method
        secret = None if is_public else secrets.token_urlsafe(32)
        row = await _insert_client(auth, metadata, secret)
    except (OAuth2Error, Failure) as error:
        return refusal_response(error)
    log.info("client.registered", client=row.id, address=get_client_address(request))
    body = metadata | {"client_id": row.id, "client_id_issued_at": int(row.created_at.timestamp())}
    if secret is not None:
        body |= {"client_secret": secret, "client_secret_expires_at": 0}
    return make_json_response(body, 201)


async def _insert_client(auth: AuthorizationServer, metadata: dict[str, Any], secret: str | None) -> ClientRow:
    """Store the client, and return its row.

    Raises:
        OAuth2Error: `temporarily_unavailable` if there are too many clients.
    """
    row = ClientRow(
        id=secrets.token_urlsafe(24),
        name=metadata["client_name"],
        redirect_uris=metadata["redirect_uris"],
        grant_types=metadata["grant_types"],
        auth_method=metadata["token_endpoint_auth_method"],
        secret_hash=None if secret is None else hash_secret(secret),
        created_at=auth.now(),
    )
    async with auth.db.write() as connection:
        if await count_clients(connection) >= MAX_CLIENTS:
            message = "Too many clients are registered on this server."
            raise OAuth2Error(message, error="temporarily_unavailable", status_code=503)
        await insert_client(connection, row)
    return row
