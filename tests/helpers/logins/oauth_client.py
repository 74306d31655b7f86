"""The official MCP client, which logs in by OAuth as a person's app does."""

import ssl
from contextlib import asynccontextmanager

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.helpers.logins.headless import authorize
from tests.helpers.site import PATIENCE

PASSWORD = "correct horse battery"
CALLBACK = "http://127.0.0.1:51234/callback"


class Storage:
    """The client's store of tokens, in memory."""

    auth: OAuthClientProvider

    def __init__(self):
        self.tokens: OAuthToken | None = None
        self.client_info: OAuthClientInformationFull | None = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client_info

    async def set_client_info(self, client_info):
        self.client_info = client_info


class Login:
    """The person's part of a login: called with the authorization URL, answers with the redirect's parameters."""

    def __init__(self, name, *, verify: ssl.SSLContext | bool = True):
        self.name = name
        self.verify = verify
        self.asked = []

    async def open(self, url):
        self.asked.append(url)
        self.back = await authorize(url, self.name, PASSWORD, verify=self.verify)

    async def callback(self):
        return AuthorizationCodeResult(**{k: self.back.params.get(k) for k in ("code", "state", "iss")})


@asynccontextmanager
async def open_logged_in_client(site, storage, login, mode="auto", path="/mcp", document=None):
    """The official client, logged in at a site by a person's login; `site` has the `url` that people paste."""
    metadata = OAuthClientMetadata(
        client_name="Test client", redirect_uris=[AnyUrl(CALLBACK)], scope="memory:read memory:write"
    )
    auth = OAuthClientProvider(f"{site.url}{path}", metadata, storage, login.open, login.callback)
    # The client insists on https; here the document lies on loopback, which the server's test setting allows.
    auth.context.client_metadata_url = document
    storage.auth = auth
    async with httpx2.AsyncClient(auth=auth, timeout=PATIENCE, verify=login.verify) as http:
        transport = streamable_http_client(f"{site.url}{path}", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


async def remember(client):
    """Store, search and fetch a memory; the fetched one."""
    stored = await client.call_tool("store_memory", {"content": "The heron nests at the north pond"})
    assert not stored.is_error
    found = await client.call_tool("search", {"query": "where does the heron nest?"})
    assert [each["id"] for each in found.structured_content["memories"]] == [stored.structured_content["id"]]
    return (await client.call_tool("fetch", {"id": stored.structured_content["id"]})).structured_content
