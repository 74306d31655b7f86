"""GET and POST /oauth/authorize: who are you, do you agree, and back to the app with a code.

Nothing is kept on the server in between: the request travels in the login page's address and the consent
page's form, and is checked each time.
"""

import secrets
from datetime import timedelta
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.api_keys import digest
from auth.authorization_request import AuthorizationRequest, RedirectedError, check, response_location
from auth.pages.browser import Browser, browser_of, check_csrf
from auth.pages.page import page, problem, redirect
from auth.parameters import Parameters, parse, read_form
from auth.principal import READ, WRITE
from auth.redirects import goes_to_local_app, host_named_by
from auth.rfc import AccessDeniedError, OAuth2Error
from auth.server import AuthorizationServer, address_of, server_of
from server.errors import Failure
from server.store.record.oauth.clients import remember_consent, remembered_consent, touch_client
from server.store.record.oauth.grants import Code, insert_code
from server.store.record.people.accounts import User

PATH = "/oauth/authorize"
CODE_LIFETIME = timedelta(seconds=60)

SCOPE_WORDS = {
    READ: ("Read your memories", "Search and recall everything in your workspaces."),
    WRITE: ("Change your memories", "Store new memories, and change or delete old ones. Includes reading."),
}


async def authorize(request: Request) -> Response:
    """Answer with the consent page, or a redirect: to the login page, or to the app."""
    auth = server_of(request)
    try:
        if request.method == "POST":
            return await _decide(auth, request)
        return await _ask(auth, request, parse(request.url.query))
    except RedirectedError as refused:
        return redirect(request, refused.location(auth.issuer))
    except OAuth2Error as error:
        return await problem(request, Failure("malformed", str(error.description)))
    except Failure as failure:
        return await problem(request, failure)


async def _ask(auth: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    asked = await check(auth, parameters, address_of(request))
    browser = await browser_of(request)
    if browser.user is None:
        return _to_login(request, parameters)
    granted = await _remembered(auth, browser.user, asked)
    if granted is not None:
        return redirect(request, await _issue(auth, browser.user, asked, granted))
    return _consent_page(request, browser, asked, parameters)


async def _decide(auth: AuthorizationServer, request: Request) -> Response:
    form = await read_form(request)
    browser = await browser_of(request)
    check_csrf(browser, form)
    parameters = parse(form.get("request") or "")
    asked = await check(auth, parameters, address_of(request))
    if browser.user is None:
        return _to_login(request, parameters)
    if form.get("decision") != "allow":
        raise RedirectedError(AccessDeniedError("The person said no."), asked.redirect_uri, asked.state)
    granted = " ".join(scope for scope in asked.scopes if scope in form.all("scope"))
    if not granted:
        error = "Choose at least one thing that the app may do, or deny."
        return _consent_page(request, browser, asked, parameters, error=error)
    await _remember(auth, browser.user, asked, granted)
    return redirect(request, await _issue(auth, browser.user, asked, granted))


def _to_login(request: Request, parameters: Parameters) -> Response:
    wanted = f"{PATH}?{urlencode(parameters.pairs)}"
    return redirect(request, f"/login?next={quote(wanted, safe='')}")


def _consent_page(
    request: Request, browser: Browser, asked: AuthorizationRequest, parameters: Parameters, error: str | None = None
) -> Response:
    return page(
        request,
        browser,
        "consent.html",
        status=200 if error is None else 400,
        asked=asked,
        client_host=host_named_by(asked.client.id)
        if asked.client.kind == "document" and asked.client.is_verified
        else None,
        is_loopback=goes_to_local_app(asked.redirect_uri),
        scopes=[(scope, *SCOPE_WORDS[scope]) for scope in asked.scopes],
        parameters=urlencode(parameters.pairs),
        error=error,
    )


async def _remembered(auth: AuthorizationServer, user: User, asked: AuthorizationRequest) -> str | None:
    """What the person granted when the same was asked before, if this client's answers may be remembered."""
    if not asked.is_vouched_for or asked.asks_again:
        return None
    async with auth.db.read() as connection:
        return await remembered_consent(
            connection,
            user_id=user.id,
            client_id=asked.client.id,
            redirect_host=asked.redirect_host,
            asked=" ".join(asked.scopes),
        )


async def _remember(auth: AuthorizationServer, user: User, asked: AuthorizationRequest, granted: str) -> None:
    if not asked.is_vouched_for:
        return
    async with auth.db.write() as connection:
        await remember_consent(
            connection,
            user_id=user.id,
            client_id=asked.client.id,
            redirect_host=asked.redirect_host,
            asked=" ".join(asked.scopes),
            granted=granted,
            now=auth.now(),
        )


async def _issue(auth: AuthorizationServer, user: User, asked: AuthorizationRequest, granted: str) -> str:
    """Make a code; where to bring it."""
    text, now = secrets.token_urlsafe(32), auth.now()
    code = Code(
        code_hash=digest(text),
        user_id=user.id,
        client_id=asked.client.id,
        client_name=asked.client.name,
        redirect_uri=asked.redirect_uri,
        scopes=granted,
        resource=asked.resource,
        code_challenge=asked.code_challenge,
        expires_at=now + CODE_LIFETIME,
    )
    async with auth.db.write() as connection:
        await insert_code(connection, code)
        await touch_client(connection, asked.client.id, now)
    return response_location(asked.redirect_uri, [("code", text)], asked.state, auth.issuer)
