"""Pages of other origins: what each of them may read, and what only those that a setting allows may call."""

import pytest

from server.config import Settings, load_settings
from tests.helpers.clock import Clock
from tests.helpers.doors import read_answer
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

APP = "https://app.example"
EVIL = "https://evil.example"
METADATA = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource/v1/mcp",
    "/.well-known/oauth-authorization-server",
    "/openapi.json",
    "/mcp/server-card",
    "/.well-known/ai-catalog.json",
]
CALLED = ["/mcp", "/v1/mcp", "/v1/memories", "/v1/signup", "/oauth/token", "/oauth/register", "/oauth/revoke"]
PAGES = ["/login", "/apps", "/signup", "/oauth/authorize", "/logout", "/setup"]


@pytest.fixture(scope="module")
async def cors_site(tmp_path_factory):
    """A server whose pages of one other origin are allowed."""
    folder = tmp_path_factory.mktemp("cors")
    async with open_site(Settings(data_dir=folder, embedding_model="none", cors_origins=[APP]), Clock()) as site:
        yield site


async def ask_first(http, path, origin, headers="authorization,content-type,mcp-protocol-version,mcp-session-id"):
    """The preflight that a browser sends before the request."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": headers}
    return await http.options(path, headers={"origin": origin} | asked)


@pytest.mark.parametrize("origin", [APP, EVIL, "null", "http://localhost:6274"])
@pytest.mark.parametrize("path", METADATA)
async def test_metadata_may_be_read_by_every_page(shared, path, origin):
    http = shared.client()
    before = await ask_first(http, path, origin, "mcp-protocol-version")
    assert before.status_code == 200
    assert before.headers["access-control-allow-headers"] == "mcp-protocol-version"
    response = await http.get(path, headers={"origin": origin})
    assert response.status_code == 200
    assert {before.headers["access-control-allow-origin"], response.headers["access-control-allow-origin"]} == {"*"}
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("path", CALLED)
async def test_an_allowed_origin_may_call_and_reads_the_challenge(cors_site, path):
    http = cors_site.client()
    for origin in (APP, "https://APP.example:443"):
        before = await ask_first(http, path, origin)
        assert before.status_code == 200
        assert "mcp-session-id" in before.headers["access-control-allow-headers"]
        assert {"POST", "DELETE", "GET"} <= set(before.headers["access-control-allow-methods"].split(", "))
        response = await http.post(path, headers={"origin": origin})
        assert response.status_code in {400, 401, 403, 415}
        assert response.headers["access-control-allow-origin"] == "*"
        exposed = set(response.headers["access-control-expose-headers"].split(", "))
        assert exposed >= {"WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version"}


async def test_a_page_of_an_allowed_origin_uses_the_api_and_the_errors_can_be_read(cors_site):
    ann = await cors_site.add_person("ann")
    stored = await ann.http.post("/v1/memories", json={"content": "x"}, headers={"origin": APP})
    assert (stored.status_code, stored.headers["access-control-allow-origin"]) == (201, "*")
    missing = await ann.http.get("/v1/memories/nothing", headers={"origin": APP})
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, "*")
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    listed = await ann.http.post("/mcp", json=body, headers={"origin": APP})
    assert (listed.status_code, listed.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://app.example.evil", "http://app.example", "https://app.example:444"]
)
async def test_every_other_origin_is_refused(cors_site, origin):
    http = cors_site.client()
    for path in CALLED + PAGES:
        for response in (await ask_first(http, path, origin), await http.post(path, headers={"origin": origin})):
            assert response.status_code == 403
            assert read_answer(response).error == "forbidden"
            assert "LOCI_CORS_ORIGINS" in read_answer(response).text
            assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", PAGES)
async def test_the_pages_for_people_are_open_to_no_other_origin(cors_site, path):
    http = cors_site.client()
    for response in (await ask_first(http, path, APP), await http.post(path, headers={"origin": APP})):
        assert response.status_code == 403
        assert "also none of LOCI_CORS_ORIGINS" in read_answer(response).text


async def test_without_an_origin_nothing_is_said_about_origins(shared):
    assert "access-control-allow-origin" not in (await shared.client().get("/openapi.json")).headers


def test_origins_in_the_setting_have_their_one_form():
    given = {"LOCI_CORS_ORIGINS": "HTTPS://App.example:443/, http://localhost:6274"}
    assert load_settings(given).cors_origins == [APP, "http://localhost:6274"]


@pytest.mark.parametrize("wrong", ["*", "app.example", "https://app.example/path", "https://*.example"])
def test_what_is_no_origin_is_refused(wrong):
    with pytest.raises(SystemExit, match="LOCI_CORS_ORIGINS: must be origins"):
        load_settings({"LOCI_CORS_ORIGINS": wrong})
