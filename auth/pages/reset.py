"""The page /reset: a new password with a link that an administrator of the server makes."""

from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.password_changes import read_reset_link, reset_password
from auth.accounts.passwords import MIN_LENGTH
from auth.page_refusals import make_no_passwords_failure
from auth.pages.browser import Browser, check_csrf, load_browser, log_out, make_principal
from auth.pages.page import redirect_browser, render_page
from auth.parameters import parse_parameters, read_form
from auth.server import get_authorization_server, get_client_address
from auth.throttle import RESETS, count_tries
from server.errors import Failure
from server.store.record.people.accounts import User


async def serve_reset_page(request: Request) -> Response:
    """GET the form of the query's `link`; POST the new password, and go on to the login."""
    auth, browser = get_authorization_server(request), await load_browser(request)
    if auth.settings.login == "upstream":
        raise make_no_passwords_failure()
    form = await read_form(request) if request.method == "POST" else None
    if form is not None:
        check_csrf(browser, form)
    await count_tries(auth.db, [(RESETS, get_client_address(request))], auth.now())
    link = (parse_parameters(request.url.query) if form is None else form).get("link") or ""
    user = await read_reset_link(auth.db, link, auth.now)
    if form is None:
        return _render_form(request, browser, link, user)
    try:
        await reset_password(auth.db, auth.passwords, link, form.get("password") or "", auth.now)
    except Failure as failure:
        if failure.field is None:
            raise
        return _render_form(request, browser, link, user, failure)
    await auth.acts.note(request, "reset_password", make_principal(user))
    # Somebody else may be logged in with this browser.
    return redirect_browser(request, "/login", await log_out(request, browser))


def _render_form(request: Request, browser: Browser, link: str, user: User, failure: Failure | None = None) -> Response:
    return render_page(
        request,
        browser,
        "reset.html",
        status=200 if failure is None else failure.status,
        link=link,
        name=user.name,
        error=None if failure is None else failure.message,
        min_length=MIN_LENGTH,
    )
