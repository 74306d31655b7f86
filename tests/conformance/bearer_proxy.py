"""A proxy that adds a bearer, because the conformance suite cannot send one. Every other byte passes unchanged."""

import asyncio
import contextlib
import re
import threading
from typing import cast

HEAD_LIMIT = 1 << 20


class BearerProxy:
    """Listens on a port of loopback, in a thread of its own, from `start()` to `stop()`."""

    def __init__(self, port: int, upstream_port: int, key: str) -> None:
        self._port = port
        self._upstream_port = upstream_port
        self._header = f"Authorization: Bearer {key}\r\n".encode()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._done = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to listen; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns when it has."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._handle, "127.0.0.1", self._port, limit=HEAD_LIMIT):
            await self._done.wait()
        open_ones = list(self._connections)
        for connection in open_ones:
            connection.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)

    async def _handle(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        connection = cast("asyncio.Task[None]", asyncio.current_task())
        self._connections.add(connection)
        try:
            with contextlib.suppress(ConnectionError):
                await self._pass_on(client, back)
        finally:
            self._connections.discard(connection)
            await _close(back)

    async def _pass_on(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Request after request, each head with one header more; what the server sends goes back as it comes.

        The connection stays open between requests. Node's client fails an assertion of its own where an answer says
        `Connection: close` and ends while nobody reads its body.
        """
        server, forth = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        requests = asyncio.create_task(self._requests(client, forth))
        answers = asyncio.create_task(_copy(server, back))
        try:
            await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
        finally:
            requests.cancel()
            answers.cancel()
            await _close(forth)

    async def _requests(self, client: asyncio.StreamReader, forth: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request_line, rest = (await client.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)
                length = re.search(rb"(?i)^content-length: *(\d+)", rest, re.MULTILINE)
                body = await client.readexactly(int(length.group(1))) if length else b""
                forth.write(request_line + b"\r\n" + self._header + rest + body)
                await forth.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
