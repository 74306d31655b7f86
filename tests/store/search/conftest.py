"""The engines that the one suite runs on, and the makers of what it gives them."""

import contextlib
import os

import pytest
from qdrant_client import AsyncQdrantClient

from server.store.search.edge.engine import EdgeEngine
from server.store.search.edge.processes import ProcessEngine
from server.store.search.qdrant.server import ServerEngine
from tests.doubles.qdrant_rest import QdrantDouble, serve_double
from tests.helpers.engines import Maker, imitate_server


@pytest.fixture
def make():
    return Maker()


@pytest.fixture(scope="session")
def double_url(tmp_path_factory):
    with serve_double(QdrantDouble(tmp_path_factory.mktemp("double"))) as url:
        yield url


def needs_server():
    url = os.environ.get("LOCI_TEST_QDRANT_URL")
    if not url:
        pytest.skip("LOCI_TEST_QDRANT_URL names no Qdrant server")
    return ServerEngine.from_url(url, os.environ.get("LOCI_TEST_QDRANT_API_KEY"))


@contextlib.asynccontextmanager
async def closing(engine):
    try:
        yield engine
    finally:
        await engine.close()


def server_engine(kind, request):
    if kind == "memory":
        return ServerEngine(imitate_server(AsyncQdrantClient(":memory:")))
    return ServerEngine.from_url(request.getfixturevalue("double_url")) if kind == "http" else needs_server()


SERVERS = ["memory", "http", pytest.param("server", marks=pytest.mark.qdrant_server)]


EMBEDDED = {
    "edge": lambda folder: EdgeEngine(folder, max_open=4),
    "processes": lambda folder: ProcessEngine(folder, processes=2, max_open=4),
}


@pytest.fixture(scope="module")
async def processes(tmp_path_factory):
    """Engine processes for all tests of a module, because each takes half a second to start."""
    async with closing(ProcessEngine(tmp_path_factory.mktemp("processes"), processes=2, max_open=4)) as made:
        yield made


@pytest.fixture(params=["edge", "processes", *SERVERS])
def any_engine(request, tmp_path):
    """An engine of each kind, and what closes it after the test; the processes are closed after the last one."""
    if request.param == "processes":
        return contextlib.nullcontext(request.getfixturevalue("processes"))
    return closing(
        EdgeEngine(tmp_path, max_open=4) if request.param == "edge" else server_engine(request.param, request)
    )


@pytest.fixture
async def engine(any_engine):
    """An engine that may hold collections of other tests."""
    async with any_engine as made:
        yield made


@pytest.fixture(params=EMBEDDED)
async def embedded(request, tmp_path):
    """The embedded engine, in this process and in others."""
    async with closing(EMBEDDED[request.param](tmp_path)) as made:
        yield made


@pytest.fixture(params=SERVERS)
async def shared(request):
    """An engine that can hold several tenants in one collection."""
    async with closing(server_engine(request.param, request)) as made:
        yield made


@pytest.fixture
async def edge(tmp_path):
    async with closing(EdgeEngine(tmp_path, max_open=2)) as made:
        yield made


@pytest.fixture
async def collection(engine, make):
    """A new collection of four dimensions, open, and removed after the test."""
    made = make.collection()
    assert await engine.open_collection(made)
    yield made
    await engine.drop_collection(made)
