"""mem0's nine tools: its names, schemas and answers, and our operations behind them."""

import json

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import ERAS, call_rest, call_tool, send_rpc
from tools import catalog
from tools.core.operation import Effect
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

TOOLSET = "/mcp?toolset=mem0"
TOOLS = catalog.OTHERS["mem0"]
OWNERS = {"user_id", "agent_id", "app_id", "run_id"}
#: mem0's own arguments of each tool, and the names of those that are required, as its official server has them.
CONTRACT = {
    "add_memory": ({"text", "messages", "metadata", "enable_graph"} | OWNERS, ["text"]),
    "search_memories": ({"query", "filters", "limit", "enable_graph"}, ["query"]),
    "get_memories": ({"filters", "page", "page_size", "enable_graph"}, []),
    "list_entities": (set(), []),
    "get_memory": ({"memory_id"}, ["memory_id"]),
    "update_memory": ({"memory_id", "text"}, ["memory_id", "text"]),
    "delete_memory": ({"memory_id"}, ["memory_id"]),
    "delete_all_memories": (OWNERS, []),
    "delete_entities": (OWNERS, []),
}
VALID = {
    "add_memory": {"text": "Tea at nine"},
    "search_memories": {"query": "tea"},
    "get_memory": {"memory_id": NOBODY},
    "update_memory": {"memory_id": NOBODY, "text": "Tea at ten"},
    "delete_memory": {"memory_id": NOBODY},
    "delete_all_memories": {"user_id": "nobody"},
    "delete_entities": {"user_id": "nobody"},
}
VIEW = {"id", "memory", "metadata", "categories", "created_at", "updated_at"}


async def ask(person, name, arguments=None):
    """Return what a tool of mem0's answers as JSON in its text."""
    answer = await call_tool(person, name, arguments or {}, path=TOOLSET)
    assert answer.error is None, answer.text
    return json.loads(answer.text)


async def add(person, text, **fields):
    """Store a text by mem0's names; return its id."""
    (added,) = (await ask(person, "add_memory", {"text": text} | fields))["results"]
    assert (added["memory"], added["event"]) == (text, "ADD")
    return added["id"]


