"""POST /oauth/token: tokens for a client, by one of the grant types in `auth.grants.table`."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from auth.acts import Holder
from auth.answers import make_json_response, refusal_response
from auth.clients.client import Client
from auth.clients.lookup import find_authenticated_client
from auth.grants.outcome import IssuedTokens
from auth.grants.table import GRANTS
from auth.issuers.assertions import GRANT_TYPE
from auth.parameters import Parameters, read_form
from auth.rfc import OAuth2Error, UnauthorizedClientError, UnsupportedGrantTypeError
from auth.server import AuthorizationServer, get_authorization_server, get_client_address
from server.ids import UserId
from server.store.audit.acts import Act
from server.store.audit.entry import OK
from server.store.record.people.accounts import get_user

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def issue_tokens(request: Request) -> Response:
    """Answer with an access token and, for clients that registered for them, a refresh token."""
    auth = get_authorization_server(request)
    try:
        form = await read_form(request)
        address = get_client_address(request)
        # A client with an assertion did not come by the authorization endpoint, so its document may be unknown.
        is_first = auth.assertions is not None and form.get("grant_type") == GRANT_TYPE
        fetching_address = address if is_first else None
        client = await find_authenticated_client(auth, form, request.headers, fetching_address=fetching_address)
        issued = await _run_grant(request, client, form, address)
    except OAuth2Error as error:
        return refusal_response(error)
    log.info("tokens.issued", grant=issued.grant.id, client=client.id, user=issued.grant.user_id)
    return make_json_response(await _build_body(auth, issued))


async def _run_grant(request: Request, client: Client, form: Parameters, address: str) -> IssuedTokens:
    """Call the handler of the form's grant type, and return the tokens.

    Raises:
        OAuth2Error: the handler's refusal; `unsupported_grant_type`, or `unauthorized_client` if the client did not
            register for the grant type.
    """
    auth = get_authorization_server(request)
    grant_type = form.get("grant_type") or ""
    if grant_type not in GRANTS:
        raise UnsupportedGrantTypeError(f"grant_type must be {' or '.join(GRANTS)}.")
    if grant_type not in client.grant_types:
        raise UnauthorizedClientError(f"This client did not register for {grant_type}.")
    outcome = await GRANTS[grant_type](auth, client, form, address)
    act: Act = "refresh_tokens" if grant_type == "refresh_token" else "issue_tokens"
    if isinstance(outcome, IssuedTokens):
        grant = outcome.grant
        await _note_act(request, act, client, grant.user_id, grant.id)
        return outcome
    if outcome.user_id is not None:
        await _note_act(request, act, client, outcome.user_id, outcome.user_id, outcome="unauthorized")
    if outcome.revoked_grant_id is not None:
        # A used code was sent again, so somebody may have stolen it.
        log.warning("grant.replayed", grant=outcome.revoked_grant_id)
        auth.on_revoked(outcome.revoked_grant_id)
    raise outcome.error


async def _note_act(
    request: Request, act: Act, client: Client, user_id: UserId, credential_id: str, *, outcome: str = OK
) -> None:
    """Note in a person's audit that an app got tokens, or was refused them."""
    auth = get_authorization_server(request)
    async with auth.db.read() as connection:
        user = await get_user(connection, user_id)
    if user is not None:
        who = Holder(user.id, user.account_id, credential_id, client_id=client.id)
        await auth.acts.note(request, act, who, outcome=outcome, door="oauth")


async def _build_body(auth: AuthorizationServer, issued: IssuedTokens) -> dict[str, object]:
    """Return the token response (RFC 6749, section 5.1)."""
    body: dict[str, object] = {
        "access_token": await auth.tokens.sign(issued.grant, issued.chain_id, issued.scopes),
        "token_type": "Bearer",
        "expires_in": int(auth.tokens.lifetime.total_seconds()),
        "scope": issued.scopes,
    }
    return body if issued.refresh_token is None else body | {"refresh_token": issued.refresh_token}
