"""The page /apps: the apps that a person has connected, and the copies of each, with buttons that end them."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from auth.accounts.upstream_logins import disconnect_person
from auth.addresses import is_same_network
from auth.clients.documents import is_document_url
from auth.clients.redirects import describe_host
from auth.grants.chains import end_copy
from auth.grants.revocation import end_grant
from auth.pages.browser import Browser, check_csrf, load_browser, make_principal
from auth.pages.page import redirect_browser, render_page
from auth.parameters import read_form
from auth.server import get_authorization_server
from server.connect_commands import list_connect_steps
from server.store.record.oauth.chains import Chain, list_chains
from server.store.record.oauth.consents import forget_consents
from server.store.record.oauth.grants import Grant, list_grants, lock_grant
from server.store.record.people.accounts import User
from server.store.record.people.external_subjects import list_user_subjects


async def serve_apps_page(request: Request) -> Response:
    """GET the connected apps and providers; POST `grant`, `chain` or `subject` to end an app, a copy or a provider."""
    browser = await load_browser(request)
    if browser.user is None:
        return redirect_browser(request, "/login?next=/apps")
    if request.method != "POST":
        return await _list_apps(request, browser, browser.user)
    auth, form = get_authorization_server(request), await read_form(request)
    check_csrf(browser, form)
    if form.get("subject") is not None and auth.upstream is not None:
        await disconnect_person(auth, auth.upstream, browser.user, form.get("subject") or "")
        await auth.acts.note(request, "disconnect_provider", make_principal(browser.user))
    elif form.get("chain") is not None:
        await _end_copy(request, browser.user, form.get("chain") or "")
    else:
        await _disconnect_app(request, browser.user, form.get("grant") or "")
    return redirect_browser(request, "/apps")


async def _list_apps(request: Request, browser: Browser, user: User) -> Response:
    auth = get_authorization_server(request)
    async with auth.db.read() as connection:
        grants = await list_grants(connection, user.id, auth.now())
        chains = await list_chains(connection, user.id, auth.now())
        subjects = await list_user_subjects(connection, user.id)
    providers = [] if auth.upstream is None else list(auth.upstream.providers.values())
    names = {provider.issuer: provider.name for provider in providers}
    return render_page(
        request,
        browser,
        "apps.html",
        user=user,
        apps=[(grant, _find_client_host(grant), chains.get(grant.id, [])) for grant in grants],
        moved={chain.id for copies in chains.values() for chain in copies if _has_moved(chain)},
        resource=auth.settings.resource,
        steps=list_connect_steps(auth.settings.resource),
        has_providers=bool(providers),
        unconnected=[each for each in providers if each.issuer not in {subject.issuer for subject in subjects}],
        logins=[(names[each.issuer], each) for each in subjects if each.issuer in names],
        has_script=True,
    )


def _has_moved(chain: Chain) -> bool:
    """Whether a chain was used last from another network than at first. False if one of them is not known."""
    return chain.last_address is not None and not is_same_network(chain.first_address, chain.last_address)


def _find_client_host(grant: Grant) -> str | None:
    """Return the host of the app's client metadata document.

    None if the app has no document, or if the app's name is that host, so that the page would show it twice.
    """
    host = describe_host(grant.client_id) if is_document_url(grant.client_id) else None
    return None if host == grant.client_name else host


async def _disconnect_app(request: Request, user: User, grant_id: str) -> None:
    """End a grant of this person, and forget the consents to its app. Does nothing if the grant has ended already."""
    auth = get_authorization_server(request)
    async with auth.db.write() as connection:
        grants = {grant.id: grant for grant in await list_grants(connection, user.id, auth.now())}
        if grant_id not in grants:
            return
        await end_grant(auth, connection, grant_id, user_id=user.id)
        await forget_consents(connection, user.id, grants[grant_id].client_id)
    auth.on_revoked(grant_id)
    await auth.acts.note(request, "end_app", replace(make_principal(user), client_id=grants[grant_id].client_id))


async def _end_copy(request: Request, user: User, chain_id: str) -> None:
    """End a chain of a grant of this person; the grant ends with its last chain. Does nothing if it has ended."""
    auth = get_authorization_server(request)
    async with auth.db.write() as connection:
        chains = await list_chains(connection, user.id, auth.now())
        ended = next((chain for each in chains.values() for chain in each if chain.id == chain_id), None)
        if ended is None:
            return
        await lock_grant(connection, ended.grant_id)
        keys = await end_copy(auth, connection, user.id, ended)
        if len(chains[ended.grant_id]) == 1 and await end_grant(auth, connection, ended.grant_id, user_id=user.id):
            auth.on_revoked(ended.grant_id)
    for each in (chain_id, *keys):
        auth.on_revoked(each)
    await auth.acts.note(request, "end_copy", make_principal(user))
