"""The pages on which accounts are made: /setup for the first admin, /signup for everybody after."""

from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.new_accounts import Invitation, check_invitation, create_account
from auth.accounts.passwords import MIN_LENGTH
from auth.pages.browser import Browser, check_csrf, load_browser, log_in, make_principal
from auth.pages.known_browsers import mark_known_browser
from auth.pages.page import redirect_browser, render_page
from auth.parameters import parse_parameters, read_form
from auth.server import get_authorization_server, get_client_address
from auth.throttle import SIGNUPS, count_tries
from server.connect_commands import list_connect_steps
from server.errors import Failure
from server.store.record.people.signup_links import SignupLinkKind


async def serve_setup_page(request: Request) -> Response:
    """GET and POST /setup: the page behind the setup link, which makes the first admin."""
    return await _answer_request(request, "setup")


async def serve_signup_page(request: Request) -> Response:
    """GET and POST /signup: the page that makes an account, for everybody or with an invitation."""
    return await _answer_request(request, "invite")


async def serve_welcome_page(request: Request) -> Response:
    """GET /welcome: the ways to connect an agent."""
    browser = await load_browser(request)
    if browser.user is None:
        return redirect_browser(request, "/login?next=/welcome")
    resource = get_authorization_server(request).settings.resource
    steps = list_connect_steps(resource)
    return render_page(request, browser, "welcome.html", resource=resource, steps=steps, has_script=True)


async def _answer_request(request: Request, kind: SignupLinkKind) -> Response:
    browser = await load_browser(request)
    if request.method == "POST":
        return await _create_account(request, browser, kind)
    invitation = Invitation(kind, parse_parameters(request.url.query).get("link"))
    if invitation.link is None and kind == "invite" and get_authorization_server(request).settings.login == "upstream":
        return redirect_browser(request, "/login")
    await check_invitation(get_authorization_server(request), invitation)
    return _render_form(request, browser, invitation)


async def _create_account(request: Request, browser: Browser, kind: SignupLinkKind) -> Response:
    auth, form = get_authorization_server(request), await read_form(request)
    check_csrf(browser, form)
    await count_tries(auth.db, [(SIGNUPS, get_client_address(request))], auth.now())
    invitation, name = Invitation(kind, form.get("link")), (form.get("username") or "").strip()
    try:
        user = await create_account(auth, invitation, name, form.get("password") or "")
    except Failure as failure:
        if failure.field is None:
            raise
        return _render_form(request, browser, invitation, name=name, failure=failure)
    await auth.acts.note(request, "sign_up", make_principal(user))
    logged_in = await log_in(request, browser, user)
    # A redirect, so that reloading the page does not send the form again.
    response = redirect_browser(request, "/welcome", logged_in)
    mark_known_browser(response, auth, user.id)
    return response


def _render_form(
    request: Request, browser: Browser, invitation: Invitation, *, name: str = "", failure: Failure | None = None
) -> Response:
    return render_page(
        request,
        browser,
        "signup.html",
        status=200 if failure is None else failure.status,
        link=invitation.link or "",
        is_setup=invitation.kind == "setup",
        name=name,
        error=failure.message if failure else None,
        field=failure.field if failure else None,
        min_length=MIN_LENGTH,
    )
