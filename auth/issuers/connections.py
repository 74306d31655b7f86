"""The HTTP clients for issuers and providers. They are made when they are needed, because certificates take long."""

import asyncio
import ssl
from collections.abc import Callable

import httpx

from server.loopback import is_proxy_allowed


class Connections:
    """Keeps one HTTP client for servers on this machine, and one for all others. Neither follows redirects.

    Args:
        make_tls_context: returns the TLS context of the connections; called in a thread.
    """

    def __init__(self, make_tls_context: Callable[[], ssl.SSLContext]) -> None:
        self._make_tls_context = make_tls_context
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._making = asyncio.Lock()

    async def find_client(self, url: str) -> httpx.AsyncClient:
        """Return the client for a URL."""
        is_proxied = is_proxy_allowed(url)
        async with self._making:
            if is_proxied not in self._clients:
                context = await asyncio.to_thread(self._make_tls_context)
                limits = httpx.Limits(keepalive_expiry=1)  # the next fetch is minutes away
                self._clients[is_proxied] = httpx.AsyncClient(
                    verify=context, follow_redirects=False, trust_env=is_proxied, limits=limits
                )
            return self._clients[is_proxied]

    async def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            await client.aclose()
