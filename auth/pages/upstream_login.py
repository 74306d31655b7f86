"""The login at a provider: the button that begins it, and the address at which people come back."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.upstream_logins import (
    UpstreamLogin,
    begin_login,
    connect_person,
    find_or_make_user,
    take_login,
)
from auth.page_refusals import TitledFailure
from auth.pages.browser import Browser, check_csrf, load_browser, log_in, make_principal
from auth.pages.login import read_destination, render_login_page
from auth.pages.page import redirect_browser
from auth.parameters import parse_parameters, read_form
from auth.server import AuthorizationServer, get_authorization_server, get_client_address
from auth.texts import say
from auth.upstream.provider import Provider
from auth.upstream.upstream import Upstream
from server.errors import Failure

APPS = "/apps"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def begin_upstream_login(request: Request) -> Response:
    """POST `provider` to go there and log in. With `connect`, the user who is logged in is connected with it."""
    auth, form = get_authorization_server(request), await read_form(request)
    browser, destination = await load_browser(request), read_destination(form)
    check_csrf(browser, form)
    upstream, provider = _find_provider(auth, form.get("provider") or "")
    connects = form.get("connect") is not None
    if connects and browser.user is None:
        return redirect_browser(request, f"/login?next={APPS}")
    try:
        location = await begin_login(
            auth,
            upstream,
            provider,
            cookie=browser.cookie,
            destination=destination,
            user_id=browser.user.id if connects and browser.user is not None else None,
            address=get_client_address(request),
        )
    except Failure as failure:
        if connects:
            raise
        return render_login_page(request, browser, destination, failure=failure)
    return redirect_browser(request, location)


async def finish_upstream_login(request: Request) -> Response:
    """GET with the provider's answer in the query: go on to the page that the person wanted, logged in."""
    auth = get_authorization_server(request)
    upstream, provider = _find_provider(auth, request.path_params["provider"])
    browser, parameters = await load_browser(request), parse_parameters(request.url.query).to_dict()
    login = await take_login(auth, provider, parameters.get("state", ""), browser.cookie)
    try:
        person = await upstream.identify(provider, parameters, nonce=login.nonce, verifier=login.verifier)
        if login.user_id is not None:
            if browser.user is None or browser.user.id != login.user_id:
                raise TitledFailure(
                    "forbidden", say("You are not logged in"), say("Log in and connect the provider again.")
                )
            await connect_person(auth, upstream, provider, person, browser.user)
            await auth.acts.note(request, "connect_provider", make_principal(browser.user))
            return redirect_browser(request, APPS)
        user = await find_or_make_user(auth, upstream, provider, person)
    except Failure as failure:
        return _answer_failure(request, browser, login, failure)
    log.info("upstream_login.succeeded", user=user.id, provider=provider.id, address=get_client_address(request))
    return redirect_browser(request, login.destination, await log_in(request, browser, user))


def _answer_failure(request: Request, browser: Browser, login: UpstreamLogin, failure: Failure) -> Response:
    """Show why a login failed, on the page from which the person can try again."""
    log.info("upstream_login.failed", provider=login.provider_id, reason=failure.message)
    if login.user_id is not None:
        raise failure
    get_authorization_server(request).refused_logins["upstream"] += 1
    return render_login_page(request, browser, login.destination, failure=failure)


def _find_provider(auth: AuthorizationServer, provider_id: str) -> tuple[Upstream, Provider]:
    """Return a provider. Raises Failure: there is none with this id."""
    if auth.upstream is None or provider_id not in auth.upstream.providers:
        raise TitledFailure(
            "not_found",
            say("No such login"),
            say("This server does not log people in there. Go to the login page."),
        )
    return auth.upstream, auth.upstream.providers[provider_id]
