"""The official MCP client, pointed at a server that runs, with nothing but the URL that a person pastes."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

from server.store.accounts import create_user
from tests.auth.flow import PASSWORD, REDIRECT, Flow

pytestmark = pytest.mark.anyio


@dataclass
class Memory:
    """Where the client keeps what it was given."""

    tokens: Any = None
    client: Any = None
    visited: list[str] = field(default_factory=list)

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


@pytest.fixture
async def person(site):
    """Somebody who is logged in with a browser."""
    auth = site.running.auth
    password_hash = await auth.passwords.hash(PASSWORD)
    async with auth.db.write() as connection:
        await create_user(connection, name="ada", password_hash=password_hash, is_admin=False, now=auth.now())
    async with httpx.AsyncClient(base_url=site.url) as http:
        flow = Flow(http, site.url)
        assert (await flow.log_in()).status_code == 302
        yield flow


@pytest.fixture
def sign_in(site, person):
    """Makes the client's sign-in, with the person at the browser."""

    def make(memory, path="/mcp"):
        async def to_browser(url):
            page = await person.http.get(url)
            memory.visited.append((await person.decide(page)).headers["location"])

        async def from_browser():
            answer = parse_qs(urlsplit(memory.visited[-1]).query)
            return AuthorizationCodeResult(code=answer["code"][0], state=answer["state"][0], iss=answer["iss"][0])

        metadata = OAuthClientMetadata(client_name="SDK", redirect_uris=[REDIRECT])
        return OAuthClientProvider(f"{site.url}{path}", metadata, memory, to_browser, from_browser)

    return make


async def tools_of(url, sign_in):
    async with (
        httpx2.AsyncClient(auth=sign_in) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("path", ["/mcp", "/v1/mcp"])
async def test_from_the_pasted_url_the_client_finds_registers_asks_and_is_let_in(site, sign_in, path):
    memory = Memory()
    assert await tools_of(f"{site.url}{path}", sign_in(memory, path))
    assert len(memory.visited) == 1
    assert memory.client.token_endpoint_auth_method == "none"
    assert memory.tokens.scope == "memory:read memory:write"


async def test_when_its_token_has_expired_the_client_refreshes_it_without_the_person(site, sign_in, clock):
    memory = Memory()
    provider = sign_in(memory)
    await tools_of(f"{site.url}/mcp", provider)
    before = memory.tokens
    clock.advance(hours=1)
    provider.context.token_expiry_time = 1.0  # long ago, by the clock of the client
    await tools_of(f"{site.url}/mcp", provider)
    assert memory.tokens.refresh_token != before.refresh_token
    assert len(memory.visited) == 1


async def test_an_app_that_was_disconnected_is_shut_out_with_its_next_request(site, sign_in, person):
    memory = Memory()
    await tools_of(f"{site.url}/mcp", sign_in(memory))
    bearer = {"authorization": f"Bearer {memory.tokens.access_token}"}
    assert (await person.http.get("/v1/health", headers=bearer)).status_code == 200
    page = (await person.http.get("/apps")).text
    grant = page.split('name="grant" value="')[1].split('"')[0]
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    await person.http.post("/apps", data={"grant": grant, "csrf": csrf})
    answer = await person.http.post("/mcp", json={}, headers=bearer)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
