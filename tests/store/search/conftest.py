"""The engines that the one suite runs on, and the makers of what it gives them."""

import contextlib
import importlib.util
import os
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from server.store.search.edge.engine import EdgeEngine
from server.store.search.edge.processes import ProcessEngine
from server.store.search.qdrant.server import ServerEngine
from server.store.search.seam import Collection, Point, Sparse

DIMS = 4


def load_double():
    path = Path(__file__).parents[2] / "doubles" / "qdrant_rest.py"
    spec = importlib.util.spec_from_file_location("qdrant_rest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class AnsweringLikeAServer:
    """The client's in-memory mode, which has its own way to say that a collection is not there."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        method = getattr(self._client, name)

        async def ask(*args, **kwargs):
            try:
                return await method(*args, **kwargs)
            except ValueError as error:
                if "not found" not in str(error):
                    raise
                raise UnexpectedResponse(404, "Not Found", b"", httpx.Headers()) from error

        return ask


class Make:
    """Short ways to say a collection, a point and its vectors."""

    dims = DIMS

    @staticmethod
    def id(number):
        return str(UUID(int=number))

    @staticmethod
    def vector(*values):
        return np.array(values + (0,) * (DIMS - len(values)), dtype=np.float32)

    def collection(self, dims=DIMS, tenant=None):
        return Collection(f"test-{uuid4().hex}", dims, tenant)

    def point(self, number, *, revision=1, dense=(1,), windows=None, text=(7,), **payload):
        """Point `number`, with the dense vector `dense` padded with zeros, and a weight of 1 for each term."""
        return Point(
            id=self.id(number),
            revision=revision,
            text=Sparse(list(text), [1.0] * len(text)),
            payload=payload,
            dense=self.vector(*dense) if dense is not None else None,
            windows=np.stack([self.vector(*window) for window in windows]) if windows else None,
        )


@pytest.fixture
def make():
    return Make()


@pytest.fixture(scope="session")
def double_url(tmp_path_factory):
    with load_double().serving(tmp_path_factory.mktemp("double")) as url:
        yield url


def needs_server():
    url = os.environ.get("LOCI_TEST_QDRANT_URL")
    if not url:
        pytest.skip("LOCI_TEST_QDRANT_URL names no Qdrant server")
    return ServerEngine.at(url, os.environ.get("LOCI_TEST_QDRANT_API_KEY"))


@contextlib.asynccontextmanager
async def closing(engine):
    try:
        yield engine
    finally:
        await engine.close()


def server_engine(kind, request):
    if kind == "memory":
        return ServerEngine(AnsweringLikeAServer(AsyncQdrantClient(":memory:")))
    return ServerEngine.at(request.getfixturevalue("double_url")) if kind == "http" else needs_server()


SERVERS = ["memory", "http", pytest.param("server", marks=pytest.mark.qdrant_server)]


EMBEDDED = {
    "edge": lambda folder: EdgeEngine(folder, max_open=4),
    "processes": lambda folder: ProcessEngine(folder, processes=2, max_open=4),
}


@pytest.fixture(params=[*EMBEDDED, *SERVERS])
async def engine(request, tmp_path):
    kind = request.param
    made = EMBEDDED[kind](tmp_path) if kind in EMBEDDED else server_engine(kind, request)
    async with closing(made):
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
    assert await engine.open(made)
    yield made
    await engine.drop(made)
