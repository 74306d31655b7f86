"""Client metadata documents: a client's id is an https URL, and the document there describes the client.

Anybody who starts a login makes this server fetch a URL of their choice. Therefore the fetch connects to public
addresses only, to the very address that was checked, without redirects, and within a few seconds and kilobytes.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import anyio
import anyio.to_thread
import httpx

from auth.clients.client import Client, client_from_document, make_unverified_client
from auth.fetching import UnusableAnswerError, fetch_json
from auth.rfc import OAuth2Error
from server.clock import Clock
from server.network.loopback import is_loopback
from server.network.tls import make_tls_context
from server.store.db import Database
from server.store.record.oauth.documents import DocumentRow, find_document, upsert_document

MAX_URL = 512
MAX_BYTES = 16 * 1024
TIMEOUT_SECONDS = 5.0
FAILURE_LIFETIME = timedelta(minutes=1)
#: The most characters of a failure that are stored: it can name a field of the document, of any length.
MAX_FAILURE = 300
#: The share of the timeout that the look-up of the host may take, and as much again the connection to it.
CONNECT_SHARE = 0.4
#: The failure that is stored if the host was not reached. `find_fresh_client` recognises it by this text.
UNREACHABLE = "This server could not reach that address. An API key works without it."
#: Stored for a client that was accepted unverified. No fetched document is empty, because each names its own address.
_UNVERIFIED: dict[str, Any] = {}

#: The part of IPv6 whose addresses are given to hosts. Addresses that contain an IPv4 address (mapped, translated) and
#: those of one site are outside of it.
_IPV6_UNICAST = ipaddress.ip_network("2000::/3")
#: Networks that count as global, and are not: tunnels (Teredo and 6to4, and the relays of 6to4) and documentation.
_RESERVED = tuple(ipaddress.ip_network(cidr) for cidr in ("2001::/23", "2002::/16", "3fff::/20", "192.88.99.0/24"))

Resolver = Callable[[str, int], Awaitable[list[str]]]


class UnusableDocumentError(Exception):
    """A document cannot be used. The message says why, and is shown to the person."""


class UnreachableDocumentError(UnusableDocumentError):
    """The document's host could not be looked up or connected to, which proves nothing about the client."""

    def __init__(self) -> None:
        super().__init__(UNREACHABLE)


async def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, from the system's resolver."""
    entries = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in entries]


def is_document_url(client_id: str) -> bool:
    """Whether a client id claims to be the address of a document."""
    return client_id.startswith(("https://", "http://"))


