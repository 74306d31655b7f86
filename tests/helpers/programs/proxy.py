"""A proxy on loopback that passes requests on to a server, and breaks one thing on the way."""

from contextlib import asynccontextmanager

import httpx
from starlette.requests import Request
from starlette.responses import Response

from server.web.open_connections import ConnectionLimits, OpenConnections
from tests.helpers.site import NO_TLS, PATIENCE, listen_on_loopback, serve_app

#: Headers that hold for one connection, or that the next one computes.
_OWN = {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}


class Fault:
    """What a proxy does to the requests and answers that it passes on: nothing, unless a test says so."""

    def change_request(self, _request: Request, _headers: dict[str, str]) -> Response | None:
        """Change the headers of a request; or the answer of the proxy itself."""
        return None

    def change_answer(self, _path: str, _headers: list[tuple[str, str]], body: bytes) -> bytes:
        """Change the headers of an answer; its body."""
        return body


class Proxy:
    """The proxy. `upstream` is the URL of the server behind it, and `fault` what it breaks."""

    def __init__(self):
        self.upstream = ""
        self.fault = Fault()
        self.seen: list[str] = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._live(receive, send)
            return
        request = Request(scope, receive)
        self.seen.append(request.url.path)
        headers = {name: value for name, value in request.headers.items() if name not in _OWN}
        response = self.fault.change_request(request, headers) or await self._pass_on(request, headers)
        await response(scope, receive, send)

    async def _pass_on(self, request, headers):
        async with httpx.AsyncClient(verify=NO_TLS, timeout=PATIENCE) as http:
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            content = await request.body()
            answer = await http.request(request.method, f"{self.upstream}{path}", headers=headers, content=content)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in _OWN]
        body = self.fault.change_answer(request.url.path, kept, answer.content)
        response = Response(body, answer.status_code)
        response.raw_headers += [(name.encode(), value.encode()) for name, value in kept]
        return response

    async def _live(self, receive, send):
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


@asynccontextmanager
async def open_proxy():
    """A proxy that runs, and its URL, for as long as the block lasts."""
    listener, url = listen_on_loopback()
    proxy = Proxy()
    async with serve_app(proxy, listener, OpenConnections(ConnectionLimits())):
        yield proxy, url
