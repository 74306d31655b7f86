"""The pages /login and /logout."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import Browser, browser_of, check_csrf, log_in, log_out
from auth.pages.page import page, problem, redirect
from auth.parameters import Parameters, parse, read_form
from auth.passwords import MAX_LENGTH
from auth.rfc import OAuth2Error
from auth.server import AuthorizationServer, address_of, server_of
from auth.throttle import LOGIN_BY_ADDRESS, LOGIN_BY_NAME, login_succeeded, spend
from server.errors import Failure
from server.store.record.people.accounts import User, set_password, user_named

HOME = "/apps"

log: structlog.stdlib.BoundLogger = structlog.get_logger()


async def login(request: Request) -> Response:
    """GET the login form; POST a user name and a password, and go on to where the person was going."""
    try:
        if request.method == "POST":
            return await _log_in(request)
        return _form(request, await browser_of(request), onward(parse(request.url.query)))
    except OAuth2Error as error:
        return await problem(request, Failure("malformed", str(error.description)))
    except Failure as failure:
        return await problem(request, failure)


async def logout(request: Request) -> Response:
    """GET the question; POST to end the session."""
    browser = await browser_of(request)
    if request.method != "POST":
        return page(request, browser, "logout.html")
    try:
        check_csrf(browser, await read_form(request))
    except OAuth2Error as error:
        return await problem(request, Failure("malformed", str(error.description)))
    except Failure as failure:
        return await problem(request, failure)
    return redirect(request, "/login", await log_out(request, browser))


async def authenticate(auth: AuthorizationServer, name: str, password: str, address: str) -> User | None:
    """The user with this name and password, or None; as slow for a name that nobody has.

    Raises:
        Failure: `too_many_requests` after too many wrong ones, for the name or from the address.
    """
    await spend(auth.db, [(LOGIN_BY_NAME, name.casefold()), (LOGIN_BY_ADDRESS, address)], auth.now())
    async with auth.db.read() as connection:
        user = await user_named(connection, name)
    password_hash = None if user is None or user.disabled_at is not None else user.password_hash
    if (
        not await auth.passwords.verify(password_hash, password[: MAX_LENGTH + 1])
        or user is None
        or password_hash is None
    ):
        # Without the name: people type their password into the wrong field.
        log.info("login refused", address=address)
        return None
    log.info("login", user=user.id, address=address)
    await login_succeeded(auth.db, name.casefold(), address)
    if auth.passwords.needs_rehash(password_hash):
        new_hash = await auth.passwords.hash(password)
        async with auth.db.write() as connection:
            await set_password(connection, user.id, new_hash)
    return user


def onward(parameters: Parameters) -> str:
    """Where a person wanted to go: a page of this server, or the one with the connected apps."""
    wanted = parameters.get("next") or HOME
    # A second slash or a backslash would make the path a host.
    is_ours = wanted.startswith("/") and wanted[1:2] not in {"/", "\\"} and wanted.isprintable() and "\\" not in wanted
    return wanted if is_ours else HOME


async def _log_in(request: Request) -> Response:
    auth, form, browser = server_of(request), await read_form(request), await browser_of(request)
    check_csrf(browser, form)
    name, goes_to = (form.get("username") or "").strip(), onward(form)
    try:
        user = await authenticate(auth, name, form.get("password") or "", address_of(request))
    except Failure as failure:
        return _form(request, browser, goes_to, name=name, failure=failure)
    if user is None:
        failure = Failure("malformed", "The user name or the password is wrong.")
        return _form(request, browser, goes_to, name=name, failure=failure)
    return redirect(request, goes_to, await log_in(request, browser, user))


def _form(
    request: Request, browser: Browser, goes_to: str, *, name: str = "", failure: Failure | None = None
) -> Response:
    headers = {"retry-after": str(failure.retry_after)} if failure and failure.retry_after else {}
    return page(
        request,
        browser,
        "login.html",
        status=200 if failure is None else failure.status,
        headers=headers,
        next=goes_to,
        name=name,
        error=failure.message if failure else None,
        may_sign_up=server_of(request).settings.signup == "open",
    )
