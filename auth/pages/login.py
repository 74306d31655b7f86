"""The pages /login and /logout."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.passwords import MAX_LENGTH
from auth.page_refusals import make_no_passwords_failure
from auth.pages.browser import Browser, check_csrf, load_browser, log_in, log_out, make_principal
from auth.pages.known_browsers import find_known_browser, mark_known_browser
from auth.pages.page import redirect_browser, render_page
from auth.parameters import Parameters, parse_parameters, read_form
from auth.server import get_authorization_server, get_client_address
from auth.texts import say
from auth.throttle import count_tries, list_login_tries, take_back_tries
from server.errors import Code, Failure
from server.network.retry_after import retry_after_headers
from server.store.record.people.accounts import User, count_users, find_user, set_password

HOME = "/memories"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def serve_login_page(request: Request) -> Response:
    """GET the login form; POST a user name and a password, and go on to the page that the person wanted.

    Somebody who is logged in goes on at once.
    """
    if request.method == "POST":
        return await _log_in(request)
    browser, destination = await load_browser(request), read_destination(parse_parameters(request.url.query))
    if browser.user is not None:
        return redirect_browser(request, destination)
    auth = get_authorization_server(request)
    async with auth.db.read() as connection:
        is_set_up = await count_users(connection) > 0
    if not is_set_up and auth.settings.signup != "open":
        return render_page(request, browser, "not_set_up.html")
    return render_login_page(request, browser, destination)


async def serve_logout_page(request: Request) -> Response:
    """GET the question; POST to end the session."""
    browser = await load_browser(request)
    if request.method != "POST":
        return render_page(request, browser, "logout.html")
    check_csrf(browser, await read_form(request))
    return redirect_browser(request, "/login", await log_out(request, browser))


async def authenticate_user(request: Request, name: str, password: str) -> User | None:
    """Return the user with this name and password, or None. A name that nobody has takes as long.

    Raises:
        Failure: `too_many_requests` after too many wrong passwords, for the name or from the address.
    """
    auth, address = get_authorization_server(request), get_client_address(request)
    async with auth.db.read() as connection:
        user = await find_user(connection, name)
    tries = list_login_tries(name, address, None if user is None else find_known_browser(request, user.id))
    try:
        await count_tries(auth.db, tries, auth.now())
    except Failure as failure:
        auth.refused_logins["too_many_tries"] += 1
        await _note_refusal(request, user, failure.code)
        raise
    password_hash = None if user is None or user.disabled_at is not None else user.password_hash
    if (
        not await auth.passwords.verify(password_hash, password[: MAX_LENGTH + 1])
        or user is None
        or password_hash is None
    ):
        # The name is not logged, because people sometimes type their password into the wrong field.
        log.info("login.failed", address=address)
        auth.refused_logins["wrong_password"] += 1
        await _note_refusal(request, user, "unauthorized")
        return None
    log.info("login.succeeded", user=user.id, address=address)
    await take_back_tries(auth.db, tries)
    if auth.passwords.needs_rehash(password_hash):
        new_hash = await auth.passwords.hash(password)
        async with auth.db.write() as connection:
            await set_password(connection, user.id, new_hash)
    return user


async def _note_refusal(request: Request, user: User | None, code: Code) -> None:
    """Note a login that was refused in the audit of the person. A name that nobody has has no audit."""
    if user is not None:
        await get_authorization_server(request).acts.note(request, "log_in", make_principal(user), outcome=code)


def read_destination(parameters: Parameters, name: str = "next") -> str:
    """Return the path that a parameter names if it is on this server; else the page of memories."""
    path = parameters.get(name) or HOME
    # A browser reads `//host` and `/\host` as another host's address, so neither may follow the first slash.
    is_local = path.startswith("/") and path[1:2] not in {"/", "\\"} and path.isprintable() and "\\" not in path
    return path if is_local else HOME


async def _log_in(request: Request) -> Response:
    form, browser = await read_form(request), await load_browser(request)
    check_csrf(browser, form)
    if get_authorization_server(request).settings.login == "upstream":
        raise make_no_passwords_failure()
    name, destination = (form.get("username") or "").strip(), read_destination(form)
    try:
        user = await authenticate_user(request, name, form.get("password") or "")
    except Failure as failure:
        return render_login_page(request, browser, destination, name=name, failure=failure)
    if user is None:
        failure = Failure("malformed", say("The user name or the password is wrong."))
        return render_login_page(request, browser, destination, name=name, failure=failure)
    response = redirect_browser(request, destination, await log_in(request, browser, user))
    mark_known_browser(response, get_authorization_server(request), user.id)
    return response


def render_login_page(
    request: Request, browser: Browser, destination: str, *, name: str = "", failure: Failure | None = None
) -> Response:
    """Return the page on which people log in, with the reason why they could not."""
    auth = get_authorization_server(request)
    return render_page(
        request,
        browser,
        "login.html",
        status=200 if failure is None else failure.status,
        headers=retry_after_headers(failure.retry_after if failure else None),
        next=destination,
        name=name,
        error=failure.message if failure else None,
        takes_password=auth.settings.login != "upstream",
        providers=[] if auth.upstream is None else list(auth.upstream.providers.values()),
        may_sign_up=auth.settings.signup == "open" and auth.settings.login != "upstream",
    )
