"""Client metadata documents: a client's id is an https URL, and what stands there says who it is.

Whoever starts a login makes this server fetch a URL of their choice. So the fetch goes to global addresses
only, to the very address that was looked at, without redirects, with a few seconds and a few kilobytes to spend.
"""

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import anyio
import anyio.to_thread
import httpx

from auth.clients.client import Client, from_document, unverified
from auth.rfc import OAuth2Error
from server.config import is_loopback
from server.store.db import Database
from server.store.record.oauth.documents import DocumentRow, document_of, upsert_document

MAX_URL = 512
MAX_BYTES = 16 * 1024
TIMEOUT_SECONDS = 5.0
SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(hours=24)
FAILED_FOR = timedelta(minutes=1)
#: How much of the time may go into looking the host up, and as much again into connecting to it.
REACHED_WITHIN = 0.4
#: The failure that is remembered where the host was not reached; `remembered` knows it by this text.
UNREACHABLE = "This server could not reach that address. An API key works without it."
#: Kept for a client that was accepted unverified. A document that was fetched names its own address, so none is empty.
_UNVERIFIED: dict[str, Any] = {}

#: Networks in which an IPv4 address hides: NAT64, 6to4 and Teredo.
_TUNNELS = tuple(ipaddress.ip_network(cidr) for cidr in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))

Resolver = Callable[[str, int], Awaitable[list[str]]]


class UnusableDocumentError(Exception):
    """A document cannot be used; the message says why, for the person who is shown it."""


class UnreachableDocumentError(UnusableDocumentError):
    """The document's host could not be looked up or connected to, which says nothing about the client."""

    def __init__(self) -> None:
        super().__init__(UNREACHABLE)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, from the system's resolver."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_document_url(client_id: str) -> bool:
    """Whether a client id claims to be the address of a document."""
    return client_id.startswith(("https://", "http://"))


