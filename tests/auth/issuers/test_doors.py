"""A server whose people come with tokens of an issuer: at every door, in the metadata, and while the issuer is away."""

import asyncio

import httpx
import pytest
import sqlalchemy as sa

from server.ids import UserId
from server.store.epoch import raise_epoch
from server.store.tables.accounts import users
from tests.helpers.doors import send_rpc
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, open_fake_web
from tests.helpers.logins.tokens import make_access_token
from tests.helpers.site import Person, open_site

pytestmark = pytest.mark.anyio

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.fixture
def more_settings():
    return {}


@pytest.fixture
async def site(settings, clock, more_settings):
    async with open_site(settings.model_copy(update={"auth_issuer": [URL]} | more_settings), clock) as site:
        yield site


@pytest.fixture
def issuer(site, clock):
    return FakeIssuer(clock, audience=f"{site.url}/mcp")


@pytest.fixture(autouse=True)
def web(issuer):
    with open_fake_web() as router:
        issuer.answer(router)
        yield router


def bearing(site, token):
    """Somebody with this token."""
    return Person("", UserId(""), "", token, site.url, site.client(token))


async def test_a_token_of_the_issuer_opens_every_door(site, issuer):
    ada = bearing(site, issuer.token(preferred_username="ada"))
    memory = await ada.store("the heron stands by the pond")
    assert (await ada.http.get(f"/v1/memories/{memory}")).json()["content"] == "the heron stands by the pond"
    found = await ada.call("search", {"query": "heron"})
    assert [match["id"] for match in found["results"]] == [memory]
    async with ada.mcp("/v1/mcp") as link:
        assert len((await link.list_tools()).tools) > 0
    assert (await ada.http.get("/v1/memories/export")).status_code == 200


async def test_a_token_without_a_scope_is_told_which_to_ask_for(site, issuer):
    reader = bearing(site, issuer.token(scope="memory:read"))
    refused = await reader.http.post("/v1/memories", json={"content": "x"})
    assert refused.status_code == 403
    assert 'error="insufficient_scope", scope="memory:read memory:write"' in refused.headers["www-authenticate"]
    stranger = bearing(site, issuer.token(scope="openid"))
    assert (await stranger.http.get("/v1/memories")).status_code == 403


async def test_a_refused_token_gets_a_challenge_and_a_reason(site, issuer):
    for path in ("/mcp", "/v1/mcp", "/v1/memories"):
        refused = await bearing(site, issuer.token(aud="https://elsewhere.example")).http.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token", scope="memory:read')
        assert "`aud`" in refused.json()["message"]
        bare = await site.client().get(path)
        assert bare.headers["www-authenticate"].startswith(
            'Bearer scope="memory:read memory:write", resource_metadata='
        )


async def test_a_token_for_the_recall_link_opens_nothing_else(site, issuer):
    ada = bearing(site, issuer.token(aud=f"{site.url}/v1/mcp"))
    assert (await send_rpc(ada, "tools/list", path="/v1/mcp")).status_code == 200
    assert (await send_rpc(ada, "tools/list")).status_code == 401
    assert (await ada.http.get("/v1/memories")).status_code == 401


async def test_a_token_that_ends_while_it_is_remembered_is_refused(site, issuer, clock):
    ada = bearing(site, issuer.token())
    assert (await ada.http.get("/v1/memories")).status_code == 200
    clock.move(seconds=659)
    assert (await ada.http.get("/v1/memories")).status_code == 200
    clock.move(seconds=1)
    assert (await ada.http.get("/v1/memories")).status_code == 401


async def test_a_key_that_the_issuer_withdraws_works_for_five_minutes_more(site, issuer, clock):
    ada = bearing(site, issuer.token(exp=int(clock().timestamp()) + 86400))
    assert (await ada.http.get("/v1/memories")).status_code == 200
    issuer.rotate("second")
    clock.move(minutes=4)
    assert (await ada.http.get("/v1/memories")).status_code == 200
    clock.move(minutes=1)
    await ada.http.get("/v1/memories")  # begins the fetch
    (known,) = site.running.auth.external.issuers.values()
    while known.is_fetching:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0)
    clock.move(minutes=5)
    assert (await ada.http.get("/v1/memories")).status_code == 401


