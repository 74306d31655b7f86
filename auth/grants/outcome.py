"""The outcome of a grant: tokens to issue, or a refusal; and the steps that several grants share.

A grant's handler uses a single-use credential up first and checks it afterwards, in one transaction. A refusal is
therefore returned out of the transaction and raised after it: raised inside, it would undo the use.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.clients.client import Client
from auth.hashing import hash_secret
from auth.parameters import Parameters
from auth.resources import find_resource
from auth.rfc import InvalidTargetError, OAuth2Error
from auth.server import AuthorizationServer
from server.ids import UserId
from server.store.record.oauth.chains import Chain
from server.store.record.oauth.clients import touch_client
from server.store.record.oauth.grants import Grant
from server.store.record.oauth.refresh_tokens import insert_refresh_token


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """The tokens that the token endpoint answers with. `refresh_token` is None if the client uses none."""

    grant: Grant
    chain_id: str
    scopes: str
    refresh_token: str | None


@dataclass(frozen=True, slots=True)
class GrantRefusal:
    """The reason for a refusal, and the id of the grant that was revoked because of it, if one was.

    `user_id` is the person whom the refused code, token or assertion belongs to; None if it belongs to nobody.
    """

    error: OAuth2Error
    revoked_grant_id: str | None = None
    user_id: UserId | None = None


async def issue_refresh_token(
    auth: AuthorizationServer, connection: AsyncConnection, client: Client, chain: Chain
) -> str | None:
    """Make the next refresh token of a chain, and return it; None if the client did not register for refresh tokens."""
    await touch_client(connection, client.id, auth.now())
    if "refresh_token" not in client.grant_types:
        return None
    text = secrets.token_urlsafe(32)
    await insert_refresh_token(connection, token_hash=hash_secret(text), chain_id=chain.id, expires_at=chain.expires_at)
    return text


def find_resource_error(auth: AuthorizationServer, form: Parameters, resource: str) -> OAuth2Error | None:
    """Return the error of a request that names another resource than the one that was granted; else None."""
    requested = form.get_all("resource")
    if requested and find_resource(requested, auth.settings.public_url) != resource:
        return InvalidTargetError("The resource is not the one that was granted.")
    return None