class ClientDocuments:
    """Fetches documents and remembers them in SQL, and the failures too. One per process."""

    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], datetime],
        allow_local: bool,
        resolver: Resolver = resolve,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._db = db
        self._now = now
        self._allow_local = allow_local
        self._resolve = resolver
        self._timeout = timeout

    async def remembered(self, url: str, *, however_old: bool = False) -> Client | None:
        """The client whose document was fetched before and is still fresh, or was ever fetched.

        However old, it can also be one that was accepted unverified.

        Raises:
            UnusableDocumentError: a fetch failed a moment ago; UnreachableDocumentError where it was for the network.
        """
        async with self._db.read() as connection:
            row = await document_of(connection, url)
        if row is None or (row.expires_at <= self._now() and not however_old):
            return None
        if row.failure is not None and not however_old:
            raise UnreachableDocumentError if row.failure == UNREACHABLE else UnusableDocumentError(row.failure)
        if row.document is None:
            return None
        return unverified(url) if row.document == _UNVERIFIED else from_document(url, row.document)

    async def fetch(self, url: str) -> Client:
        """The client whose document stands at the URL.

        Raises:
            UnusableDocumentError: it cannot be fetched, or it is not what such a document must be;
                UnreachableDocumentError where its host could not be reached.
        """
        try:
            document, lifetime = await self._get(url)
            client = from_document(url, document)
        except UnusableDocumentError as error:
            await self._remember(DocumentRow(url, None, str(error), self._now() + FAILED_FOR))
            raise
        except OAuth2Error as error:
            failure = str(error.description)
            await self._remember(DocumentRow(url, None, failure, self._now() + FAILED_FOR))
            raise UnusableDocumentError(failure) from None
        await self._remember(DocumentRow(url, document, None, self._now() + lifetime))
        return client

    async def accept_unverified(self, url: str) -> None:
        """Let the token endpoint know a client that was not reached; a document that was fetched stays.

        The next fetch is not put off by it.
        """
        async with self._db.write() as connection:
            row = await document_of(connection, url)
            if row is None or row.document is None:
                expires_at = self._now() + FAILED_FOR if row is None else row.expires_at
                await upsert_document(connection, DocumentRow(url, _UNVERIFIED, UNREACHABLE, expires_at))

    async def _remember(self, row: DocumentRow) -> None:
        if len(row.url) <= MAX_URL:
            async with self._db.write() as connection:
                await upsert_document(connection, row)

    async def _get(self, url: str) -> tuple[dict[str, Any], timedelta]:
        parts = self._checked_url(url)
        http = await anyio.to_thread.run_sync(_client)
        try:
            async with http:
                with anyio.fail_after(self._timeout):
                    address = await self._checked_address(parts)
                    return await self._request(http, parts, address)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise UnreachableDocumentError from None
        except TimeoutError:
            raise UnusableDocumentError("The document did not arrive in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise UnusableDocumentError("The document cannot be fetched.") from None

    def _checked_url(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            _ = parts.port  # reading it is what checks it
        except ValueError:
            raise UnusableDocumentError("The address of the document is malformed.") from None
        host = parts.hostname or ""
        is_local = self._allow_local and parts.scheme == "http" and is_loopback(host)
        dots = any(segment in {".", ".."} for segment in parts.path.split("/"))
        written_well = (
            url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}#') and "@" not in parts.netloc
        )
        if not (parts.scheme == "https" or is_local) or not host or parts.path in {"", "/"} or dots or not written_well:
            raise UnusableDocumentError("The address of the document must be an https URL with a path.")
        if len(url) > MAX_URL:
            raise UnusableDocumentError(f"The address of the document is longer than {MAX_URL} characters.")
        return parts

    async def _checked_address(self, parts: SplitResult) -> str:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with anyio.fail_after(self._timeout * REACHED_WITHIN):
                addresses = await self._resolve(host, port)
        except OSError:  # a TimeoutError is one too
            raise UnreachableDocumentError from None
        local = self._allow_local and parts.scheme == "http"
        if not addresses or not all(is_global(address) or (local and is_loopback(address)) for address in addresses):
            raise UnusableDocumentError("The document does not lie on a public address.")
        return addresses[0]

    async def _request(
        self, http: httpx.AsyncClient, parts: SplitResult, address: str
    ) -> tuple[dict[str, Any], timedelta]:
        host = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        target = parts._replace(netloc=f"{host}{port}").geturl()
        headers = {"host": parts.netloc, "accept": "application/json", "accept-encoding": "identity"}
        # Connected to the address that was checked, while TLS is held against the name that was asked for.
        extensions = {"sni_hostname": parts.hostname or ""}
        timeout = httpx.Timeout(self._timeout, connect=self._timeout * REACHED_WITHIN)
        async with http.stream("GET", target, headers=headers, extensions=extensions, timeout=timeout) as response:
            kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
            if response.status_code != HTTPStatus.OK:
                raise UnusableDocumentError(f"The document's server answered {response.status_code} instead of 200.")
            if kind != "application/json" and not kind.endswith("+json"):
                raise UnusableDocumentError("The document is not served as application/json.")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise UnusableDocumentError(f"The document is larger than {MAX_BYTES} bytes.")
            return _parsed(bytes(body)), lifetime_of(response.headers.get("cache-control", ""))


def _client() -> httpx.AsyncClient:
    """What one fetch is made with. It reads certificates, so it belongs to a thread."""
    # Proxies of the environment would connect to an address that nobody checked.
    return httpx.AsyncClient(follow_redirects=False, trust_env=False)


def is_global(address: str) -> bool:
    """Whether an address is on the public internet, and not a way around to one that is not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        return is_global(str(mapped))
    tunnelled = ip.version == 6 and any(ip in network for network in _TUNNELS)  # noqa: PLR2004 - IPv6
    return ip.is_global and not ip.is_multicast and not tunnelled


def lifetime_of(cache_control: str) -> timedelta:
    """How long an answer may be remembered, within our bounds (RFC 9111)."""
    pairs = (part.strip().lower().partition("=") for part in cache_control.split(","))
    directives = {name: value for name, _, value in pairs}
    if "no-store" in directives or "no-cache" in directives:
        return SHORTEST
    age = directives.get("max-age", "").strip('"')
    seconds = int(age) if age.isdecimal() and len(age) < 10 else 0  # noqa: PLR2004 - more digits are longer than LONGEST anyway
    return min(max(timedelta(seconds=seconds), SHORTEST), LONGEST)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise UnusableDocumentError("The document is not JSON.") from None
    if not isinstance(document, dict):
        raise UnusableDocumentError("The document is not a JSON object.")
    return cast("dict[str, Any]", document)
