"""GET and POST /oauth/authorize: log in, consent, and go back to the app with a code.

The server keeps nothing in between: the request travels in the address of the login page and in the form of the
consent page, and it is validated again at each step.
"""

import secrets
from datetime import timedelta
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.authorization_request import (
    AuthorizationRequest,
    RedirectedError,
    build_response_location,
    validate_authorization_request,
)
from auth.hashing import digest
from auth.pages.browser import browser_of, check_csrf
from auth.pages.consent import consent_page
from auth.pages.page import redirect
from auth.parameters import Parameters, parse_parameters, read_form
from auth.rfc import AccessDeniedError
from auth.server import AuthorizationServer, address_of, server_of
from server.store.record.oauth.clients import touch_client
from server.store.record.oauth.codes import Code, insert_code
from server.store.record.oauth.consents import find_consent, remember_consent
from server.store.record.people.accounts import User

PATH = "/oauth/authorize"
CODE_LIFETIME = timedelta(seconds=60)


async def authorize(request: Request) -> Response:
    """GET answers with the consent page or a redirect to the login page or to the app; POST takes the decision."""
    auth = server_of(request)
    try:
        if request.method == "POST":
            return await _answer_decision(auth, request)
        return await _answer_request(auth, request, parse_parameters(request.url.query))
    except RedirectedError as refusal:
        return redirect(request, refusal.build_location(auth.issuer))


async def _answer_request(auth: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    oauth_request = await validate_authorization_request(auth, parameters, address_of(request))
    browser = await browser_of(request)
    if browser.user is None:
        return _redirect_to_login(request, parameters)
    scopes = await _find_remembered_scopes(auth, browser.user, oauth_request)
    if scopes is not None:
        return redirect(request, await _issue_code(auth, browser.user, oauth_request, scopes))
    return consent_page(request, browser, oauth_request, parameters)


async def _answer_decision(auth: AuthorizationServer, request: Request) -> Response:
    form = await read_form(request)
    browser = await browser_of(request)
    check_csrf(browser, form)
    parameters = parse_parameters(form.get("request") or "")
    oauth_request = await validate_authorization_request(auth, parameters, address_of(request))
    if browser.user is None:
        return _redirect_to_login(request, parameters)
    if form.get("decision") != "allow":
        error = AccessDeniedError("The person said no.")
        raise RedirectedError(error, oauth_request.redirect_uri, oauth_request.state)
    scopes = " ".join(scope for scope in oauth_request.scopes if scope in form.get_all("scope"))
    if not scopes:
        error = "Choose at least one thing that the app may do, or deny."
        return consent_page(request, browser, oauth_request, parameters, error=error)
    await _remember_scopes(auth, browser.user, oauth_request, scopes)
    return redirect(request, await _issue_code(auth, browser.user, oauth_request, scopes))


def _redirect_to_login(request: Request, parameters: Parameters) -> Response:
    here = f"{PATH}?{urlencode(parameters.pairs)}"
    return redirect(request, f"/login?next={quote(here, safe='')}")


async def _find_remembered_scopes(
    auth: AuthorizationServer, user: User, oauth_request: AuthorizationRequest
) -> str | None:
    """Return the scopes that the person granted to the same request before; None if the person must be asked."""
    if not oauth_request.is_vouched_for or oauth_request.asks_again:
        return None
    async with auth.db.read() as connection:
        return await find_consent(
            connection,
            user_id=user.id,
            client_id=oauth_request.client.id,
            redirect_host=oauth_request.redirect_host,
            asked=" ".join(oauth_request.scopes),
        )


async def _remember_scopes(
    auth: AuthorizationServer, user: User, oauth_request: AuthorizationRequest, scopes: str
) -> None:
    """Remember the consent, but only to a client that a domain vouches for."""
    if not oauth_request.is_vouched_for:
        return
    async with auth.db.write() as connection:
        await remember_consent(
            connection,
            user_id=user.id,
            client_id=oauth_request.client.id,
            redirect_host=oauth_request.redirect_host,
            asked=" ".join(oauth_request.scopes),
            granted=scopes,
            now=auth.now(),
        )


async def _issue_code(auth: AuthorizationServer, user: User, oauth_request: AuthorizationRequest, scopes: str) -> str:
    """Make an authorization code, and return the URL that brings it to the app."""
    text, now = secrets.token_urlsafe(32), auth.now()
    code = Code(
        code_hash=digest(text),
        user_id=user.id,
        client_id=oauth_request.client.id,
        client_name=oauth_request.client.name,
        redirect_uri=oauth_request.redirect_uri,
        scopes=scopes,
        resource=oauth_request.resource,
        code_challenge=oauth_request.code_challenge,
        expires_at=now + CODE_LIFETIME,
    )
    async with auth.db.write() as connection:
        await insert_code(connection, code)
        await touch_client(connection, oauth_request.client.id, now)
    return build_response_location(oauth_request.redirect_uri, [("code", text)], oauth_request.state, auth.issuer)
