"""A proxy that adds a bearer, because the conformance suite cannot send one. Every other byte passes unchanged."""

import asyncio
import contextlib
import threading
from typing import cast

HEAD_LIMIT = 1 << 20


class BearerProxy:
    """Listens on a port of loopback, in a thread of its own, from `start()` to `stop()`."""

    def __init__(self, port: int, upstream_port: int, key: str) -> None:
        self._port = port
        self._upstream_port = upstream_port
        self._header = f"Authorization: Bearer {key}\r\nConnection: close\r\n".encode()
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
            await self._pass_on(client, back)
        finally:
            self._connections.discard(connection)
            await _close(back)

    async def _pass_on(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One request for each connection: the head with one header more, then whatever comes, both ways."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await client.readuntil(b"\r\n\r\n")
            request_line, rest = head.split(b"\r\n", 1)
            kept = b"\r\n".join(line for line in rest.split(b"\r\n") if not line.lower().startswith(b"connection:"))
            server, forth = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            upload = asyncio.create_task(_copy(client, forth))
            try:
                forth.write(request_line + b"\r\n" + self._header + kept)
                await _copy(server, back)
            finally:
                upload.cancel()
                await _close(forth)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
