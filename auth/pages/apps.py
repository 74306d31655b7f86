"""The page /apps: which apps a person has connected, and the button that ends it."""

from starlette.requests import Request
from starlette.responses import Response

from auth.clients.documents import is_document_url
from auth.grants.revoke import end_grant
from auth.pages.browser import Browser, browser_of, check_csrf
from auth.pages.page import page, problem, redirect
from auth.parameters import read_form
from auth.redirects import host_named_by
from auth.rfc import OAuth2Error
from auth.server import server_of
from server.errors import Failure
from server.store.record.oauth.clients import forget_consents
from server.store.record.oauth.grants import Grant, list_grants
from server.store.record.people.accounts import User


async def apps(request: Request) -> Response:
    """GET the connected apps; POST `grant` to disconnect one."""
    browser = await browser_of(request)
    if browser.user is None:
        return redirect(request, "/login?next=/apps")
    if request.method != "POST":
        return await _list(request, browser, browser.user)
    try:
        form = await read_form(request)
        check_csrf(browser, form)
        await _disconnect(request, browser.user, form.get("grant") or "")
    except OAuth2Error as error:
        return await problem(request, Failure("malformed", str(error.description)))
    except Failure as failure:
        return await problem(request, failure)
    return redirect(request, "/apps")


async def _list(request: Request, browser: Browser, user: User) -> Response:
    auth = server_of(request)
    async with auth.db.read() as connection:
        grants = await list_grants(connection, user.id, auth.now())
    return page(
        request,
        browser,
        "apps.html",
        user=user,
        apps=[(grant, _host(grant)) for grant in grants],
        resource=auth.settings.resource,
    )


def _host(grant: Grant) -> str | None:
    """The host that describes the app; None where it does not, or where the app is called like it anyway."""
    host = host_named_by(grant.client_id) if is_document_url(grant.client_id) else None
    return None if host == grant.client_name else host


async def _disconnect(request: Request, user: User, grant_id: str) -> None:
    """End a grant of this person, and ask again when its app comes back. Nothing where it had ended."""
    auth = server_of(request)
    async with auth.db.write() as connection:
        grants = {grant.id: grant for grant in await list_grants(connection, user.id, auth.now())}
        if grant_id not in grants:
            return
        await end_grant(auth, connection, grant_id, user_id=user.id)
        await forget_consents(connection, user.id, grants[grant_id].client_id)
    auth.on_revoked(grant_id)
