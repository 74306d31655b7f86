"""The server engine if the server is away, refuses, or is too old."""

import json
import socket
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from qdrant_client import AsyncQdrantClient

from server.config import Settings
from server.store.search.qdrant.options import CollectionOptions
from server.store.search.qdrant.server import ServerEngine
from server.store.search.seam import EngineDown, Query, SparseVector, WritesRefused
from server.wiring.stores import build_engine
from tests.helpers.logins.local_ca import serve_https

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
    yield engine.open_collection(collection)
    yield engine.has_collection(collection)
    yield engine.upsert_points(collection, [make.point(1)])
    yield engine.delete_points(collection, [make.id(1)])
    yield engine.set_payload(collection, {make.id(1): {"type": "fact"}})
    yield engine.search_points(collection, Query(make.vector(1), None, 1))
    yield engine.read_points(collection)
    yield engine.count_points(collection)
    yield engine.drop_collection(collection)
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
        await engine.count_points(make.collection())


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
        await answering(late).count_points(make.collection())
    with pytest.raises(WritesRefused, match=r"^the Qdrant server does not answer \(ReadTimeout\)$"):
        await answering(late).delete_points(make.collection(), [make.id(1)])


async def test_an_answer_that_is_not_a_qdrant_servers_is_engine_down(answering, make):
    with pytest.raises(EngineDown):
        await answering(lambda _: httpx.Response(200, text="<html>")).count_points(make.collection())


async def test_points_that_get_the_same_are_one_operation(answering, make):
    sent = []

    def answer(request):
        sent.append(json.loads(request.content)["operations"])
        return httpx.Response(200, json={"result": [], "status": "ok", "time": 0.0})

    patches = {make.id(n): {"access_count": 1 + n // 90} for n in range(100)}
    await answering(answer).set_payload(make.collection(), patches)
    (operations,) = sent
    assert [len(one["set_payload"]["filter"]["must"][0]["has_id"]) for one in operations] == [90, 10]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"result": null}',
        b'{"result": [{}]}',
        b'{"result": [{"points": null}]}',
        b'{"result": [{"points": [{"id": "a"}]}]}',
        b'{"result": [{"points": [7]}]}',
        b'{"result": [{"points": []}, {"points": []}]}',
    ],
)
async def test_an_answer_to_a_search_that_is_not_a_qdrant_servers_is_engine_down(answering, make, body):
    engine = answering(lambda _: httpx.Response(200, content=body))
    with pytest.raises(EngineDown):
        await engine.search_points(make.collection(), Query(None, SparseVector([7], [1.0]), 1))
    with pytest.raises(EngineDown):
        await engine.read_rarities(make.collection(), [7])


@pytest.mark.parametrize("version", ["1.15.9", "0.11.0"])
async def test_a_server_without_conditional_writes_is_refused(answering, make, version):
    engine = answering(lambda _: httpx.Response(200, json={"title": "qdrant", "version": version}))
    for call in (engine.open_collection(make.collection()), engine.ping()):
        with pytest.raises(EngineDown, match="too old"):
            await call


@pytest.mark.parametrize(
    "result", [None, [{"operation_id": 1, "status": "wait_timeout"}], [{"operation_id": 1}], ["completed"]]
)
async def test_a_write_that_the_server_did_not_apply_is_engine_down_although_the_answer_is_200(answering, make, result):
    engine = answering(lambda _: httpx.Response(200, json={"result": result, "status": {"error": "no"}, "time": 0.0}))
    with pytest.raises(EngineDown):
        await engine.upsert_points(make.collection(), [make.point(1)])


async def test_a_collection_that_another_process_made_first_is_not_new(answering, make):
    def answer(request):
        path, verb = request.url.path, request.method
        if path == "/":
            return httpx.Response(200, json={"title": "qdrant", "version": "1.17.0"})
        if path.endswith("/index"):
            return httpx.Response(200, json={"result": {"operation_id": 1, "status": "completed"}, "status": "ok"})
        return httpx.Response(404 if verb == "GET" else 409)

    assert not await answering(answer).open_collection(make.collection())


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "Forbidden: the API key is read-only"),
        (500, "Service internal error: No space left on device: WAL buffer size exceeds available disk space"),
        (400, "Format error in JSON body: unknown field `update_filter`"),
    ],
)
async def test_a_server_that_reads_and_does_not_write_goes_on_answering_searches(answering, make, status, reason):
    def answer(request):
        if request.url.path.endswith("/query/batch"):
            return httpx.Response(200, json={"result": [{"points": []}] * 2, "status": "ok", "time": 0.0})
        return httpx.Response(status, json={"status": {"error": reason}, "time": 0.0})

    engine = answering(answer)
    with pytest.raises(WritesRefused, match=f"refused with status {status}$"):
        await engine.upsert_points(make.collection(), [make.point(1)])
    found = await engine.search_points(make.collection(), Query(make.vector(1), None, 1))
    assert (found.dense, found.text) == ([], [])


