"""The connections to issuers and providers. They are made when they are needed, because certificates take long."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from auth.fetching import fetch_json
from auth.issuers.discovery import IssuerState, fetch_state
from server.network.http import open_http_client
from server.network.loopback import is_proxy_allowed

#: The bounds of an answer of a provider to a code, or about a person.
MAX_ANSWER = 256 * 1024
TIMEOUTS = httpx.Timeout(5.0)


class Connections:
    """Keeps one HTTP client for servers on this machine, and one for all others. Neither follows redirects.

    Args:
        ca_file: certificates of authorities that are trusted beside the usual ones; None for those alone.
    """

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._making = asyncio.Lock()

    async def find_client(self, url: str) -> httpx.AsyncClient:
        """Return the client for a URL."""
        is_proxied = is_proxy_allowed(url)
        async with self._making:
            if is_proxied not in self._clients:
                limits = httpx.Limits(keepalive_expiry=1)  # the next fetch is minutes away
                self._clients[is_proxied] = await asyncio.to_thread(open_http_client, url, self._ca_file, limits=limits)
            return self._clients[is_proxied]

    async def fetch_state(self, issuer: str) -> IssuerState:
        """Return an issuer's metadata and keys. Raises as `auth.issuers.discovery.fetch_state`."""
        return await fetch_state(await self.find_client(issuer), issuer)

    async def fetch_answer(
        self, url: str, *, subject: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return a provider's answer, a JSON object. Raises as `auth.fetching.fetch_json`."""
        http = await self.find_client(url)
        answer, _ = await fetch_json(
            http, url, subject=subject, most_bytes=MAX_ANSWER, timeouts=TIMEOUTS, headers=headers, form=form
        )
        return answer

    async def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            await client.aclose()
