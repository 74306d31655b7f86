"""The transport of the Qdrant client: its requests are carried by aiohttp.

The client's own transport, httpx's, spends a millisecond of processor time on each request, and opens a connection for
each one to this machine. A recall asks twice. aiohttp parses in C, and keeps connections.
"""

import ssl

import aiohttp
import httpx

KEEP_ALIVE_SECONDS = 4
"""A connection is used again for so long: less than the five seconds after which a Qdrant server closes it."""
_NOT_SENT = frozenset({"accept-encoding", "connection", "content-length"})
_NOT_ADDED = ("Accept-Encoding", "User-Agent")


class AioTransport(httpx.AsyncBaseTransport):
    """Carries requests over connections that are kept. An answer is read whole, and is not compressed.

    Args:
        tls: the authorities that may have signed the server's certificate; None for the usual ones.
        may_use_proxy: whether a proxy that the environment names may carry the requests.
    """

    def __init__(self, tls: ssl.SSLContext | None, *, may_use_proxy: bool) -> None:
        self._tls = tls
        self._may_use_proxy = may_use_proxy
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its answer.

        Raises:
            httpx.TransportError: there is no answer. The class names the reason.
        """
        try:
            try:
                return await self._send(request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                # The server closed the connection just when it was used again. The engine may send any request twice.
                return await self._send(request)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time", request=request) from None
        except aiohttp.ClientConnectorError:
            raise httpx.ConnectError("no connection", request=request) from None
        except aiohttp.ClientError as error:
            raise httpx.ReadError(type(error).__name__, request=request) from None

    async def _send(self, request: httpx.Request) -> httpx.Response:
        session = self._session or self._open_session(request.url.scheme)
        seconds: float | None = request.extensions.get("timeout", {}).get("read")
        headers = [(name, value) for name, value in request.headers.items() if name not in _NOT_SENT]
        async with session.request(
            request.method,
            str(request.url),
            data=request.content or None,
            headers=headers,
            skip_auto_headers=_NOT_ADDED,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as answer:
            body = await answer.read()
        return httpx.Response(answer.status, headers=answer.raw_headers, content=body)

    def _open_session(self, scheme: str) -> aiohttp.ClientSession:
        tls = (self._tls or httpx.create_ssl_context()) if scheme == "https" else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, keepalive_timeout=KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=self._may_use_proxy,
        )
        return self._session

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
