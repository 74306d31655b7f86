"""min-memory's tools: its names, schemas and answers, and our operations behind them."""

import json

import jsonschema
import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import ERAS, call_tool, send_rpc
from tools import catalog, toolsets
from tools.core.answers import Answer, Readable
from tools.core.arguments import InWorkspace
from tools.core.operation import Effect
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

TOOLSET = "/mcp?toolset=min-memory"
FACT = {"text": "Tea at nine", "memory_type": "episodic", "scope": "global", "entity": "tea"}
#: Arguments that are accepted, for each tool that needs some.
VALID = {
    "search": {"query": "tea"},
    "fetch": {"id": NOBODY},
    "store_memory": FACT,
    "retrieve_context": {"query": "tea"},
    "set_project": {"project": "shop"},
    "link_memories": {"memory_id": NOBODY, "related_id": NOBODY[:-1] + "1", "relation_type": "supports"},
    "search_entities": {"query": "tea"},
    "delete_memory": {"memory_id": NOBODY},
    "undelete_memory": {"memory_id": NOBODY},
    "update_memory": {"memory_id": NOBODY, "text": "Tea at ten"},
    "sync_session": {"project": "global"},
    "register_entity": {"entity": "tea", "description": "A drink"},
    "purge_project": {"project": NOBODY},
}
#: min-memory's own arguments of each tool, and the names of those that are required.
CONTRACT = {
    "search": ({"query"}, {"query"}),
    "fetch": ({"id"}, {"id"}),
    "store_memory": (
        {"text", "memory_type", "scope", "entity", "project", "task_id", "related_to", "relation_types", "tags"}
        | {"status", "priority"},
        {"text", "memory_type", "scope", "entity"},
    ),
    "retrieve_context": (
        {"query", "scope", "memory_type", "project", "task_id", "include_related", "limit", "score_threshold"}
        | {"recency_weight", "status_filter"},
        {"query"},
    ),
    "set_project": ({"project"}, {"project"}),
    "get_context_info": (set(), set()),
    "link_memories": ({"memory_id", "related_id", "relation_type"}, {"memory_id", "related_id", "relation_type"}),
    "list_entities": ({"scope", "project", "memory_type", "show_tree"}, set()),
    "search_entities": ({"query", "scope", "limit"}, {"query"}),
    "delete_memory": ({"memory_id"}, {"memory_id"}),
    "update_memory": (
        {"memory_id", "text", "memory_type", "scope", "entity", "project", "task_id", "tags", "status", "priority"},
        {"memory_id"},
    ),
    "sync_session": ({"project", "decisions", "status_updates", "learnings", "feedback"}, {"project"}),
    "register_entity": ({"entity", "description", "parent"}, {"entity", "description"}),
    "purge_project": ({"project"}, {"project"}),
}
READING = ["search", "fetch", "retrieve_context", "get_context_info", "list_entities", "search_entities"]


async def ask(person, name, arguments=None, **how):
    """Return what a tool of min-memory's answers as JSON in its text."""
    answer = await call_tool(person, name, arguments or {}, path=TOOLSET, **how)
    assert answer.error is None, answer.text
    return json.loads(answer.text)


async def store(person, text, **fields):
    """Store a fact by min-memory's names; return its id."""
    return (await ask(person, "store_memory", FACT | {"text": text} | fields))["memory_id"]


async def recall(person, query="tea", **arguments):
    """The texts that a recall finds, in their order."""
    return [each["text"] for each in await ask(person, "retrieve_context", {"query": query} | arguments)]


async def check_refused(person, name, arguments, says):
    """Both eras refuse a call with the same sentence."""
    for era in ("2025-06-18", "2026-07-28"):
        answer = await call_tool(person, name, arguments, path=TOOLSET, era=era)
        assert answer.error is not None, (name, arguments)
        assert says in answer.text, answer.text


@pytest.mark.parametrize("operation", catalog.MIN_MEMORY.values(), ids=lambda each: each.name)
def test_a_row_of_min_memorys_is_whole(operation):
    assert issubclass(operation.args, InWorkspace)
    assert issubclass(operation.returns, Answer)
    assert issubclass(operation.returns, Readable)
    assert operation.routes == ()
    assert operation.description.endswith(".")
    assert operation.handler.__doc__
    shown = build_schema(operation.args)
    arguments, required = CONTRACT.get(operation.name, (set(), {"memory_id"}))
    assert arguments <= shown["properties"].keys()
    assert set(shown.get("required", [])) == required
    for name, each in build_schema(operation.returns)["properties"].items():
        assert each.get("description"), name