@ERAS
async def test_the_toolset_lists_mem0s_tools_that_a_bearer_may_call(cat, shared, era):
    listed = (await send_rpc(cat, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    shown = {each["name"]: each["inputSchema"] for each in listed}
    assert {
        name: (set(each["properties"]) - {"workspace"}, each.get("required", [])) for name, each in shown.items()
    } == (CONTRACT)
    memory_id = await add(cat, "Tea at nine")
    reader = await shared.add_person(cat.name, scopes=("memory:read",))
    read = (await send_rpc(reader, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    assert [each["name"] for each in read] == ["search_memories", "get_memories", "list_entities", "get_memory"]
    for name, operation in TOOLS.items():
        response = await send_rpc(reader, "tools/call", {"name": name, "arguments": VALID.get(name, {})}, path=TOOLSET)
        assert (response.status_code == 403) is (operation.effect is not Effect.READ), name
    assert [each["id"] for each in (await ask(reader, "get_memories"))["results"]] == [memory_id]


@pytest.mark.parametrize("name", VALID)
async def test_a_wrong_a_missing_and_an_unknown_field_are_refused_by_name(cat, name):
    answer = await call_tool(cat, name, VALID[name] | {"limmit": 3}, path=TOOLSET)
    assert "limmit: there is no such field" in answer.text
    for field in build_schema(TOOLS[name].args).get("required", []):
        left = {key: value for key, value in VALID[name].items() if key != field}
        assert f"{field}: is required" in (await call_tool(cat, name, left, path=TOOLSET)).text


async def test_the_official_client_stores_finds_changes_and_deletes(cat):
    async with cat.mcp(path=TOOLSET) as client:
        owner = {"user_id": "ann", "agent_id": "cursor", "app_id": "heron", "run_id": "r1"}
        stored = await client.call_tool("add_memory", {"text": "Ann likes tea", "metadata": {"mood": "calm"}} | owner)
        memory_id = json.loads(stored.content[0].text)["results"][0]["id"]
        again = await client.call_tool("add_memory", {"text": "Ann likes tea"} | owner)
        assert again.structured_content["results"] == [{"id": memory_id, "memory": "Ann likes tea", "event": "NONE"}]
        found = json.loads((await client.call_tool("search_memories", {"query": "tea"})).content[0].text)["results"]
        assert [each.keys() for each in found] == [VIEW | OWNERS | {"score"}]
        assert {name: found[0][name] for name in OWNERS} == owner
        one = json.loads((await client.call_tool("get_memory", {"memory_id": memory_id})).content[0].text)
        assert (one["memory"], one["metadata"]) == ("Ann likes tea", {"mood": "calm"})
        changed = await client.call_tool("update_memory", {"memory_id": memory_id, "text": "Ann likes coffee"})
        assert changed.structured_content["memory"] == "Ann likes coffee"
        gone = await client.call_tool("delete_memory", {"memory_id": memory_id})
        assert gone.structured_content["message"] == "Memory deleted successfully!"
        assert (await client.call_tool("get_memory", {"memory_id": memory_id})).is_error is True


async def test_each_message_of_a_conversation_is_a_memory_of_who_said_it(cat):
    said = [{"role": "user", "content": "I moved to Oslo"}, {"role": "assistant", "content": "Noted, Oslo it is"}]
    added = await ask(cat, "add_memory", {"text": "moved", "messages": said, "user_id": "ann", "run_id": "r1"})
    assert [each["memory"] for each in added["results"]] == ["I moved to Oslo", "Noted, Oslo it is"]
    listed = (await ask(cat, "get_memories"))["results"]
    assert [(each["user_id"], each["run_id"], each["categories"]) for each in reversed(listed)] == [
        ("ann", "r1", []),
        ("assistant", "r1", []),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"user_id": "ann"}, {"a", "b"}),
        ({"AND": [{"user_id": "ann"}, {"app_id": "heron"}]}, {"b"}),
        ({"OR": [{"user_id": "ben"}, {"app_id": "heron"}]}, {"b", "c"}),
        ({"NOT": [{"user_id": "ann"}]}, {"c", "d"}),
        ({"user_id": {"in": ["ann", "ben"]}}, {"a", "b", "c"}),
        ({"app_id": "*"}, {"b"}),
        ({"user_id": {"ne": "ann"}}, {"c", "d"}),
        ({"created_at": {"gte": "2020-01-01", "lt": "2999-01-01"}}, {"a", "b", "c", "d"}),
        ({"updated_at": {"lt": "2020-01-01"}}, set()),
        ({"keywords": {"icontains": "TEA B"}}, {"b"}),
        ({"metadata": {"n": 1}}, {"a"}),
        ({"memory_ids": [NOBODY]}, set()),
        ({"categories": {"contains": "none"}}, set()),
    ],
)
async def test_filters_mean_what_they_mean_to_mem0(cat, filters, expected):
    await add(cat, "tea a", user_id="ann", metadata={"n": 1})
    await add(cat, "tea b", user_id="ann", app_id="heron")
    await add(cat, "tea c", user_id="ben")
    await add(cat, "tea d", user_id="dan")
    listed = await ask(cat, "get_memories", {"filters": filters, "page_size": 100})
    assert {each["memory"][-1] for each in listed["results"]} == expected
    assert listed["count"] == len(expected)
    found = await ask(cat, "search_memories", {"query": "tea", "filters": filters, "limit": 10})
    assert {each["memory"][-1] for each in found["results"]} == expected


async def test_filters_that_mean_nothing_are_refused_with_what_to_send(cat):
    deep = {"user_id": "ann"}
    for _ in range(9):
        deep = {"AND": [deep]}
    for filters, says in (
        ({"colour": "red"}, "filters have no field 'colour'; send one of user_id"),
        ({"user_id": {"like": "a"}}, "cannot compare user_id by 'like'"),
        ({"created_at": {"gte": "soon"}}, "a time that cannot be read: 'soon'"),
        ({"AND": ["ann"]}, "must be objects"),
        (deep, "nested at most 8 deep"),
        ({"OR": [{"user_id": "ann"}] * 101}, "at most 100 conditions"),
    ):
        for name, arguments in (("get_memories", {}), ("search_memories", {"query": "tea"})):
            answer = await call_tool(cat, name, arguments | {"filters": filters}, path=TOOLSET)
            assert (answer.error, says in answer.text) == ("invalid", True), answer.text


async def test_pages_and_owners_are_counted_and_all_of_one_is_deleted(cat, dan):
    for number in range(5):
        await add(cat, f"tea number {number}", user_id="ann", run_id=f"r{number % 2}")
    await add(cat, "milk", user_id="ben", run_id="r0")
    page = await ask(cat, "get_memories", {"filters": {"user_id": "ann"}, "page": 2, "page_size": 2})
    assert [each["memory"] for each in page["results"]] == ["tea number 2", "tea number 1"]
    assert (page["count"], page["next"], page["previous"]) == (5, 3, 1)
    owners = await ask(cat, "list_entities")
    counts = {(each["type"], each["name"]): each["total_memories"] for each in owners["results"]}
    assert counts == {("user", "ann"): 5, ("user", "ben"): 1, ("run", "r0"): 4, ("run", "r1"): 2}
    for name in ("delete_all_memories", "delete_entities"):
        answer = await call_tool(cat, name, {}, path=TOOLSET)
        assert "send user_id, agent_id, app_id or run_id" in answer.text
    await ask(dan, "delete_entities", {"user_id": "ann"})
    await ask(cat, "delete_all_memories", {"user_id": "ann", "run_id": "r0"})
    assert (await ask(cat, "get_memories"))["count"] == 3
    await ask(cat, "delete_entities", {"user_id": "ann"})
    assert [each["memory"] for each in (await ask(cat, "get_memories"))["results"]] == ["milk"]
    assert (await call_rest(cat, "list_memories", {})).body["total"] == 1
