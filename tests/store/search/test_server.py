"""The server engine if the server is away, refuses, or is too old."""

import socket

import httpx
import pytest
from qdrant_client import AsyncQdrantClient

from server.store.search.qdrant.server import ServerEngine
from server.store.search.seam import EngineDown, Query

pytestmark = pytest.mark.anyio

URL = "http://qdrant.test:6333"
KEY = "a-very-secret-key"


@pytest.fixture
async def answering():
    """Makes an engine whose server gives one answer to everything."""
    engines = []

    def make(answer):
        transport = httpx.MockTransport(answer)
        client = AsyncQdrantClient(url=URL, check_compatibility=False, transport=transport, headers={"api-key": KEY})
        engines.append(ServerEngine(client))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.close()


def every_verb(engine, collection, make):
    yield engine.open(collection)
    yield engine.exists(collection)
    yield engine.upsert(collection, [make.point(1)])
    yield engine.delete(collection, [make.id(1)])
    yield engine.set_payload(collection, {make.id(1): {"type": "fact"}})
    yield engine.search(collection, Query(make.vector(1), None, 1))
    yield engine.read_points(collection)
    yield engine.count(collection)
    yield engine.drop(collection)
    yield engine.ping()


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_refusal_is_engine_down_and_repeats_nothing_of_it(answering, make, status):
    engine = answering(lambda request: httpx.Response(status, text=f"no: {request.headers['api-key']}"))
    for call in every_verb(engine, make.collection(), make):
        with pytest.raises(EngineDown, match=f"refused with status {status}$") as down:
            await call
        assert down.value.__suppress_context__


async def test_too_many_requests_are_engine_down(answering, make):
    engine = answering(lambda _: httpx.Response(429, headers={"Retry-After": "3"}))
    with pytest.raises(EngineDown):
        await engine.count(make.collection())


async def test_a_server_that_is_not_there_is_engine_down(make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    engine = ServerEngine.from_url(f"http://127.0.0.1:{port}", timeout=2)
    for call in every_verb(engine, make.collection(), make):
        with pytest.raises(EngineDown, match=r"does not answer \(ConnectError\)"):
            await call
    await engine.close()


async def test_a_server_that_takes_too_long_is_engine_down(answering, make):
    def late(request):
        raise httpx.ReadTimeout(f"{URL} with {KEY}", request=request)

    with pytest.raises(EngineDown, match=r"^the Qdrant server does not answer \(ReadTimeout\)$"):
        await answering(late).count(make.collection())


async def test_an_answer_that_is_not_a_qdrant_servers_is_engine_down(answering, make):
    with pytest.raises(EngineDown):
        await answering(lambda _: httpx.Response(200, text="<html>")).count(make.collection())


@pytest.mark.parametrize("version", ["1.15.9", "0.11.0"])
async def test_a_server_without_conditional_writes_is_refused(answering, make, version):
    engine = answering(lambda _: httpx.Response(200, json={"title": "qdrant", "version": version}))
    for call in (engine.open(make.collection()), engine.ping()):
        with pytest.raises(EngineDown, match="too old"):
            await call


async def test_a_collection_that_another_process_made_first_is_not_new(answering, make):
    def answer(request):
        path, verb = request.url.path, request.method
        if path == "/":
            return httpx.Response(200, json={"title": "qdrant", "version": "1.17.0"})
        if path.endswith("/index"):
            return httpx.Response(200, json={"result": {"operation_id": 1, "status": "completed"}, "status": "ok"})
        return httpx.Response(404 if verb == "GET" else 409)

    assert not await answering(answer).open(make.collection())
