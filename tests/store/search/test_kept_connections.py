"""The connections to a Qdrant server are kept."""

import asyncio
import contextlib

import pytest

from server.store.search.qdrant.server import ServerEngine

pytestmark = pytest.mark.anyio

COUNT = b'{"result": {"count": 3}, "status": "ok", "time": 0.0}'


class Answering:
    """A server of three points. After so many answers it closes a connection in place of the next answer."""

    def __init__(self, answers_each=1_000):
        self.answers_each = answers_each
        self.connections = 0
        self.heads = []

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            for _ in range(self.answers_each):
                await self._read_request(reader)
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(COUNT)}\r\n\r\n"
                writer.write(head.encode() + COUNT)
                await writer.drain()
            await self._read_request(reader)
        writer.close()

    async def _read_request(self, reader):
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        length = next(line for line in self.heads[-1].splitlines() if line.startswith("content-length"))
        await reader.readexactly(int(length.split(":")[1]))


@pytest.fixture
async def engine_of():
    """Makes the engine of a server."""
    opened = []

    async def make(answering):
        server = await asyncio.start_server(answering.serve, "127.0.0.1", 0)
        engine = ServerEngine.from_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=60)
        opened.append((server, engine))
        return engine

    yield make
    for server, engine in opened:
        await engine.close()
        server.close()
        await server.wait_closed()


async def test_requests_one_after_the_other_have_one_connection(engine_of, make):
    answering = Answering()
    engine = await engine_of(answering)
    assert [await engine.count_points(make.collection()) for _ in range(5)] == [3] * 5
    assert answering.connections == 1
