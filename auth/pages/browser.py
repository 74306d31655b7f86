"""The browser behind a page: its cookie, the user who is logged in with it, and the CSRF token of its forms.

The cookie is random. The CSRF token is derived from it, before a login as well. A login replaces the cookie.
"""

import hmac
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response

from auth.hashing import hash_secret
from auth.page_refusals import TitledFailure
from auth.parameters import Parameters
from auth.principal import ADMIN, WRITE, Principal, expand_scopes
from auth.server import AuthorizationServer, get_authorization_server, get_client_address
from auth.texts import say
from server.store.record.people.accounts import User
from server.store.record.people.sessions import BrowserSession, delete_session, find_session, insert_session, note_use

LIFETIME = timedelta(days=7)
#: How old a noted use of a session may be before the next one is noted.
USE_NOTED_EVERY = timedelta(minutes=5)
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser. `user` is None if nobody is logged in."""

    cookie: str
    user: User | None
    csrf_token: str


async def load_browser(request: Request) -> Browser:
    """Return the browser of a request. A browser without a cookie gets a new one."""
    auth = get_authorization_server(request)
    cookie = request.cookies.get(choose_cookie_name(auth), "")
    if not _COOKIE.fullmatch(cookie):
        return _make_browser(auth, secrets.token_urlsafe(32), None)
    async with auth.db.read() as connection:
        found = await find_session(connection, hash_secret(cookie), auth.now())
    if found is None:
        return _make_browser(auth, cookie, None)
    session, user = found
    await _note_use(request, session)
    return _make_browser(auth, cookie, user)


async def _note_use(request: Request, session: BrowserSession) -> None:
    auth, address = get_authorization_server(request), get_client_address(request)
    is_noted = session.last_used_at is not None and auth.now() - session.last_used_at < USE_NOTED_EVERY
    if is_noted and session.address == address:
        return
    with suppress(DBAPIError):  # a page is shown even if the record takes no writes
        async with auth.db.write() as connection:
            await note_use(connection, session.id_hash, address, auth.now())


def check_csrf(browser: Browser, form: Parameters) -> None:
    """Check that a form was made for this browser.

    Raises:
        Failure: `forbidden` if the form has no token or another browser's token.
    """
    # They are compared as bytes, because compare_digest takes no text that is not ASCII.
    if not hmac.compare_digest(browser.csrf_token.encode(), (form.get("csrf") or "").encode()):
        message = say("Go back, reload the page, and try again. Cookies must be on.")
        raise TitledFailure("forbidden", say("This page is out of date"), message)


async def log_in(request: Request, before: Browser, user: User) -> Browser:
    """Begin a session under a new cookie, and return the browser. The old cookie, even if stolen, is worthless."""
    auth, now = get_authorization_server(request), get_authorization_server(request).now()
    after = _make_browser(auth, secrets.token_urlsafe(32), user)
    async with auth.db.write() as connection:
        await delete_session(connection, hash_secret(before.cookie))
        await insert_session(
            connection,
            id_hash=hash_secret(after.cookie),
            user_id=user.id,
            now=now,
            expires_at=now + LIFETIME,
            address=get_client_address(request),
            user_agent=request.headers.get("user-agent"),
        )
    await auth.acts.note(request, "log_in", make_principal(user))
    return after


async def log_out(request: Request, browser: Browser) -> Browser:
    """End the session, and return the browser with a new cookie. The old cookie is worthless, even if it was copied."""
    auth = get_authorization_server(request)
    async with auth.db.write() as connection:
        await delete_session(connection, hash_secret(browser.cookie))
    if browser.user is not None:
        await auth.acts.note(request, "log_out", make_principal(browser.user))
    return _make_browser(auth, secrets.token_urlsafe(32), None)


def make_principal(user: User) -> Principal:
    """Return what the person who is logged in with a browser may do: everything that is theirs."""
    scopes = expand_scopes({WRITE, ADMIN} if user.is_admin else {WRITE})
    return Principal(user.id, user.account_id, scopes, "browser", user.id)


def choose_cookie_name(auth: AuthorizationServer) -> str:
    """Return the name of the cookie. `__Host-` makes browsers refuse it without Secure, or from a sibling domain."""
    return "__Host-loci" if is_https(auth) else "loci"


def set_cookie(response: Response, auth: AuthorizationServer, browser: Browser) -> None:
    """Put the browser's cookie into a response."""
    max_age = int(LIFETIME.total_seconds()) if browser.user is not None else None
    response.set_cookie(
        choose_cookie_name(auth),
        browser.cookie,
        max_age=max_age,
        path="/",
        secure=is_https(auth),
        httponly=True,
        samesite="lax",
    )


def is_https(auth: AuthorizationServer) -> bool:
    """Whether browsers reach the server over https, so that its cookies can be secure."""
    return auth.issuer.startswith("https://")


def _make_browser(auth: AuthorizationServer, cookie: str, user: User | None) -> Browser:
    return Browser(cookie, user, auth.sealer.make_csrf_token(cookie))
