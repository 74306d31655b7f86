"""The page /own-login: the password of the person who is logged in, and the browsers in which they are."""

from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.password_changes import change_password
from auth.accounts.passwords import MIN_LENGTH, check_password
from auth.hashing import hash_secret
from auth.pages.browser import Browser, check_csrf, load_browser, log_in, make_principal
from auth.pages.login import authenticate_user
from auth.pages.page import redirect_browser, render_page
from auth.pages.user_agents import name_browser
from auth.parameters import Parameters, read_form
from auth.server import get_authorization_server
from auth.texts import say
from server.errors import Failure
from server.network.retry_after import retry_after_headers
from server.store.record.people.accounts import User
from server.store.record.people.sessions import delete_own_session, delete_user_sessions, list_sessions

PATH = "/own-login"


async def serve_own_login_page(request: Request) -> Response:
    """GET the page; POST `action` to change the password, or to end the login of one browser or of all others."""
    browser = await load_browser(request)
    if browser.user is None:
        return redirect_browser(request, f"/login?next={PATH}")
    if request.method != "POST":
        return await _show(request, browser, browser.user)
    form = await read_form(request)
    check_csrf(browser, form)
    match form.get("action"):
        case "password":
            return await _change_password(request, browser, browser.user, form)
        case "end":
            await _end_session(request, browser.user, form.get("session") or "")
        case "end-others":
            await _end_others(request, browser, browser.user)
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return redirect_browser(request, PATH)


async def _show(
    request: Request, browser: Browser, user: User, *, failure: Failure | None = None, done: str | None = None
) -> Response:
    auth, own = get_authorization_server(request), hash_secret(browser.cookie)
    async with auth.db.read() as connection:
        sessions = await list_sessions(connection, user.id, auth.now())
    return render_page(
        request,
        browser,
        "own_login.html",
        status=200 if failure is None else failure.status,
        headers=retry_after_headers(failure.retry_after if failure else None),
        sessions=[(each, *name_browser(each.user_agent), each.id_hash == own) for each in sessions],
        takes_password=auth.settings.login != "upstream",
        has_password=user.password_hash is not None,
        min_length=MIN_LENGTH,
        error=None if failure is None else failure.message,
        field=None if failure is None else failure.field,
        done=done,
    )


async def _change_password(request: Request, browser: Browser, user: User, form: Parameters) -> Response:
    auth, new = get_authorization_server(request), form.get("new_password") or ""
    if auth.settings.login == "upstream":
        raise Failure("forbidden", say("This server takes no passwords. Choose a provider to log in."))
    try:
        check_password(new)
        # Throttled as a login is: whoever has a browser that is logged in does not guess the password with it.
        is_right = await authenticate_user(request, user.name, form.get("password") or "") is not None
    except Failure as failure:
        return await _show(request, browser, user, failure=failure)
    if not is_right:
        wrong = Failure("malformed", say("The old password is wrong."), field="old")
        return await _show(request, browser, user, failure=wrong)
    hashed, own = await auth.passwords.hash(new), hash_secret(browser.cookie)
    async with auth.db.write() as connection:
        await change_password(
            connection, user.id, hashed, kept_session=own, ends_sessions=form.get("end_others") is not None
        )
    await auth.acts.note(request, "set_password", make_principal(user))
    # Whoever changes the password may fear for the cookie as well: it gets a new one.
    browser = await log_in(request, browser, user)
    return await _show(request, browser, user, done=say("The password is changed."))


async def _end_session(request: Request, user: User, id_hash: str) -> None:
    """End the login of one browser of this person. Does nothing if it has ended already."""
    auth = get_authorization_server(request)
    async with auth.db.write() as connection:
        is_ended = await delete_own_session(connection, user.id, id_hash)
    if is_ended:
        await auth.acts.note(request, "end_browser_session", make_principal(user))


async def _end_others(request: Request, browser: Browser, user: User) -> None:
    auth = get_authorization_server(request)
    async with auth.db.write() as connection:
        await delete_user_sessions(connection, user.id, but=hash_secret(browser.cookie))
    await auth.acts.note(request, "end_browser_session", make_principal(user))
