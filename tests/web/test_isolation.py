"""Two people who cannot see each other, by any path of the catalogue."""

import json

import pytest

from server.store.record.people import api_keys
from tests.helpers.arguments import NOBODY, VALID
from tests.helpers.doors import ERAS, call_rest, call_tool, read_answer, read_totals, send_rpc
from tools import catalog
from tools.core.operation import Effect
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

SECRET = "heliotrope"
BY_ID = [name for name, each in catalog.CANONICAL.items() if "id" in build_schema(each.args)["properties"]]
#: What is for administrators of the server alone, or for a person and no app, whatever the id.
OF_A_PERSON = {name for name, each in catalog.CANONICAL.items() if each.scope == "admin"} | {"lift_tombstones"}
IN_WORKSPACE = [name for name, each in catalog.CANONICAL.items() if each.is_in_workspace]


@pytest.fixture(scope="module")
async def dan(shared):
    """Somebody else, the same in each test: nobody can change anything that is his."""
    return await shared.add_person("dan")


@pytest.fixture(scope="module")
async def secrets_of_dan(dan):
    """Dan's things: a memory in two workspaces, and a key; the ids by their kinds."""
    memory = await dan.store(f"Dan's {SECRET}", tags=[SECRET])
    other = await dan.store(f"Dan's other {SECRET}", workspace="attic")
    listed = (await dan.http.get("/v1/workspaces")).json()["workspaces"]
    key = (await dan.http.get("/v1/keys")).json()["keys"][0]["id"]
    return {"memory": memory, "other": other, "workspace": listed[0]["id"], "attic": listed[1]["id"], "key": key}


@pytest.mark.parametrize("name", [name for name in BY_ID if name != "restore_memory" and name not in OF_A_PERSON])
async def test_unknown_foreign_and_deleted_ids_are_the_same(cat, dan, secrets_of_dan, name):
    gone = await cat.store("gone")
    await cat.http.delete(f"/v1/memories/{gone}")
    before = await read_totals(dan)
    answers = set()
    for each in (NOBODY, gone, *secrets_of_dan.values()):
        arguments = VALID[name] | {"id": each}
        over_rest = await call_rest(cat, name, arguments)
        assert over_rest.status == 404
        over_mcp = await call_tool(cat, name, arguments)
        assert over_mcp.text == f"not_found: {over_rest.text}"
        answers.add(json.dumps(over_rest.body).replace(each, "ID"))
    assert len(answers) == 1
    assert await read_totals(dan) == before


@pytest.mark.parametrize("name", IN_WORKSPACE)
async def test_naming_the_other_account_is_as_if_it_were_not_there(cat, dan, secrets_of_dan, name):
    answers = set()
    for account in (dan.name, "nobody-at-all"):
        place = f"{account}/default"
        arguments = VALID.get(name, {})
        if name in BY_ID:
            arguments = arguments | {"id": secrets_of_dan["memory"]}
        by_argument = await call_rest(cat, name, arguments | {"workspace": place})
        by_header = await call_rest(cat, name, arguments, headers={"x-memento-workspace": place})
        by_tool = await call_tool(cat, name, arguments | {"projectId": place})
        by_url = await call_tool(cat, name, arguments, path=f"/mcp?workspace={place}")
        assert {each.error for each in (by_argument, by_header, by_tool, by_url)} == {"not_found"}
        answers.add(by_argument.text.replace(account, "ACCOUNT"))
    assert len(answers) == 1


@pytest.mark.parametrize("name", [name for name in IN_WORKSPACE if catalog.CANONICAL[name].effect is Effect.READ])
async def test_a_workspace_of_the_same_name_is_another_one(cat, secrets_of_dan, name):
    for where in ({}, {"workspace": "attic"}, {"workspace": secrets_of_dan["attic"]}):
        for query in (VALID.get(name, {}), {"query": SECRET} if name == "search" else VALID.get(name, {})):
            for answer in (await call_tool(cat, name, query | where), await call_rest(cat, name, query | where)):
                assert SECRET not in json.dumps(answer.body).replace(f'"query_terms": ["{SECRET}"]', "")