class ClientDocuments:
    """Fetches documents, and stores them and the failures in SQL. One per process.

    Args:
        db: the record.
        now: the clock.
        grant_types: the grant types of this server, which a document may name.
        allows_local: whether documents may be on loopback addresses, over http; for tests.
        resolver: returns the addresses of a host and port.
        timeout: the seconds that one fetch may take.
        ca_file: certificates of authorities that are trusted beside the usual ones; None for those alone.
    """

    def __init__(
        self,
        *,
        db: Database,
        now: Clock,
        grant_types: Sequence[str],
        allows_local: bool,
        resolver: Resolver = resolve_host,
        timeout: float = TIMEOUT_SECONDS,
        ca_file: Path | None = None,
    ) -> None:
        self._db = db
        self._now = now
        self._grant_types = grant_types
        self._allows_local = allows_local
        self._resolve = resolver
        self._timeout = timeout
        self._ca_file = ca_file

    async def find_fresh_client(self, url: str) -> Client | None:
        """Return the client whose document was fetched before and has not expired; None if it must be fetched.

        Raises:
            UnusableDocumentError: a fetch failed a moment ago; UnreachableDocumentError if its host was not reached.
        """
        row = await self._read_row(url)
        if row is None or row.expires_at <= self._now():
            return None
        if row.failure is not None:
            raise UnreachableDocumentError if row.failure == UNREACHABLE else UnusableDocumentError(row.failure)
        return self._client_from_row(row)

    async def find_known_client(self, url: str) -> Client | None:
        """Return the client whose document was ever fetched, or that was accepted unverified; else None."""
        row = await self._read_row(url)
        return None if row is None else self._client_from_row(row)

    async def fetch_client(self, url: str) -> Client:
        """Fetch the document at the URL, store it, and return its client.

        Raises:
            UnusableDocumentError: the document cannot be fetched, or does not describe a client;
                UnreachableDocumentError if its host could not be reached.
        """
        try:
            document, lifetime = await self._fetch_document(url)
            client = client_from_document(url, document, self._grant_types)
        except UnusableDocumentError as error:
            await self._store_failure(url, str(error))
            raise
        except OAuth2Error as error:
            failure = str(error.description)
            await self._store_failure(url, failure)
            raise UnusableDocumentError(failure) from None
        await self._store_row(DocumentRow(url, document, None, self._now() + lifetime))
        return client

    async def accept_unverified(self, url: str, redirect_uri: str) -> Client:
        """Return an unverified client, and store it so that the token endpoint knows it.

        A document that was fetched earlier is kept, and the next fetch is not delayed.
        """
        async with self._db.write() as connection:
            row = await find_document(connection, url)
            if row is None or row.document is None:
                expires_at = self._now() + FAILURE_LIFETIME if row is None else row.expires_at
                await upsert_document(connection, DocumentRow(url, _UNVERIFIED, UNREACHABLE, expires_at))
        return make_unverified_client(url, [redirect_uri], self._grant_types)

    def _client_from_row(self, row: DocumentRow) -> Client | None:
        if row.document is None:
            return None
        if row.document == _UNVERIFIED:
            return make_unverified_client(row.url, [], self._grant_types)
        return client_from_document(row.url, row.document, self._grant_types)

    async def _read_row(self, url: str) -> DocumentRow | None:
        async with self._db.read() as connection:
            return await find_document(connection, url)

    async def _store_failure(self, url: str, failure: str) -> None:
        await self._store_row(DocumentRow(url, None, failure[:MAX_FAILURE], self._now() + FAILURE_LIFETIME))

    async def _store_row(self, row: DocumentRow) -> None:
        if len(row.url) <= MAX_URL:
            async with self._db.write() as connection:
                await upsert_document(connection, row)

    async def _fetch_document(self, url: str) -> tuple[dict[str, Any], timedelta]:
        parts = self._parse_url(url)
        http = await anyio.to_thread.run_sync(_make_http_client, self._ca_file)
        try:
            async with http:
                end = anyio.current_time() + self._timeout
                address = await self._resolve_address(parts)  # it has a bound of its own, and another error
                with anyio.fail_after(end - anyio.current_time()):
                    return await self._send_request(http, parts, address)
        except UnusableAnswerError as error:
            raise UnusableDocumentError(str(error)) from None
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise UnreachableDocumentError from None
        except TimeoutError:
            raise UnusableDocumentError("The document did not arrive in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise UnusableDocumentError("The document cannot be fetched.") from None

    def _parse_url(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            _ = parts.port  # reading the port checks it
        except ValueError:
            raise UnusableDocumentError("The address of the document is malformed.") from None
        host = parts.hostname or ""
        is_local = self._allows_local and parts.scheme == "http" and is_loopback(host)
        has_dots = any(segment in {".", ".."} for segment in parts.path.split("/"))
        is_well_written = (
            url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}#') and "@" not in parts.netloc
        )
        if (
            not (parts.scheme == "https" or is_local)
            or not host
            or parts.path in {"", "/"}
            or has_dots
            or not is_well_written
        ):
            raise UnusableDocumentError("The address of the document must be an https URL with a path.")
        if len(url) > MAX_URL:
            raise UnusableDocumentError(f"The address of the document is longer than {MAX_URL} characters.")
        return parts

    async def _resolve_address(self, parts: SplitResult) -> str:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with anyio.fail_after(self._timeout * CONNECT_SHARE):
                addresses = await self._resolve(host, port)
        except OSError:  # a TimeoutError is an OSError, too
            raise UnreachableDocumentError from None
        allows_loopback = self._allows_local and parts.scheme == "http"
        if not addresses or not all(
            is_public_address(address) or (allows_loopback and is_loopback(address)) for address in addresses
        ):
            # The same answer as for a name that does not exist: else anybody could ask which internal names do.
            raise UnreachableDocumentError
        return addresses[0]

    async def _send_request(
        self, http: httpx.AsyncClient, parts: SplitResult, address: str
    ) -> tuple[dict[str, Any], timedelta]:
        host = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        target = parts._replace(netloc=f"{host}{port}").geturl()
        # The connection goes to the address that was checked; TLS is verified against the name in the URL.
        extensions = {"sni_hostname": parts.hostname or ""}
        timeouts = httpx.Timeout(self._timeout, connect=self._timeout * CONNECT_SHARE)
        return await fetch_json(
            http,
            target,
            subject="document",
            most_bytes=MAX_BYTES,
            timeouts=timeouts,
            headers={"host": parts.netloc},
            extensions=extensions,
        )


def _make_http_client(ca_file: Path | None) -> httpx.AsyncClient:
    """Return an HTTP client for one fetch. It reads certificates from disk, so call this in a thread."""
    # A proxy named by the environment would connect to an address that nobody checked, so the environment is ignored.
    return httpx.AsyncClient(verify=make_tls_context(ca_file), follow_redirects=False, trust_env=False)


def is_public_address(address: str) -> bool:
    """Whether an address is on the public internet, and does not stand for another address that is not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    is_unicast = ip.version == 4 or ip in _IPV6_UNICAST  # noqa: PLR2004 - IPv4
    return ip.is_global and is_unicast and not ip.is_multicast and not any(ip in network for network in _RESERVED)
