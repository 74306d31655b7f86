"""What every test shares: a clock, a server over real HTTP, people on it, and the model that `make test` pulled."""

import asyncio
import os
import shutil
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import uvicorn
from argon2 import PasswordHasher
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from auth.api_keys import issue_key
from server.app import Running, create_app, open_server
from server.background import loop
from server.config import Settings
from server.store.db import Database
from server.store.embedding.model_folder import MINILM, find
from server.store.migrate import migrate
from server.store.record.people import accounts

#: Everything is on loopback; to load the certificates of the world takes each client 25 ms.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
#: A password takes 150 ms of one core to hash, on purpose.
QUICK = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def models():
    """The folder of models, with all-MiniLM-L6-v2 in it; `make test` pulls it first."""
    folder = Path(os.environ.get("LOCI_TEST_MODELS") or Path(__file__).parent.parent / "data" / "models")
    if find(folder, MINILM) is None:
        pytest.skip(f"{MINILM} is not in {folder}: python -m server model pull")
    return folder


def url_of(url):
    return Settings(database_url=url).sqlalchemy_url


def apart(coroutine):
    """Run it to its end on a loop of its own, wherever we are."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def migrated(url):
    db = Database(url)
    await migrate(db)
    await db.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A SQLite file with the schema in it, to be copied: to migrate takes a tenth of a second."""
    path = tmp_path_factory.mktemp("template") / "loci.db"
    apart(migrated(url_of(f"sqlite:///{path}")))
    return path


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock():
    return Clock()


@dataclass
class Person:
    """Somebody with an API key: REST through `http`, MCP through `call` and `mcp`."""

    name: str
    user_id: str
    account_id: str
    key: str
    url: str
    http: httpx.AsyncClient

    @asynccontextmanager
    async def mcp(self, path="/mcp", mode="auto", headers=None):
        """The official client."""
        headers = {"authorization": f"Bearer {self.key}"} | (headers or {})
        async with httpx2.AsyncClient(headers=headers, verify=NO_TLS) as http:
            transport = streamable_http_client(f"{self.url}{path}", http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client

    async def call(self, tool, arguments=None, **where) -> Any:
        """Call a tool; its structured content. A tool error is an AssertionError with the model's text."""
        async with self.mcp(**where) as client:
            result = await client.call_tool(tool, arguments or {})
        assert not result.is_error, result.content[0].text
        return result.structured_content

    async def store(self, content, **fields) -> str:
        """Store a memory; its id."""
        answer = await self.http.post("/v1/memories", json={"content": content, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


@dataclass
class Site:
    """A server that runs, on loopback."""

    url: str
    running: Running
    stack: Any

    @property
    def services(self):
        return self.running.services

    async def person(self, name="ann", scopes=("memory:write",), *, is_admin=False, **key) -> Person:
        """A new user with a key."""
        services = self.services
        async with services.db.write() as connection:
            user = await accounts.user_named(connection, name)
            if user is None:
                user = await accounts.create_user(
                    connection, name=name, password_hash=None, is_admin=is_admin, now=services.now()
                )
            secret, _ = await issue_key(
                connection, user_id=user.id, scopes=scopes, name="test", now=services.now(), **key
            )
        return Person(name, user.id, user.account_id, secret, self.url, self.client(secret))

    def client(self, key=None) -> httpx.AsyncClient:
        """An HTTP client that sends this bearer; closed with the site."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, verify=NO_TLS)
        self.stack.append(client)
        return client


@asynccontextmanager
async def site_at(settings, clock):
    """A server on a free port of loopback, for as long as the block lasts."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves out TCP_NODELAY: 40 ms a request
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings.model_validate(settings.model_dump() | {"public_url": url})
    clients: list[httpx.AsyncClient] = []
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("auth.passwords.PasswordHasher", QUICK)
        running = await stack.enter_async_context(open_server(settings, clock))
        how = {"log_config": None, "access_log": False, "ws": "none", "lifespan": "on", "proxy_headers": False}
        server = uvicorn.Server(uvicorn.Config(create_app(running), **how))
        await running.services.start_models()
        await stack.enter_async_context(loop.running(running.services))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[listener])
        try:
            yield Site(url, running, clients)
        finally:
            for client in clients:
                await client.aclose()
            await _shut_down(server)


async def _shut_down(server):
    """What uvicorn does at the end, without its pauses of two tenths of a second: thousands of tests end a server."""
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    while server.server_state.connections or server.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    await server.lifespan.shutdown()


@pytest.fixture
def settings(tmp_path, sqlite_template):
    """Settings of a server that ranks by keyword; most tests need no model. The schema is there, and nothing else."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)


@pytest.fixture
async def site(settings, clock):
    async with site_at(settings, clock) as site:
        yield site


@pytest.fixture
async def hybrid_site(settings, clock, models):
    """A server with the real model, loaded."""
    (settings.data_dir / "models").symlink_to(models)
    settings = settings.model_copy(update={"embedding_model": "auto"})
    async with site_at(settings, clock) as site:
        await site.services.encoder.embeddings.wait_ready()
        yield site


@pytest.fixture
async def ann(site):
    return await site.person("ann")


@pytest.fixture
async def bob(site):
    return await site.person("bob")


def engine_processes(parent=None) -> set[int]:
    """The engine processes that live and belong to a process, this one or another."""
    found = set()
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if b"server.store.search.edge.engine_process" not in (each / "cmdline").read_bytes().split(b"\0"):
                continue
            # state and parent follow the name, which stands in brackets; one that is dead has no command line any more
            if int((each / "stat").read_text().rpartition(")")[2].split()[1]) == (parent or os.getpid()):
                found.add(int(each.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


#: What each marker needs, and how to get it.
NEEDS = {
    "postgres": ("LOCI_TEST_POSTGRES_URL is not set", "apt-get install postgresql, then .ci/run shows how"),
    "browser": ("chromium is not here", "apt-get install chromium"),
    "node": ("Node.js is not here", "apt-get install nodejs npm"),
    "qdrant_server": ("LOCI_TEST_QDRANT_URL is not set", "point it at a Qdrant server"),
}


def _is_there(marker) -> bool:
    match marker:
        case "postgres" | "qdrant_server":
            name = "LOCI_TEST_POSTGRES_URL" if marker == "postgres" else "LOCI_TEST_QDRANT_URL"
            return bool(os.environ.get(name))
        case "browser":
            return shutil.which("chromium") is not None
        case _:
            return shutil.which("node") is not None and shutil.which("npm") is not None


def pytest_collection_modifyitems(items):
    """Skip what this machine cannot run, and say what would install it."""
    for marker, (why, cure) in NEEDS.items():
        if not _is_there(marker):
            skip = pytest.mark.skip(reason=f"{why}: {cure}")
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """With LOCI_TEST_NO_SKIPS a test that did not run has failed, but for those that need a real Qdrant server."""
    report = yield
    if report.skipped and os.environ.get("LOCI_TEST_NO_SKIPS") and not item.get_closest_marker("qdrant_server"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr}"
    return report
