"""Which client a request speaks of."""

from collections.abc import Mapping

from auth.clients.client import MAX_NAME, Client, from_row, unverified
from auth.clients.documents import UnreachableDocumentError, UnusableDocumentError, is_document_url
from auth.parameters import Parameters
from auth.redirects import host_named_by, is_on_loopback
from auth.rfc import InvalidClientError, OAuth2Error, authenticate_client, basic_client_id
from auth.server import AuthorizationServer
from auth.throttle import DOCUMENTS, count_tries
from server.store.record.oauth.clients import client_by_id


async def requesting_client(
    auth: AuthorizationServer, client_id: str, redirect_uri: str | None, address: str, *, may_fetch: bool
) -> Client | None:
    """The client of an authorization request; its document is fetched if it must be, and `may_fetch`.

    Raises:
        UnusableDocumentError: the client's document cannot be used.
        Failure: `too_many_requests` where this address made the server fetch too much.
    """
    if not is_document_url(client_id):
        return await _registered(auth, client_id)
    try:
        remembered = await auth.documents.remembered(client_id)
        if remembered is not None or not may_fetch:
            return remembered
        await count_tries(auth.db, [(DOCUMENTS, address)], auth.now())
        return await auth.documents.fetch(client_id)
    except UnreachableDocumentError:
        client = await _unreached(auth, client_id, redirect_uri)
        if client is None:
            raise
        return client


async def _unreached(auth: AuthorizationServer, url: str, redirect_uri: str | None) -> Client | None:
    """The client whose document's host cannot be reached: as it was known, or else unverified, if that may be.

    Unverified it can do no more than what anybody may register, which is why registration must be on, and its answer
    goes to the person's own machine only.
    """
    known = await auth.documents.remembered(url, however_old=True)
    if known is not None and known.is_verified:
        return known
    has_name = 0 < len(host_named_by(url)) <= MAX_NAME
    if not (auth.settings.oauth_registration and has_name and redirect_uri and is_on_loopback(redirect_uri)):
        return None
    await auth.documents.accept_unverified(url)
    return unverified(url, redirect_uri)


async def authenticated_client(auth: AuthorizationServer, form: Parameters, headers: Mapping[str, str]) -> Client:
    """The client that makes a request with a form, after it authenticated (RFC 6749, section 2.3).

    A document is not fetched again here: a client with a document has no secret, and its codes and tokens are bound
    to its id, so an outage of its host does not end anybody's session.

    Raises:
        OAuth2Error: `invalid_client`, or `invalid_request` where it names two clients.
    """
    named = {name for name in (form.get("client_id"), basic_client_id(headers)) if name}
    if len(named) > 1:
        raise InvalidClientError("Two clients are named.", status_code=401)
    client = await _known(auth, named.pop()) if named else None
    authenticate_client(client, form.to_dict(), headers)
    if client is None:
        raise InvalidClientError("The client is unknown.", status_code=401)
    return client


async def _known(auth: AuthorizationServer, client_id: str) -> Client | None:
    if not is_document_url(client_id):
        return await _registered(auth, client_id)
    try:
        return await auth.documents.remembered(client_id, however_old=True)
    except (UnusableDocumentError, OAuth2Error):
        return None


async def _registered(auth: AuthorizationServer, client_id: str) -> Client | None:
    async with auth.db.read() as connection:
        row = await client_by_id(connection, client_id)
    return None if row is None else from_row(row)