@pytest.mark.parametrize("version", ["", "unknown", "v1", "2.x"])
async def test_a_server_that_tells_no_version_is_engine_down(answering, make, version):
    engine = answering(lambda _: httpx.Response(200, json={"title": "qdrant", "version": version}))
    with pytest.raises(EngineDown):
        await engine.open_collection(make.collection())


async def find_creation(options, make, dims=4):
    """What is sent to make a collection with these options."""
    sent = []

    def answer(request):
        if request.method == "PUT" and not request.url.path.endswith("/index"):
            sent.append(json.loads(request.content))
        if request.url.path == "/":
            return httpx.Response(200, json={"title": "qdrant", "version": "1.17.0"})
        if request.method == "GET":
            return httpx.Response(404)
        result = {"operation_id": 1, "status": "completed"} if request.url.path.endswith("/index") else True
        return httpx.Response(200, json={"result": result, "status": "ok", "time": 0.0})

    client = AsyncQdrantClient(url=URL, check_compatibility=False, transport=httpx.MockTransport(answer))
    engine = ServerEngine(client, options)
    assert await engine.open_collection(make.collection(dims))
    await engine.close()
    (creation,) = sent
    return {key: value for key, value in creation.items() if value is not None}


async def test_without_options_a_collection_is_made_as_the_server_is_configured(make):
    creation = await find_creation(None, make)
    assert set(creation) == {"vectors", "sparse_vectors"}
    assert creation["vectors"]["dense"] == {"size": 4, "distance": "Cosine"}


async def test_shards_replicas_and_confirmations_are_those_of_the_options(make):
    creation = await find_creation(CollectionOptions(shards=6, replicas=3, write_consistency=2), make)
    assert (creation["shard_number"], creation["replication_factor"], creation["write_consistency_factor"]) == (6, 3, 2)


async def test_a_collection_on_the_disk_has_its_vectors_words_and_payloads_there(make):
    creation = await find_creation(CollectionOptions(is_on_disk=True), make)
    assert [creation["vectors"][name]["on_disk"] for name in ("dense", "windows")] == [True, True]
    assert creation["sparse_vectors"]["text"]["index"] == {"on_disk": True}
    assert creation["on_disk_payload"]


@pytest.mark.parametrize(
    ("quantization", "config"),
    [
        ("scalar", {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}),
        ("binary", {"binary": {"always_ram": True}}),
    ],
)
async def test_shortened_vectors_stay_in_memory(make, quantization, config):
    creation = await find_creation(CollectionOptions(quantization=quantization), make)
    assert creation["quantization_config"] == config


class _Version(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"title": "qdrant", "version": "1.17.0", "result": {"collections": []}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def https_server(tmp_path):
    """A Qdrant server over https, with the certificate of an authority of its own: its URL and the authority's file."""
    with serve_https(tmp_path, _Version) as served:
        yield served


async def test_a_server_with_an_authority_of_its_own_is_trusted_by_setting_alone(https_server, tmp_path):
    url, ca_file = https_server
    for trusted in (None, ca_file):
        engine = build_engine(Settings(data_dir=tmp_path, qdrant_url=url, ca_file=trusted))
        try:
            if trusted is None:
                with pytest.raises(EngineDown, match="does not answer"):
                    await engine.ping()
            else:
                await engine.ping()
        finally:
            await engine.close()


async def test_a_slow_server_is_engine_down_after_the_seconds_of_the_setting(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        engine = build_engine(Settings(data_dir=tmp_path, qdrant_url=url, qdrant_timeout_seconds=1))
        with pytest.raises(EngineDown, match=r"does not answer \(ReadTimeout\)"):
            await engine.ping()
        await engine.close()
