"""GET and POST /oauth/authorize: log in, consent, and go back to the app with a code.

The server keeps nothing in between: the request travels in the address of the login page and in the form of the
consent page, and it is validated again at each step.
"""

from dataclasses import replace
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.authorization.authorization_codes import issue_code
from auth.authorization.authorization_request import (
    AuthorizationRequest,
    RedirectedError,
    validate_authorization_request,
)
from auth.authorization.remembered_consents import find_remembered_scopes, remember_scopes
from auth.pages.browser import check_csrf, load_browser, make_principal
from auth.pages.consent import render_consent_page
from auth.pages.page import redirect_browser
from auth.parameters import Parameters, parse_parameters, read_form
from auth.rfc import AccessDeniedError
from auth.server import AuthorizationServer, get_authorization_server, get_client_address
from auth.texts import say
from server.store.audit.entry import OK
from server.store.record.people.accounts import User

PATH = "/oauth/authorize"


async def authorize_client(request: Request) -> Response:
    """GET answers with the consent page or a redirect to the login page or to the app; POST takes the decision."""
    auth = get_authorization_server(request)
    try:
        if request.method == "POST":
            return await _answer_decision(auth, request)
        return await _answer_request(auth, request, parse_parameters(request.url.query))
    except RedirectedError as refusal:
        return redirect_browser(request, refusal.build_location(auth.issuer))


async def _answer_request(auth: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    oauth_request = await validate_authorization_request(auth, parameters, get_client_address(request))
    browser = await load_browser(request)
    if browser.user is None:
        return _redirect_to_login(request, parameters)
    scopes = await find_remembered_scopes(auth, browser.user, oauth_request)
    if scopes is not None:
        await _note_decision(request, browser.user, oauth_request, OK)
        return redirect_browser(request, await issue_code(auth, browser.user, oauth_request, scopes))
    return render_consent_page(request, browser, oauth_request, parameters)


async def _answer_decision(auth: AuthorizationServer, request: Request) -> Response:
    form = await read_form(request)
    browser = await load_browser(request)
    check_csrf(browser, form)
    parameters = parse_parameters(form.get("request") or "")
    oauth_request = await validate_authorization_request(auth, parameters, get_client_address(request))
    if browser.user is None:
        return _redirect_to_login(request, parameters)
    if form.get("decision") != "allow":
        await _note_decision(request, browser.user, oauth_request, "forbidden")
        error = AccessDeniedError("The person said no.")
        raise RedirectedError(error, oauth_request.redirect_uri, oauth_request.state)
    scopes = " ".join(scope for scope in oauth_request.scopes if scope in form.get_all("scope"))
    if not scopes:
        error = say("Choose at least one thing that the app may do, or deny.")
        return render_consent_page(request, browser, oauth_request, parameters, error=error)
    await _note_decision(request, browser.user, oauth_request, OK)
    await remember_scopes(auth, browser.user, oauth_request, scopes)
    return redirect_browser(request, await issue_code(auth, browser.user, oauth_request, scopes))


async def _note_decision(request: Request, user: User, oauth_request: AuthorizationRequest, outcome: str) -> None:
    """Note that a person let an app in, now or before, or that they said no (`forbidden`)."""
    who = replace(make_principal(user), client_id=oauth_request.client.id)
    await get_authorization_server(request).acts.note(request, "allow_app", who, outcome=outcome)


def _redirect_to_login(request: Request, parameters: Parameters) -> Response:
    here = f"{PATH}?{urlencode(parameters.pairs)}"
    return redirect_browser(request, f"/login?next={quote(here, safe='')}")