async def test_a_user_who_is_disabled_is_shut_out_within_a_second(site, issuer, clock):
    ada = bearing(site, issuer.token())
    assert (await ada.http.get("/v1/memories")).status_code == 200
    async with site.services.db.write() as connection:
        await connection.execute(sa.update(users).values(disabled_at=clock()))
        await raise_epoch(connection)
    clock.move(seconds=1)
    refused = await ada.http.get("/v1/memories")
    assert refused.status_code == 401
    assert "disabled" in refused.json()["message"]


async def test_requests_go_on_while_the_issuer_hangs_and_a_token_gets_503_when_it_is_down(
    site, issuer, web, ann, clock
):
    gate = asyncio.Event()

    async def hang(_request):
        await gate.wait()
        return httpx.Response(500)

    web.get(f"{issuer.url}/.well-known/openid-configuration").mock(side_effect=hang)
    ada = bearing(site, issuer.token())
    waiting = asyncio.create_task(ada.http.get("/v1/memories"))
    for _ in range(20):
        assert (await ann.http.get("/v1/memories")).status_code == 200
    assert not waiting.done()
    gate.set()
    refused = await waiting
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "10"
    assert "API key works" in refused.json()["message"]
    issuer.answer(web)
    clock.move(seconds=10)
    assert (await ada.http.get("/v1/memories")).status_code == 200


async def test_the_metadata_lead_to_the_issuer_wherever_a_client_looks(site):
    http = site.client()
    for path, resource in (("", "/mcp"), ("/mcp", "/mcp"), ("/v1/mcp", "/v1/mcp")):
        found = (await http.get(f"{WELL_KNOWN}{path}")).json()
        assert found["authorization_servers"] == [URL]
        assert found["resource"] == f"{site.url}{resource}"
        assert found["scopes_supported"] == ["memory:read", "memory:write"]
    for name in ("oauth-authorization-server", "openid-configuration"):
        for path in (f"/.well-known/{name}", f"/.well-known/{name}/mcp", f"/v1/mcp/.well-known/{name}"):
            found = (await http.get(path)).json()
            assert found == {"issuer": URL, "jwks_uri": f"{URL}/keys", "token_endpoint": f"{URL}/token"}
        from_a_page = await http.get(f"/.well-known/{name}", headers={"origin": "https://page.example"})
        assert from_a_page.headers["access-control-allow-origin"] == "*"


async def test_the_metadata_of_an_issuer_that_is_down_get_503(site, issuer):
    issuer.instead["metadata"] = httpx.ConnectError("refused")
    answer = await site.client().get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 503
    assert (await site.client().get(WELL_KNOWN)).status_code == 200


async def test_our_own_endpoints_issue_nothing_and_say_who_does(site):
    http = site.client()
    for method, path, error in (
        ("POST", "/oauth/token", "invalid_grant"),
        ("POST", "/oauth/register", "invalid_request"),
        ("POST", "/oauth/revoke", "invalid_request"),
        ("GET", "/oauth/jwks", "invalid_request"),
    ):
        answer = await http.request(method, path)
        assert answer.status_code == 400
        assert answer.json()["error"] == error
        assert answer.json()["authorization_servers"] == [URL]
        assert URL in answer.json()["error_description"]
    page = await http.get("/oauth/authorize?client_id=x")
    assert page.status_code == 404
    assert URL in page.text
    assert "Apps log in elsewhere" in page.text


async def test_tokens_that_we_issued_before_are_not_accepted_and_keys_are(site, ann):
    refused = await bearing(site, await make_access_token(site, ann)).http.get("/v1/memories")
    assert refused.status_code == 401
    assert "`iss`" in refused.json()["message"]
    assert (await ann.http.get("/v1/memories")).status_code == 200


async def test_a_key_that_is_made_through_a_token_ends_after_thirty_days(site, issuer):
    ada = bearing(site, issuer.token())
    made = (await ada.http.post("/v1/keys", json={"name": "hook"})).json()
    assert made["expires_at"] == "2026-12-21T12:00:00.000Z"
    sooner = (await ada.http.post("/v1/keys", json={"expires_in_days": 1})).json()
    assert sooner["expires_at"] == "2026-11-22T12:00:00.000Z"


@pytest.mark.parametrize("more_settings", [{"auth_default_scopes": ["memory:write"]}])
async def test_clients_are_told_no_scopes_if_the_issuer_knows_none(site, issuer):
    assert "scopes_supported" not in (await site.client().get(WELL_KNOWN)).json()
    bare = await site.client().get("/mcp")
    assert bare.headers["www-authenticate"].startswith("Bearer resource_metadata=")
    await bearing(site, issuer.token(scope=None)).store("kept")
