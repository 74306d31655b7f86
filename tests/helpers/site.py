"""A server over real HTTP on loopback, and people on it."""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
import uvicorn
from argon2 import PasswordHasher
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from auth.bearers.api_keys import issue_key
from server.app import Running, create_app, open_server
from server.background.loop import run_background
from server.ids import UserId
from server.store.record.people import accounts
from server.web.http_server import configure_http
from server.web.open_connections import ConnectionLimits, OpenConnections

#: Everything is on loopback; to load the certificates of the world takes each client 25 ms.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

#: The seconds that a client waits for a server: on a busy machine an answer may take many. A test has 120.
PATIENCE = 100

#: A server closes a connection that nobody used for five seconds, and a request may meet that: clients close it before.
IDLE_SECONDS = 1


#: A password takes 150 ms of one core to hash, on purpose.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Person:
    """Somebody with an API key: REST through `http`, MCP through `call` and `mcp`."""

    name: str
    user_id: UserId
    account_id: str
    key: str
    url: str
    http: httpx.AsyncClient

    @asynccontextmanager
    async def mcp(self, path="/mcp", mode="auto", headers=None):
        """The official client."""
        headers = {"authorization": f"Bearer {self.key}"} | (headers or {})
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE, verify=NO_TLS) as http:
            transport = streamable_http_client(f"{self.url}{path}", http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client

    async def call(self, tool, arguments=None, **where) -> Any:
        """Call a tool; its structured content. A tool error is an AssertionError with the model's text."""
        async with self.mcp(**where) as client:
            result: Any = await client.call_tool(tool, arguments or {})
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

    async def add_person(self, name="ann", scopes=("memory:write",), *, is_admin=False, **key) -> Person:
        """A new user with a key."""
        services = self.services
        async with services.db.write() as connection:
            user = await accounts.find_user(connection, name)
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
        limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE, limits=limits, verify=NO_TLS)
        self.stack.append(client)
        return client


def listen_on_loopback() -> tuple[socket.socket, str]:
    """A socket on a free port of loopback, and the URL of what will be served there."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves out TCP_NODELAY: 40 ms a request
    listener.bind(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def open_site(settings, clock, public_url=None):
    """A server on a free port of loopback, for as long as the block lasts. `public_url` is the URL of its proxy."""
    listener, url = listen_on_loopback()
    settings = settings.model_copy(update={"public_url": public_url or url})
    clients: list[httpx.AsyncClient] = []
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(open_server(settings, clock, QUICK))
        await running.services.start_models()
        await stack.enter_async_context(run_background(running.services))
        async with serve_app(create_app(running), listener, OpenConnections(ConnectionLimits())):
            try:
                yield Site(url, running, clients)
            finally:
                for client in clients:
                    await client.aclose()


@asynccontextmanager
async def serve_app(app, listener, connections):
    """Serve an application as `serve` does, for as long as the block lasts; the uvicorn server."""
    server = uvicorn.Server(configure_http(app, connections))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listener])
    try:
        yield server
    finally:
        await _shut_down(server)


async def _shut_down(server):
    """The end of uvicorn without its pauses of two tenths of a second: thousands of tests end a server."""
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    while server.server_state.connections or server.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    await server.lifespan.shutdown()