async def test_lists_and_health_count_only_ones_own(cat, secrets_of_dan):
    assert secrets_of_dan["memory"]
    assert await read_totals(cat) == {"memories": 0, "workspaces": 0, "keys": 1}
    assert (await cat.call("health"))["memories"]["total"] == 0


@ERAS
async def test_another_persons_memory_is_no_resource(cat, dan, secrets_of_dan, era):
    uris = [f"memory://memories/{each}" for each in secrets_of_dan.values()]
    uris += [f"memory://workspaces/{dan.name}%2Fdefault/recent", f"memory://workspaces/{dan.name}/default/recent"]
    for uri in uris:
        answer = (await send_rpc(cat, "resources/read", {"uri": uri}, era=era)).json()
        assert answer["error"]["code"] == -32602, uri
        assert SECRET not in json.dumps(answer)
    for uri in ("memory://recent", "memory://workspaces", "memory://workspaces/attic/recent"):
        answer = (await send_rpc(cat, "resources/read", {"uri": uri}, era=era)).json()
        assert SECRET not in json.dumps(answer["result"])
        assert "attic" not in json.dumps(answer["result"]).replace("workspaces/attic", "").replace(
            '\\"workspace\\":\\"attic\\"', ""
        )


@ERAS
async def test_completion_offers_ones_own_workspaces_only(cat, secrets_of_dan, era):
    assert secrets_of_dan["attic"]
    await cat.store("mine", workspace="cellar")
    params = {
        "ref": {"type": "ref/resource", "uri": "memory://workspaces/{workspace}/recent"},
        "argument": {"name": "workspace", "value": ""},
    }
    answer = (await send_rpc(cat, "completion/complete", params, era=era)).json()
    assert answer["result"]["completion"]["values"] == ["cellar"]


async def test_a_bound_key_reaches_its_workspace_and_no_other(shared, cat):
    here, there = await cat.store("here", workspace="here"), await cat.store("there", workspace="there")
    made = (await cat.http.post("/v1/keys", json={"workspace": "here"})).json()
    bound = shared.client(made["api_key"])
    assert (await bound.get(f"/v1/memories/{here}")).status_code == 200
    assert (await bound.get(f"/v1/memories/{there}")).status_code == 404
    for place in ("there", "new", f"{cat.name}/there"):
        for how in ({"params": {"workspace": place}}, {"headers": {"x-memento-workspace": place}}):
            answer = read_answer(await bound.get("/v1/memories", **how))
            assert (answer.status, answer.error, answer.body["field"]) == (403, "forbidden", "workspace")
    for place in ("here", f"{cat.name}/here"):
        assert (await bound.get("/v1/memories", params={"workspace": place})).json()["total"] == 1
    assert [each["name"] for each in (await bound.get("/v1/workspaces")).json()["workspaces"]] == ["here"]
    assert [each["id"] for each in (await bound.get("/v1/keys")).json()["keys"]] == [made["id"]]


async def test_a_bound_key_makes_and_deletes_no_workspace(shared, cat):
    await cat.store("x", workspace="here")
    listed = (await cat.http.get("/v1/workspaces")).json()["workspaces"]
    bound = await shared.add_person(cat.name, workspace_id=listed[0]["id"])
    assert (await call_rest(bound, "create_workspace", {"name": "new"})).status == 403
    assert (await call_rest(bound, "delete_workspace", {"id": listed[0]["id"]})).status == 403
    assert (await read_totals(cat))["workspaces"] == 1


