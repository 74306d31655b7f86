"""claude-mem's recall: its link, its two searches, its keys and its ways to connect, in the shapes that it answers."""

import json

import pytest

from tests.helpers.doors import call_tool, send_rpc

pytestmark = pytest.mark.anyio

OBSERVATION = {
    *("id", "projectId", "teamId", "serverSessionId", "kind", "content", "metadata"),
    *("createdAtEpoch", "updatedAtEpoch"),
}


@pytest.fixture
async def shop(cat):
    """Somebody with two observations in the project `shop`."""
    for text in ("The checkout uses Stripe", "The staging server is called egret"):
        body = {"projectId": "shop", "content": text, "kind": "decision", "serverSessionId": "s1", "metadata": {"a": 1}}
        assert (await cat.http.post("/v1/memories", json=body)).status_code == 201
    return cat


async def call_link(person, name, arguments):
    """Call a tool of the recall link; the answer that a client reads from its text."""
    answer = await call_tool(person, name, arguments, path="/v1/mcp")
    assert answer.error is None, answer.text
    assert json.loads(answer.text) == answer.body
    return answer.body


async def test_the_link_lists_three_tools_with_their_arguments(cat):
    tools = (await send_rpc(cat, "tools/list", path="/v1/mcp")).json()["result"]["tools"]
    properties = {each["name"]: set(each["inputSchema"]["properties"]) for each in tools}
    assert properties == {
        "search": {"projectId", "query", "limit"},
        "context": {"projectId", "query", "limit"},
        "recent": {"projectId", "limit"},
    }


async def test_each_tool_of_the_link_answers_observations(shop):
    found = await call_link(shop, "search", {"projectId": "shop", "query": '"staging server" OR paypal'})
    context = await call_link(shop, "context", {"projectId": "shop", "query": "egret"})
    (observation,) = found["observations"]
    assert set(observation) == OBSERVATION
    assert (observation["projectId"], observation["kind"], observation["serverSessionId"], observation["metadata"]) == (
        "shop",
        "decision",
        "s1",
        {"a": 1},
    )
    assert context["observations"] == [observation]
    assert "The staging server is called egret" in context["context"]
    newest = await call_link(shop, "recent", {"projectId": "shop"})
    assert newest["observations"][0]["content"] == "The staging server is called egret"
    assert {frozenset(each) for each in newest["observations"]} == {frozenset(OBSERVATION)}


async def test_the_link_moves_a_limit_into_its_bounds_and_refuses_what_is_no_query(shop):
    for limit, length in ((0, 1), (-3, 1), (1000, 2)):
        answer = await call_link(shop, "recent", {"projectId": "shop", "limit": limit})
        assert len(answer["observations"]) == length
    assert (await call_tool(shop, "search", {"projectId": "shop"}, path="/v1/mcp")).error == "invalid"
    assert (await call_tool(shop, "context", {"projectId": "shop", "query": " "}, path="/v1/mcp")).error == "invalid"


async def test_an_unknown_project_and_that_of_another_are_empty_alike(shop, dan):
    for person, project in ((shop, "nowhere"), (dan, "shop")):
        answer = await call_link(person, "search", {"projectId": project, "query": "egret"})
        assert answer["observations"] == []
        assert answer["meta"]["workspace_exists"] is False
        assert (await person.http.post("/v1/search", json={"projectId": project, "query": "egret"})).json()[
            "observations"
        ] == []


async def test_the_link_writes_nothing(cat):
    before = (await cat.http.get("/v1/workspaces")).json()
    await call_link(cat, "search", {"projectId": "new", "query": "x"})
    assert (await cat.http.get("/v1/workspaces")).json() == before
    answer = await send_rpc(cat, "tools/call", {"name": "store_memory", "arguments": {"content": "x"}}, path="/v1/mcp")
    assert "error" in answer.json()


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
async def test_both_searches_over_rest_answer_observations(shop, path):
    body = (await shop.http.post(path, json={"projectId": "shop", "query": "egret", "limit": 20})).json()
    (observation,) = body["observations"]
    assert set(observation) == OBSERVATION
    assert observation["metadata"] == {"a": 1}
    if path == "/v1/context":
        assert "called egret" in body["context"]


async def test_a_search_finds_twenty_if_it_says_nothing_else(cat):
    entries = [{"content": f"The heron number {n} was seen at the lake"} for n in range(30)]
    await cat.call("ingest_memories", {"workspace": "shop", "memories": entries})
    body = (await cat.http.post("/v1/search", json={"projectId": "shop", "query": "heron lake"})).json()
    assert len(body["observations"]) == 20


@pytest.mark.parametrize("sent", [{}, {"expiresInDays": 30}, {"label": "laptop", "expiresInDays": 1}])
async def test_a_key_is_read_only_and_is_shown_once_in_their_shape(cat, shared, sent):
    answer = await cat.http.post("/v1/keys", json=sent)
    assert answer.status_code == 201
    key = answer.json()
    assert set(key) >= {"id", "apiKey", "scopes", "expiresAt", "mcpUrl", "connectCommand"}
    assert (key["expiresAt"] is None) == ("expiresInDays" not in sent)
    assert key["mcpUrl"] == f"{shared.url}/v1/mcp"
    assert key["connectCommand"].startswith("claude mcp add --transport http ")
    assert key["connectCommand"].endswith(f'{shared.url}/v1/mcp --header "Authorization: Bearer {key["apiKey"]}"')
    bearer = {"authorization": f"Bearer {key['apiKey']}"}
    assert (await cat.http.get("/v1/memories", headers=bearer)).status_code == 200
    for path, body in (("/v1/memories", {"content": "x"}), ("/v1/keys", {})):
        assert (await cat.http.post(path, json=body, headers=bearer)).status_code == 403
    assert key["apiKey"] not in (await cat.http.get("/v1/keys")).text


@pytest.mark.parametrize("days", [0, -1, 5000, "soon"])
async def test_a_key_with_an_impossible_end_is_refused_by_their_name(cat, days):
    answer = await cat.http.post("/v1/keys", json={"expiresInDays": days})
    assert (answer.status_code, answer.json()["field"]) == (400, "expiresInDays")


async def test_connect_shows_the_command_and_makes_no_key(cat, shared):
    before = (await cat.http.get("/v1/keys")).json()["keys"]
    body = (await cat.http.get("/v1/connect")).json()
    assert set(body) == {"mcpUrl", "connectCommand", "hint"}
    assert body["mcpUrl"] == f"{shared.url}/v1/mcp"
    assert "Bearer <YOUR_API_KEY>" in body["connectCommand"]
    assert len((await cat.http.get("/v1/keys")).json()["keys"]) == len(before)
    assert (await shared.client().get("/v1/connect")).status_code == 401


async def test_info_and_health_need_no_key(shared):
    info = (await shared.client().get("/v1/info")).json()
    assert (info["name"], info["runtime"], info["authMode"]) == ("loci", "server-beta", "api-key")
    assert (await shared.client().get("/healthz")).json()["status"] == "ok"
