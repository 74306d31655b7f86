"""POST /oauth/token: a code or a refresh token for an access token (RFC 6749, sections 4.1.3 and 6; OAuth 2.1).

Whatever may be used once is taken first and looked at afterwards, in one transaction. A refusal is therefore
returned out of the transaction and raised after it: raised inside, it would undo the taking.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from auth.answers import answer, refusal
from auth.clients.client import Client
from auth.clients.lookup import authenticated_client
from auth.grants.revoke import end_grant
from auth.hashing import digest
from auth.parameters import Parameters, read_form
from auth.resources import resolve
from auth.rfc import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    OAuth2Error,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
    code_challenge_of,
    is_code_verifier,
)
from auth.server import AuthorizationServer, server_of
from server.ids import new_id
from server.store.record.oauth.clients import touch_client
from server.store.record.oauth.codes import Code, take_code
from server.store.record.oauth.grants import Grant, grant_of_code, insert_grant, live_grant, touch_grant
from server.store.record.oauth.refresh_tokens import (
    find_refresh_token,
    insert_refresh_token,
    just_rotated,
    rotate_refresh_token,
)

ABSOLUTE = timedelta(days=90)
IDLE = timedelta(days=30)
#: Two windows of one app refresh at once, and each sends the same token.
GRACE = timedelta(seconds=30)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Issued:
    """What the token endpoint gives out. `refresh_token` is None for clients that did not ask for one."""

    grant: Grant
    scopes: str
    refresh_token: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it gives out nothing, and the grant that came to its end over it."""

    error: OAuth2Error
    revoked: str | None = None


async def token(request: Request) -> Response:
    """Answer with an access token and, for clients that use them, a refresh token."""
    auth = server_of(request)
    try:
        form = await read_form(request)
        client = await authenticated_client(auth, form, request.headers)
        grant_type = form.get("grant_type")
        if grant_type == "authorization_code":
            outcome = await _redeem(auth, client, form)
        elif grant_type == "refresh_token":
            outcome = await _refresh(auth, client, form)
        else:
            raise UnsupportedGrantTypeError("grant_type must be authorization_code or refresh_token.")
        if isinstance(outcome, Refused):
            if outcome.revoked is not None:
                log.warning("grant.replayed", grant=outcome.revoked)
                auth.on_revoked(outcome.revoked)
            raise outcome.error
    except OAuth2Error as error:
        return refusal(error)
    log.info("tokens.issued", grant=outcome.grant.id, client=client.id, user=outcome.grant.user_id)
    return answer(await _token_response(auth, outcome))


async def _token_response(auth: AuthorizationServer, issued: Issued) -> dict[str, object]:
    body: dict[str, object] = {
        "access_token": await auth.tokens.sign(issued.grant, issued.scopes),
        "token_type": "Bearer",
        "expires_in": int(auth.tokens.lifetime.total_seconds()),
        "scope": issued.scopes,
    }
    return body if issued.refresh_token is None else body | {"refresh_token": issued.refresh_token}


async def _redeem(auth: AuthorizationServer, client: Client, form: Parameters) -> Issued | Refused:
    """A code for a new grant."""
    code_text, verifier = form.get("code"), form.get("code_verifier")
    if code_text is None or verifier is None or not is_code_verifier(verifier):
        raise InvalidRequestError("Send code, and the code_verifier that belongs to it (RFC 7636).")
    now, code_hash = auth.now(), digest(code_text)
    async with auth.db.write() as connection:
        code = await take_code(connection, code_hash, client.id, now)
        if code is None:
            return await _refuse_code(auth, connection, code_hash, client)
        error = _code_error(auth, code, form, verifier)
        if error is not None:
            return Refused(error)
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
            expires_at=now + ABSOLUTE,
        )
        await insert_grant(connection, grant)
        return Issued(grant, grant.scopes, await _new_refresh_token(auth, connection, client, grant, parent_hash=None))


async def _refuse_code(
    auth: AuthorizationServer, connection: AsyncConnection, code_hash: str, client: Client
) -> Refused:
    """Refuse a code that cannot be taken; if it was taken before, whoever holds its tokens may have stolen them."""
    grant = await grant_of_code(connection, code_hash, client.id)
    revoked = grant.id if grant is not None and await end_grant(auth, connection, grant.id) else None
    return Refused(InvalidGrantError("The code is unknown, expired, used, or another client's."), revoked)


def _code_error(auth: AuthorizationServer, code: Code, form: Parameters, verifier: str) -> OAuth2Error | None:
    """What is wrong with the request for a code that was taken; redirect_uri may be left out (OAuth 2.1)."""
    if not hmac.compare_digest(code_challenge_of(verifier), code.code_challenge):
        return InvalidGrantError("The code_verifier does not belong to the code_challenge.")
    if form.get("redirect_uri") not in {None, code.redirect_uri}:
        return InvalidGrantError("The redirect_uri is not the one of the authorization request.")
    return _resource_error(auth, form, code.resource)


def _resource_error(auth: AuthorizationServer, form: Parameters, resource: str) -> OAuth2Error | None:
    requested = form.get_all("resource")
    if requested and resolve(requested, auth.settings.public_url) != resource:
        return InvalidTargetError("The resource is not the one that was granted.")
    return None


async def _refresh(auth: AuthorizationServer, client: Client, form: Parameters) -> Issued | Refused:
    """A refresh token for the next one, and an access token."""
    text = form.get("refresh_token")
    if text is None:
        raise InvalidRequestError("Send refresh_token.")
    if "refresh_token" not in client.grant_types:
        raise UnauthorizedClientError("This client did not register for refresh_token.")
    now, token_hash = auth.now(), digest(text)
    unknown = Refused(InvalidGrantError("The refresh token is unknown, expired, revoked, or another client's."))
    async with auth.db.write() as connection:
        held = await find_refresh_token(connection, token_hash, client.id, now)
        found = None if held is None else await live_grant(connection, held.grant_id, now)
        if found is None:
            return unknown
        grant, _ = found
        scopes = _narrowed(grant.scopes, form.get("scope"))
        error = _resource_error(auth, form, grant.resource)
        if error is not None:
            return Refused(error)
        if not await rotate_refresh_token(connection, token_hash, now) and not await just_rotated(
            connection, token_hash, now, GRACE
        ):
            await end_grant(auth, connection, grant.id)
            return Refused(unknown.error, grant.id)
        await touch_grant(connection, grant.id, now)
        return Issued(grant, scopes, await _new_refresh_token(auth, connection, client, grant, parent_hash=token_hash))


def _narrowed(granted: str, requested: str | None) -> str:
    """The scopes to issue: those granted, less what the request leaves out.

    A client that repeats what it first asked for is given what the person agreed to.

    Raises:
        OAuth2Error: `invalid_scope` where nothing remains.
    """
    wanted = granted.split() if requested is None else requested.split()
    scopes = " ".join(scope for scope in granted.split() if scope in wanted)
    if not scopes:
        raise InvalidScopeError("None of these scopes was granted.")
    return scopes


async def _new_refresh_token(
    auth: AuthorizationServer, connection: AsyncConnection, client: Client, grant: Grant, *, parent_hash: str | None
) -> str | None:
    """The next refresh token of the grant's family."""
    now = auth.now()
    await touch_client(connection, client.id, now)
    if "refresh_token" not in client.grant_types:
        return None
    text = secrets.token_urlsafe(32)
    await insert_refresh_token(
        connection,
        token_hash=digest(text),
        grant_id=grant.id,
        parent_hash=parent_hash,
        expires_at=min(now + IDLE, grant.expires_at),
    )
    return text
