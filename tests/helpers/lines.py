"""HTTP by hand, byte for byte, and a small application to speak it to."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.web.entrance import Entrance
from server.web.open_connections import ConnectionLimits, OpenConnections
from tests.helpers.site import listen_on_loopback, serve_app

MIB = 1024 * 1024


class Line:
    """A connection."""

    def __init__(self, reader, writer, authority):
        self.reader, self.writer = reader, writer
        self.authority = authority

    def build_head(self, request="GET /", *headers):
        """The bytes of a request's head."""
        return "\r\n".join([f"{request} HTTP/1.1", f"Host: {self.authority}", *headers, "", ""]).encode()

    async def send(self, *parts):
        """Send bytes. If the server has closed the connection, the rest is not sent."""
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
        except OSError:
            pass

    async def read_answer(self) -> Any:
        """The status and the body of the next answer; None if the server closes the connection without one."""
        async with asyncio.timeout(60):
            try:
                status = (await self.reader.readline()).split()
                if not status:
                    return None
                length = 0
                while line := (await self.reader.readline()).strip():
                    name, _, value = line.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                return int(status[1]), json.loads(await self.reader.readexactly(length))
            except ConnectionResetError:
                return None

    async def has_ended(self):
        """Whether nothing follows, because the server has closed the connection."""
        async with asyncio.timeout(60):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True


@asynccontextmanager
async def open_line(url, source="127.0.0.1"):
    """A connection to a server, from an address of loopback."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
    try:
        yield Line(reader, writer, f"{host}:{port}")
    finally:
        writer.transport.abort()


class Echo:
    """A server that says how long a body was, whose connections have a clock that stands still until it is moved.

    `/held` waits until `release` is set, and `/large` is 8 MiB. `/early` is answered at once, before its body has come.
    """

    def __init__(self, limits=None, shared_addresses=("127.0.0.0/8",)):
        self._now = 0.0
        self._connections = OpenConnections(limits or ConnectionLimits(), shared_addresses, lambda: self._now)
        self.release = asyncio.Event()
        self.server: Any = None
        self.url = ""

    @asynccontextmanager
    async def run(self):
        """Serve while the block lasts."""
        listener, self.url = listen_on_loopback()
        routes = [Route("/{path:path}", self._answer, methods=["GET", "POST"])]
        async with serve_app(
            Entrance(Starlette(routes=routes), public_url=self.url), listener, self._connections
        ) as server:
            self.server = server
            yield self

    async def move(self, seconds):
        """Read what was sent, let time pass, and look who is late."""
        await self.settle()
        self._now += seconds
        self._connections.close_late()

    async def settle(self):
        """Return when the server has read every byte that was sent before: it reads in the order of arrival."""
        for _ in range(2):
            async with open_line(self.url) as line:
                await line.send(line.build_head())
                await line.read_answer()

    async def _answer(self, request: Request):
        if request.url.path == "/large":
            return Response(b" " * 8 * MIB)
        if request.url.path == "/held":
            await self.release.wait()
        body = b"" if request.url.path.endswith("/early") else await request.body()
        return JSONResponse({"length": len(body), "names": request.headers.keys()})
