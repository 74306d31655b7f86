"""The page of an invitation into an account: whoever is logged in joins, somebody new makes an account with it."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.passwords import MIN_LENGTH
from auth.accounts.team_invitations import PATH, read_invitation
from auth.accounts.team_signup import may_sign_up, sign_up_by_invitation
from auth.pages.browser import Browser, check_csrf, load_browser, log_in, make_principal
from auth.pages.known_browsers import mark_known_browser
from auth.pages.page import redirect_browser, render_page
from auth.parameters import Parameters, parse_parameters, read_form
from auth.server import get_authorization_server, get_client_address
from auth.throttle import SIGNUPS, count_tries
from server.errors import Failure
from server.web.console.door import TEMPLATES, Visit, make_address
from server.web.console.people.people_page import PATH as PEOPLE_PATH


async def serve_invitation_page(request: Request) -> Response:
    """GET the invitation of the query's `link`; POST `action` to join, or to make an account and join."""
    browser = await load_browser(request)
    if request.method != "POST":
        return await _show(request, browser, parse_parameters(request.url.query).get("link") or "")
    form = await read_form(request)
    check_csrf(browser, form)
    auth = get_authorization_server(request)
    await count_tries(auth.db, [(SIGNUPS, get_client_address(request))], auth.now())
    if browser.user is not None:
        visit = Visit(request, browser, browser.user)
        joined = await visit.execute("accept_invitation", link=form.get("link"))
        return visit.redirect(make_address(PEOPLE_PATH, account=joined.id))
    return await _sign_up(request, browser, form)


async def _show(
    request: Request, browser: Browser, link: str, *, name: str = "", failure: Failure | None = None
) -> Response:
    auth = get_authorization_server(request)
    invitation = await read_invitation(auth.db, link, auth.now, browser.user)
    return render_page(
        request,
        browser,
        "invitation.html",
        templates=TEMPLATES,
        status=200 if failure is None else failure.status,
        invitation=invitation,
        link=link,
        login=make_address("/login", next=make_address(PATH, link=link)),
        may_sign_up=await may_sign_up(auth, invitation),
        name=name or invitation.name or "",
        error=None if failure is None else failure.message,
        field=None if failure is None else failure.field,
        min_length=MIN_LENGTH,
    )


async def _sign_up(request: Request, browser: Browser, form: Parameters) -> Response:
    auth, link = get_authorization_server(request), form.get("link") or ""
    name = (form.get("username") or "").strip()
    joined = await read_invitation(auth.db, link, auth.now)
    try:
        user = await sign_up_by_invitation(auth, link, name, form.get("password") or "")
    except Failure as failure:
        if failure.field is None:
            raise
        return await _show(request, browser, link, name=name, failure=failure)
    await auth.acts.note(request, "sign_up", make_principal(user))
    await auth.acts.note(request, "accept_invitation", replace(make_principal(user), account_id=joined.account_id))
    response = redirect_browser(request, PEOPLE_PATH, await log_in(request, browser, user))
    mark_known_browser(response, auth, user.id)
    return response