@ERAS
async def test_the_toolset_lists_min_memorys_tools_in_place_of_the_others(cat, shared, era):
    listed = (await send_rpc(cat, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    assert [each["name"] for each in listed] == list(catalog.MIN_MEMORY)
    schemas = {each["name"]: each["inputSchema"]["properties"] for each in listed}
    types = ["core_identity", "project_context", "task_instruction", "episodic"]
    assert schemas["store_memory"]["memory_type"]["enum"] == types
    assert schemas["store_memory"]["scope"]["enum"] == ["global", "project", "task"]
    relations = ["supports", "contradicts", "supersedes", "refines", "depends_on", "implements", "example_of"]
    assert schemas["link_memories"]["relation_type"]["enum"] == relations
    reader = await shared.add_person("rea", scopes=("memory:read",))
    read = (await send_rpc(reader, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    assert [each["name"] for each in read] == READING


async def test_a_read_only_key_changes_nothing(cat, shared):
    memory_id = await store(cat, "Tea at nine")
    reader = await shared.add_person(cat.name, scopes=("memory:read",))
    for name, operation in catalog.MIN_MEMORY.items():
        arguments = VALID.get(name, {}) | ({"memory_id": memory_id} if "memory_id" in VALID.get(name, {}) else {})
        response = await send_rpc(reader, "tools/call", {"name": name, "arguments": arguments}, path=TOOLSET)
        assert (response.status_code == 403) is (operation.effect is not Effect.READ), name
    assert await recall(reader) == ["Tea at nine"]


async def test_the_official_client_stores_recalls_and_deletes(cat):
    async with cat.mcp(path=TOOLSET) as client:
        assert [each.name for each in (await client.list_tools()).tools] == list(toolsets.TOOLSETS["min-memory"])
        stored = (await client.call_tool("store_memory", FACT)).structured_content
        found = await client.call_tool("retrieve_context", {"query": "tea"})
        assert [each["id"] for each in found.structured_content["memories"]] == [stored["memory_id"]]
        assert json.loads(found.content[0].text) == [
            each | {"project": None} for each in found.structured_content["memories"]
        ]
        gone = await client.call_tool("delete_memory", {"memory_id": stored["memory_id"]})
        assert gone.structured_content["status"] == "deleted"
        assert (await client.call_tool("fetch", {"id": stored["memory_id"]})).is_error is True


async def test_our_own_tools_keep_their_words_at_other_addresses(cat):
    memory_id = await store(cat, "Tea at nine", tags=["hot"], status="active", priority=3)
    ours = (await call_tool(cat, "fetch", {"id": memory_id})).body
    assert (ours["content"], ours["type"], ours["scope"]) == ("Tea at nine", "episodic", "global")
    assert ours["metadata"] == {"status": "active", "priority": 3}
    resource = await send_rpc(cat, "resources/read", {"uri": f"memory://memories/{memory_id}"}, path=TOOLSET)
    assert json.loads(resource.json()["result"]["contents"][0]["text"])["content"] == "Tea at nine"
    assert (await call_tool(cat, "list_memories", {}, path=TOOLSET)).body["total"] == 1


@pytest.mark.parametrize("name", catalog.MIN_MEMORY)
async def test_every_tool_answers_in_json_that_fits_its_schema(cat, name):
    answer = await call_tool(cat, name, VALID.get(name, {}), path=TOOLSET)
    if NOBODY in VALID.get(name, {}).values():
        assert answer.error == "not_found"
    else:
        assert answer.error is None, answer.text
        jsonschema.validate(answer.body, build_schema(catalog.MIN_MEMORY[name].returns))
        json.loads(answer.text)


@pytest.mark.parametrize("name", VALID)
async def test_an_unknown_a_missing_and_a_wrong_field_are_refused_by_name(cat, name):
    await check_refused(cat, name, VALID[name] | {"limmit": 3}, "invalid: limmit: there is no such field")
    schema = build_schema(catalog.MIN_MEMORY[name].args)
    for field in schema.get("required", []):
        left = {key: value for key, value in VALID[name].items() if key != field}
        await check_refused(cat, name, left, f"invalid: {field}: is required")
    for field in schema["properties"]:
        wrong = {"a": {"b": 1}} if field not in {"relation_types", "git_info"} else 7
        await check_refused(cat, name, VALID[name] | {field: wrong}, f"{field}")
