"""The look-up of the client that sent a request."""

from collections.abc import Mapping

from auth.clients.client import MAX_NAME, Client, client_from_row
from auth.clients.documents import UnreachableDocumentError, UnusableDocumentError, is_document_url
from auth.clients.redirects import describe_host, is_http_on_loopback
from auth.parameters import Parameters
from auth.rfc import InvalidClientError, OAuth2Error, authenticate_client, read_basic_client_id
from auth.server import AuthorizationServer
from auth.throttle import DOCUMENTS, count_tries
from server.store.record.oauth.clients import get_client


async def find_requesting_client(
    auth: AuthorizationServer, client_id: str, redirect_uri: str | None, address: str, *, may_fetch: bool
) -> Client | None:
    """Return the client of an authorization request, or None if it is not known.

    The client's document is fetched if it is needed and `may_fetch` is true.

    Raises:
        UnusableDocumentError: the client's document cannot be used.
        Failure: `too_many_requests` if this address made the server fetch too many documents.
    """
    if not is_document_url(client_id):
        return await _find_registered_client(auth, client_id)
    try:
        client = await auth.documents.find_fresh_client(client_id)
        if client is not None or not may_fetch:
            return client
        await count_tries(auth.db, [(DOCUMENTS, address)], auth.now())
        return await auth.documents.fetch_client(client_id)
    except UnreachableDocumentError:
        client = await _find_unreachable_client(auth, client_id, redirect_uri)
        if client is None:
            raise
        return client


async def _find_unreachable_client(auth: AuthorizationServer, url: str, redirect_uri: str | None) -> Client | None:
    """Return the client of a document whose host cannot be reached; None if it must be refused.

    It is the client of an earlier document if there was one, else an unverified client. An unverified client may do
    no more than a client that anybody registers: registration must be on, and its answers go to the person's own
    machine only.
    """
    earlier = await auth.documents.find_known_client(url)
    if earlier is not None and earlier.is_verified:
        return earlier
    has_name = 0 < len(describe_host(url)) <= MAX_NAME
    if not (auth.settings.allows_registration and has_name and redirect_uri and is_http_on_loopback(redirect_uri)):
        return None
    return await auth.documents.accept_unverified(url, redirect_uri)


async def find_authenticated_client(
    auth: AuthorizationServer, form: Parameters, headers: Mapping[str, str], *, fetching_address: str | None = None
) -> Client:
    """Return the client that sent a form, after it has authenticated (RFC 6749, section 2.3).

    A document is not fetched again here: a client with a document has no secret, and its codes and tokens are bound
    to its id, so an outage of its host does not end anybody's session. Only a client that may come here first has its
    document fetched; `fetching_address` is the address that the fetch is counted for.

    Raises:
        OAuth2Error: `invalid_client`; `invalid_request` if a parameter is repeated.
    """
    client_ids = {client_id for client_id in (form.get("client_id"), read_basic_client_id(headers)) if client_id}
    if len(client_ids) > 1:
        raise InvalidClientError("Two clients are named.", status_code=401)
    client = await _find_known_client(auth, client_ids.pop(), fetching_address) if client_ids else None
    authenticate_client(client, form.to_dict(), headers)
    if client is None:
        raise InvalidClientError("The client is unknown.", status_code=401)
    return client


async def _find_known_client(auth: AuthorizationServer, client_id: str, fetching_address: str | None) -> Client | None:
    if not is_document_url(client_id):
        return await _find_registered_client(auth, client_id)
    try:
        known = await auth.documents.find_known_client(client_id)
        if known is not None or fetching_address is None:
            return known
        return await find_requesting_client(auth, client_id, None, fetching_address, may_fetch=True)
    except (OAuth2Error, UnusableDocumentError):
        return None


async def _find_registered_client(auth: AuthorizationServer, client_id: str) -> Client | None:
    async with auth.db.read() as connection:
        row = await get_client(connection, client_id)
    return None if row is None else client_from_row(row)
