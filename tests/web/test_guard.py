"""The guard: its answer to each bearer, and the challenge that says how to get a better one."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tests.helpers.arguments import NOBODY, VALID
from tests.helpers.doors import ERAS, LEGACY, MODERN, call_rest, read_answer, read_totals, send_rpc
from tests.helpers.logins.tokens import make_access_token
from tools import catalog
from tools.core.operation import Effect

pytestmark = pytest.mark.anyio

PROTECTED = ["/mcp", "/v1/mcp", "/v1/memories", "/v1/context", "/v1/no-such-path", "/v1/"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
WRITES = [name for name, each in catalog.CANONICAL.items() if each.effect is not Effect.READ]


def challenge_of(response):
    scheme, _, rest_of_it = response.headers["www-authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(part.strip().split("=", 1) for part in rest_of_it.split(","))


def document(site, path):
    return f'"{site.url}/.well-known/oauth-protected-resource{"/v1/mcp" if path == "/v1/mcp" else "/mcp"}"'


@pytest.mark.parametrize("path", PROTECTED)
async def test_without_a_bearer_every_method_gets_the_challenge_and_no_error(shared, path):
    http = shared.client()
    for method in METHODS:
        for headers in ({}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer"}):
            response = await http.request(method, path, headers=headers)
            assert response.status_code == 401, (method, headers)
            challenge = challenge_of(response)
            assert challenge == {"scope": '"memory:read memory:write"', "resource_metadata": document(shared, path)}
            if method != "HEAD":
                assert read_answer(response).error == "unauthorized"
                assert "Invalid or missing API key" in read_answer(response).text


NOT_OURS = ("nonsense", "mp_live_", "mp_live_" + "0" * 32, "mp_live_" + "0" * 31, "mp_test_" + "f" * 32, "a.b.c", "é")


@pytest.mark.parametrize("bearer", [*NOT_OURS, "x" * 9000])
async def test_a_bearer_that_is_not_ours_is_an_invalid_token(shared, bearer):
    http = shared.client()
    for path in PROTECTED:
        response = await http.post(path, headers={"authorization": f"Bearer {bearer}".encode()})
        assert (response.status_code, read_answer(response).error) == (401, "unauthorized")
        assert "Invalid or missing API key" in read_answer(response).text
        assert challenge_of(response)["error"] == '"invalid_token"'
        assert bearer not in response.text


async def test_an_expired_key_is_an_invalid_token(shared, make_person):
    late = await make_person(expires_at=shared.services.now())
    response = await late.http.get("/v1/memories")
    assert (response.status_code, challenge_of(response)["error"]) == (401, '"invalid_token"')


async def test_a_token_that_somebody_else_signed_is_an_invalid_token(shared, cat):
    good = await make_access_token(shared, cat)
    claims = jwt.decode(good, options={"verify_signature": False})
    header = jwt.get_unverified_header(good)
    forged = jwt.encode(claims, generate_private_key(SECP256R1()), "ES256", headers=header)
    for token, status in ((good, 200), (forged, 401)):
        response = await shared.client(token).get("/v1/memories")
        assert response.status_code == status
    assert challenge_of(response)["error"] == '"invalid_token"'


async def test_a_token_for_the_recall_link_opens_nothing_else(shared, cat):
    linked = shared.client(await make_access_token(shared, cat, resource="/v1/mcp"))
    assert (await linked.get("/v1/mcp")).status_code == 405
    for path in ("/mcp", "/v1/memories"):
        response = await linked.get(path)
        assert (response.status_code, challenge_of(response)["error"]) == (401, '"invalid_token"')
    full = shared.client(await make_access_token(shared, cat))
    assert [(await full.get(path)).status_code for path in ("/mcp", "/v1/mcp", "/v1/memories")] == [405, 405, 200]


async def test_the_scheme_may_be_written_in_any_case(shared, cat):
    for scheme in ("bearer", "BEARER", "Bearer "):
        headers = {"authorization": f"{scheme} {cat.key}"}
        assert (await shared.client().get("/v1/memories", headers=headers)).status_code == 200


@pytest.mark.parametrize("where", ["access_token", "token", "key", "api_key"])
async def test_a_bearer_in_the_query_is_none(shared, cat, where):
    assert (await shared.client().get(f"/v1/health?{where}={cat.key}")).status_code == 401


@pytest.mark.parametrize("path", ["/mcp", "/v1/mcp", "/mcp/", "/v1/mcp/"])
async def test_with_a_bearer_the_mcp_door_takes_posts_only(cat, path):
    for method in METHODS:
        response = await cat.http.request(method, path)
        if method == "POST":
            assert response.status_code not in {401, 405}
        else:
            assert (response.status_code, response.headers["allow"]) == (405, "POST")
            assert method == "HEAD" or read_answer(response).error == "method_not_allowed"


async def test_with_a_bearer_a_path_that_is_not_there_is_not_found_and_never_redirected(cat):
    for path in ("/v1/no-such-path", "/v1/", "/v1/memories/", "/v1/memories//", "/mcp//", "/v1/mcp/x", "/no-such-page"):
        for method in METHODS:
            response = await cat.http.request(method, path)
            assert response.status_code == 404, (method, path)
            assert method == "HEAD" or read_answer(response).error == "not_found"


async def test_a_wrong_method_names_the_right_ones(cat):
    for path, allowed in (("/v1/memories", "GET, POST"), (f"/v1/memories/{NOBODY}", "DELETE, GET, PATCH, PUT")):
        response = await cat.http.request("OPTIONS", path)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
        assert read_answer(response).error == "method_not_allowed"


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/oauth/jwks"])
async def test_a_wrong_method_on_a_public_path_is_refused_in_the_same_shape(shared, path):
    assert read_answer(await shared.client().request("PUT", path)).error == "method_not_allowed"


@pytest.mark.parametrize("name", WRITES)
async def test_a_read_only_key_is_told_at_both_doors_which_scopes_to_ask_for(shared, make_person, name):
    reader = await make_person(scopes=["memory:read"])
    before = await read_totals(reader)
    arguments, needed = VALID.get(name, {}), sorted({"memory:read", catalog.CANONICAL[name].scope})
    over_rest = await call_rest(reader, name, arguments)
    assert (over_rest.status, over_rest.error) == (403, "insufficient_scope")
    for era in (LEGACY, MODERN):
        response = await send_rpc(reader, "tools/call", {"name": name, "arguments": arguments}, era=era)
        challenge = challenge_of(response)
        assert (response.status_code, challenge["error"]) == (403, '"insufficient_scope"')
        assert challenge["scope"] == f'"{" ".join(needed)}"'
        assert challenge["resource_metadata"] == document(shared, "/mcp")
        assert read_answer(response).body == over_rest.body
        assert over_rest.body["scopes"] == needed
    assert await read_totals(reader) == before


@ERAS
async def test_a_key_without_scopes_may_read_nothing(make_person, era):
    nobody = await make_person(scopes=["made:up"])
    for name, operation in catalog.CANONICAL.items():
        answer = await call_rest(nobody, name, VALID.get(name, {}))
        assert (answer.status, answer.error) == (403, "insufficient_scope")
        assert operation.scope in answer.body["scopes"]
    for params in ({"uri": "memory://recent"}, {"uri": f"memory://memories/{NOBODY}"}):
        assert (await send_rpc(nobody, "resources/read", params, era=era)).status_code == 403


async def test_an_access_token_may_do_what_its_grant_says_and_no_more(shared, cat):
    reader = shared.client(await make_access_token(shared, cat, scopes="memory:read"))
    assert (await reader.get("/v1/memories")).status_code == 200
    assert (await reader.post("/v1/memories", json={"content": "x"})).status_code == 403


async def test_a_bearer_that_nobody_knows_learns_nothing_of_paths(shared):
    http = shared.client("mp_live_" + "0" * 32)
    bodies = {(await http.get(path)).text for path in ("/v1/memories", "/v1/no-such-path", f"/v1/memories/{NOBODY}")}
    assert len(bodies) == 1


async def test_a_login_begun_through_another_name_of_the_machine_is_told_the_right_url(site):
    port = site.url.rpartition(":")[2]
    http = site.client()
    for path in ("/mcp", "/v1/mcp", "/.well-known/oauth-protected-resource/mcp"):
        refused = await http.get(path, headers={"host": f"localhost:{port}"})
        assert refused.status_code == 421, path
        assert site.url in refused.json()["message"]
    ann = await site.add_person()
    with_key = await ann.http.get("/v1/memories", headers={"host": f"localhost:{port}"})
    assert with_key.status_code == 200


async def test_a_key_may_stand_in_the_other_header_and_an_access_token_may_not(shared, cat):
    http = shared.client()
    for headers in (
        {"x-api-key": cat.key},
        {"x-api-key": cat.key, "authorization": "Basic YTpi"},
        {"x-api-key": "nonsense", "authorization": f"Bearer {cat.key}"},
    ):
        for path in ("/v1/memories", "/v1/health"):
            assert (await http.get(path, headers=headers)).status_code == 200
    token = await make_access_token(shared, cat)
    for key in (token, "nonsense", "ctx_0123456789abcdef", "mp_live_" + "0" * 32):
        response = await http.get("/v1/memories", headers={"x-api-key": key})
        assert (response.status_code, challenge_of(response)["error"]) == (401, '"invalid_token"')
        assert key not in response.text
    response = await http.get("/v1/memories", headers={"x-api-key": ""})
    assert (response.status_code, "error" in challenge_of(response)) == (401, False)


async def test_a_key_in_the_other_header_opens_the_mcp_door(shared, cat):
    anyone = type(cat)(cat.name, cat.user_id, cat.account_id, cat.key, cat.url, shared.client())
    told = await send_rpc(anyone, "tools/list", headers={"x-api-key": cat.key})
    assert {"store_memory", "retrieve_context"} <= {each["name"] for each in told.json()["result"]["tools"]}
