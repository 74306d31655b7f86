"""The pages on which accounts are made: /setup for the first admin, /signup for everybody after."""

from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response

from auth.api_keys import digest
from auth.pages.browser import Browser, browser_of, check_csrf, log_in
from auth.pages.page import page, problem
from auth.parameters import parse, read_form
from auth.passwords import MAX_LENGTH, MIN_LENGTH
from auth.rfc import OAuth2Error
from auth.server import AuthorizationServer, address_of, server_of
from auth.throttle import SIGNUPS, spend
from server.errors import Failure
from server.store.record.people.accounts import User, check_name, create_user
from server.store.record.people.logins import LinkKind, admin_exists, link_holds, take_link

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Invitation:
    """What allows somebody to make an account: a link of a kind, or, without one, an open server."""

    kind: LinkKind
    link: str | None


async def setup(request: Request) -> Response:
    """GET and POST the page behind the setup link, which makes the first admin."""
    return await _serve(request, "setup")


async def signup(request: Request) -> Response:
    """GET and POST the page that makes an account: for everybody, or with an invitation."""
    return await _serve(request, "invite")


async def sign_up(auth: AuthorizationServer, invitation: Invitation, name: str, password: str) -> User:
    """Make a user; the link is used up in the same transaction, and only if it succeeds.

    Raises:
        Failure: `forbidden` where nothing allows it, `invalid` for the name or the password, `conflict` for a name
            that is taken.
    """
    check_name(name)
    check_password(password)
    await _check_invitation(auth, invitation)
    password_hash = await auth.passwords.hash(password)
    now, is_setup = auth.now(), invitation.kind == "setup"
    async with auth.db.write() as connection:
        if is_setup and await admin_exists(connection):
            raise _no_invitation("setup")
        if invitation.link and not await take_link(connection, digest(invitation.link), invitation.kind, now):
            raise _no_invitation(invitation.kind)
        user = await create_user(connection, name=name, password_hash=password_hash, is_admin=is_setup, now=now)
    log.info("account made", user=user.id, is_admin=is_setup)
    return user


def check_password(password: str) -> None:
    """Check that a password can be used.

    Raises:
        Failure: `invalid`.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = f"Choose a password of {MIN_LENGTH} to {MAX_LENGTH} characters."
        raise Failure("invalid", message, field="password")


async def _check_invitation(auth: AuthorizationServer, invitation: Invitation) -> None:
    if invitation.link is None:
        if invitation.kind == "setup" or auth.settings.signup != "open":
            raise _no_invitation(invitation.kind)
        return
    if invitation.kind == "invite" and auth.settings.signup == "closed":
        raise _no_invitation("invite")
    async with auth.db.read() as connection:
        if not await link_holds(connection, digest(invitation.link), invitation.kind, auth.now()):
            raise _no_invitation(invitation.kind)


def _no_invitation(kind: LinkKind) -> Failure:
    if kind == "setup":
        return Failure(
            "forbidden",
            "This setup link does not work any more. It works once, for a day, and until the server starts anew. If "
            "nobody has set the server up yet, restart it: it prints a new link. Otherwise log in at /login.",
        )
    return Failure(
        "forbidden",
        "You need an invitation to sign up here, and each works once, within a day. Ask whoever runs this server "
        "for a new one.",
    )


async def _serve(request: Request, kind: LinkKind) -> Response:
    try:
        browser = await browser_of(request)
        if request.method == "POST":
            return await _make(request, browser, kind)
        invitation = Invitation(kind, parse(request.url.query).get("link"))
        await _check_invitation(server_of(request), invitation)
        return _form(request, browser, invitation)
    except OAuth2Error as error:
        return await problem(request, Failure("malformed", str(error.description)))
    except Failure as failure:
        return await problem(request, failure)


async def _make(request: Request, browser: Browser, kind: LinkKind) -> Response:
    auth, form = server_of(request), await read_form(request)
    check_csrf(browser, form)
    await spend(auth.db, [(SIGNUPS, address_of(request))], auth.now())
    invitation, name = Invitation(kind, form.get("link")), (form.get("username") or "").strip()
    try:
        user = await sign_up(auth, invitation, name, form.get("password") or "")
    except Failure as failure:
        if failure.field is None:
            raise
        return _form(request, browser, invitation, name=name, failure=failure)
    logged_in = await log_in(request, browser, user)
    return page(request, logged_in, "welcome.html", resource=auth.settings.resource)


def _form(
    request: Request, browser: Browser, invitation: Invitation, *, name: str = "", failure: Failure | None = None
) -> Response:
    return page(
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
