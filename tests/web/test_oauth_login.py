"""The whole login, as the official client does it: discover, identify itself, log in, consent, use the tools."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from server.store.record.people import accounts
from tests.helpers.logins.oauth_client import PASSWORD, Login, Storage, open_logged_in_client, remember
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


@pytest.fixture
async def oauth_site(settings, clock):
    settings = settings.model_copy(update={"oauth_local_documents": True})
    async with open_site(settings, clock) as site:
        hashed = await site.running.auth.passwords.hash(PASSWORD)
        async with site.services.db.write() as connection:
            await accounts.create_user(connection, name="ann", password_hash=hashed, is_admin=False, now=clock())
        yield site


@ERAS
async def test_a_client_that_registers_itself_logs_in_and_remembers(oauth_site, mode):
    storage, login = Storage(), Login("ann")
    async with open_logged_in_client(oauth_site, storage, login, mode) as client:
        assert (await remember(client))["content"] == "The heron nests at the north pond"
    assert len(login.asked) == 1
    assert storage.client_info is not None
    assert storage.client_info.client_id is not None
    assert "127.0.0.1" not in storage.client_info.client_id


@asynccontextmanager
async def document_server():
    """A client's metadata document, served on loopback; its URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/client.json"
    document = {
        "client_id": url,
        "client_name": "Client with a document",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    }

    async def serve_document(_request):
        return JSONResponse(document)

    app = Starlette(routes=[Route("/client.json", serve_document)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield url
    finally:
        server.should_exit = True
        await serving


@ERAS
async def test_a_client_with_a_metadata_document_logs_in_and_remembers(oauth_site, mode):
    storage, login = Storage(), Login("ann")
    async with document_server() as url:
        async with open_logged_in_client(oauth_site, storage, login, mode, document=url) as client:
            assert (await remember(client))["content"] == "The heron nests at the north pond"
        assert storage.client_info is not None
        assert storage.client_info.client_id == url


async def test_rest_sees_with_the_clients_token_what_the_client_stored(oauth_site):
    storage = Storage()
    async with open_logged_in_client(oauth_site, storage, Login("ann"), "auto") as client:
        memory = await remember(client)
    assert storage.tokens is not None
    http = oauth_site.client(storage.tokens.access_token)
    found = (await http.post("/v1/context", json={"message": "heron"})).json()
    assert [match["id"] for match in found["memories"]["matches"]] == [memory["id"]]


async def test_the_recall_link_takes_a_login_of_its_own_and_only_reads(oauth_site):
    storage = Storage()
    async with open_logged_in_client(oauth_site, storage, Login("ann"), "auto", path="/v1/mcp") as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
    assert tools == ["search", "context", "recent"]
    assert storage.tokens is not None
    http = oauth_site.client(storage.tokens.access_token)
    assert (await http.get("/v1/memories")).status_code == 401


async def test_an_expired_token_is_renewed_without_asking_the_person_again(oauth_site, clock):
    storage, login = Storage(), Login("ann")
    async with open_logged_in_client(oauth_site, storage, login, "auto") as client:
        assert storage.tokens is not None
        first = storage.tokens.access_token
        clock.move(minutes=31)
        storage.auth.context.token_expiry_time = 1  # the client reads the real clock
        await remember(client)
    assert storage.tokens.access_token != first
    assert len(login.asked) == 1