async def test_with_a_workspace_its_keys_end_at_once_and_its_name_is_free(shared, cat):
    await cat.store("old", workspace="attic")
    old_id = (await cat.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    made = (await cat.http.post("/v1/keys", json={"workspace": "attic"})).json()
    bound = shared.client(made["api_key"])
    assert (await bound.get("/v1/memories")).json()["total"] == 1
    assert (await cat.http.delete(f"/v1/workspaces/{old_id}")).status_code == 200
    for path in ("/v1/memories", "/v1/keys", "/v1/workspaces"):
        assert (await bound.get(path)).status_code == 401
    assert (await cat.http.delete(f"/v1/workspaces/{old_id}")).status_code == 404
    again = (await cat.http.post("/v1/workspaces", json={"name": "attic"})).json()
    assert again["created"]
    assert again["id"] != old_id
    for name in ("search", "recent", "list_memories", "retrieve_context"):
        answer = await call_tool(cat, name, ({"query": "old"} if name == "search" else {}) | {"workspace": "attic"})
        assert '"content":"old"' not in answer.text, name


async def test_what_was_in_a_deleted_workspace_is_not_found_by_its_id(cat):
    memory_id = await cat.store("old")
    workspace_id = (await cat.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    await cat.http.delete(f"/v1/workspaces/{workspace_id}")
    for name in ("fetch", "update_memory", "delete_memory"):
        assert (await call_rest(cat, name, VALID[name] | {"id": memory_id})).status == 404
    await cat.store("new")
    assert (await call_rest(cat, "fetch", {"id": memory_id})).status == 404
    found = (await call_rest(cat, "search", {"query": "old"})).body["memories"]
    assert [each["content"] for each in found] == []


async def test_a_deleted_memory_is_gone_from_every_path(cat):
    memory_id = await cat.store(f"a {SECRET}")
    assert (await cat.http.delete(f"/v1/memories/{memory_id}")).status_code == 200
    for name in ("search", "recent", "list_memories", "retrieve_context"):
        arguments = {"query": SECRET} if name == "search" else {}
        assert memory_id not in (await call_tool(cat, name, arguments)).text
        assert memory_id not in json.dumps((await call_rest(cat, name, arguments)).body)
    assert memory_id not in (await send_rpc(cat, "resources/read", {"uri": "memory://recent"})).text


async def test_the_recall_link_is_read_only_whatever_the_key(make_person):
    admin = await make_person(scopes=["admin"], is_admin=True)
    await admin.store(f"a {SECRET}")
    async with admin.mcp(path="/v1/mcp") as client:
        assert [each.name for each in (await client.list_tools()).tools] == ["search", "context", "recent"]
    for name in catalog.CANONICAL.keys() - {"search", "recent"}:
        response = await send_rpc(admin, "tools/call", {"name": name, "arguments": VALID.get(name, {})}, path="/v1/mcp")
        assert response.json()["error"]["code"] == -32602
    answer = await call_tool(admin, "context", {"query": SECRET}, path="/v1/mcp")
    assert answer.body["context"].splitlines()[1:-1] == [f"[2026-11-21] a {SECRET}"]
    assert (await send_rpc(admin, "resources/list", path="/v1/mcp")).json()["error"]["code"] == -32601


async def test_a_read_only_key_changes_nothing_by_any_operation(shared, cat):
    memory_id = await cat.store("x")
    reader = await shared.add_person(cat.name, scopes=["memory:read"])
    before = await read_totals(cat)
    for name, operation in catalog.CANONICAL.items():
        if operation.effect is not Effect.READ:
            arguments = VALID.get(name, {}) | ({"id": memory_id} if "id" in VALID.get(name, {}) else {})
            assert (await call_rest(reader, name, arguments)).status == 403
            assert (await send_rpc(reader, "tools/call", {"name": name, "arguments": arguments})).status_code == 403
    assert await read_totals(cat) == before


async def test_one_cannot_revoke_anothers_key_nor_see_its_secret(shared, cat, dan):
    async with shared.services.db.read() as connection:
        (theirs,) = await api_keys.list_keys(connection, dan.user_id)
    assert (await call_rest(cat, "revoke_key", {"id": theirs.id})).status == 404
    assert (await dan.http.get("/v1/memories")).status_code == 200
    listed = (await dan.http.get("/v1/keys")).text
    assert dan.key not in listed
    assert dan.key[:12] in listed
