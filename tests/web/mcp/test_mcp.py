"""The MCP door as clients of both eras see it."""

import json

import jsonschema
import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from server.store.search.seam import EngineDown
from tests.helpers.arguments import NOBODY, arrange_calls
from tests.helpers.doors import ERAS, LEGACY, MODERN, call_rest, call_tool, read_answer, send_rpc
from tools import catalog, toolsets
from tools.core.answers import Readable
from tools.core.operation import Effect
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

MODES = pytest.mark.parametrize("mode", ["legacy", MODERN])
LISTS = pytest.mark.parametrize(
    ("path", "toolset"),
    [*((f"/mcp?toolset={name}", each) for name, each in toolsets.TOOLSETS.items()), ("/v1/mcp", toolsets.RECALL_LINK)],
)
OPERATIONS = {**catalog.CANONICAL, **catalog.MEMENTO}
#: The most tokens of the list that a client gets if its URL names none, and the characters of one.
MOST_TOKENS, CHARACTERS_A_TOKEN = 2000, 4
#: Fields that exist for other systems' clients only, and those of them that are fields of working memory's items.
HIDDEN = {"related_to", "relation_types", "images", "priority", "platformSource", "kind", "title"}
OF_ITEMS = {"priority", "title"}
#: All that a schema in a list of tools may say.
BARE = {"type", "description", "enum", "const", "items", "properties", "required", "additionalProperties"}


def get_operations(path):
    """The operations behind the tools of a path."""
    others = catalog.OTHERS.get(path.partition("=")[2], {})
    return catalog.RECALL_LINK if path == "/v1/mcp" else {**OPERATIONS, **others}


def nodes(node):
    """A schema and every schema in it; the names of properties are no schemas."""
    if isinstance(node, list):
        for each in node:
            yield from nodes(each)
    elif isinstance(node, dict):
        yield node
        for key, value in node.items():
            inner = value.values() if key in {"properties", "$defs"} else [value]
            for each in inner:
                yield from nodes(each)


@MODES
@LISTS
async def test_tools_are_listed_in_the_toolsets_order_with_what_a_client_needs(admin, mode, path, toolset):
    async with admin.mcp(path=path, mode=mode) as client:
        tools = (await client.list_tools()).tools
    assert [each.name for each in tools] == list(toolset)
    for each in tools:
        operation = get_operations(path)[each.name]
        assert path != "/v1/mcp" or operation.scope == "memory:read"
        assert each.title
        assert each.description == operation.description
        hints = each.annotations
        assert hints.read_only_hint == (operation.effect is Effect.READ)
        assert hints.destructive_hint == (operation.effect in {Effect.UPDATE, Effect.DELETE})
        assert hints.idempotent_hint == (operation.effect is not Effect.CREATE)
        assert hints.open_world_hint is False


@MODES
@LISTS
async def test_the_schemas_that_are_shown_are_valid_and_bare(admin, mode, path, toolset):
    async with admin.mcp(path=path, mode=mode) as client:
        tools = (await client.list_tools()).tools
    assert tools
    for each in tools:
        for shape in (each.input_schema, each.output_schema):
            jsonschema.Draft202012Validator.check_schema(shape)
            assert shape["type"] == "object"
        for node in nodes(each.input_schema):
            assert set(node) <= BARE, f"{each.name} shows more than a model needs"
        whole = build_schema(get_operations(path)[each.name].args)
        names = toolset[each.name]
        assert list(each.input_schema["properties"]) == list(names or whole.get("properties", {}))
        assert each.input_schema.get("required", []) == whole.get("required", [])
        assert set(whole.get("required", [])) <= set(each.input_schema["properties"])
        assert ("additionalProperties" in each.input_schema) == (
            len(whole["properties"]) == len(names or whole["properties"])
        )
        if each.name not in catalog.MEMENTO and path.partition("=")[2] not in catalog.OTHERS:
            assert not HIDDEN & set(each.input_schema["properties"]) - (OF_ITEMS if "item" in each.name else set())
        for field, shape in each.input_schema["properties"].items():
            assert shape.get("description"), f"{each.name}.{field} is not described"


async def test_the_list_that_every_client_gets_costs_2000_tokens_at_most(cat):
    tools = (await send_rpc(cat, "tools/list")).json()["result"]["tools"]
    assert len(tools) == 8
    seen = [
        {"name": each["name"], "description": each["description"], "parameters": each["inputSchema"]} for each in tools
    ]
    tokens = sum(len(json.dumps(each)) for each in seen) / CHARACTERS_A_TOKEN
    assert tokens <= MOST_TOKENS, f"{tokens:.0f} tokens: shorten a description, or show fewer arguments"


@ERAS
async def test_only_what_the_bearer_may_call_is_listed(shared, era):
    reader = await shared.add_person("rea", scopes=("memory:read",))
    for path, listed in (
        ("/mcp", ["retrieve_context", "search", "fetch"]),
        ("/mcp?toolset=all", [name for name in toolsets.TOOLSETS["all"] if OPERATIONS[name].scope == "memory:read"]),
    ):
        tools = (await send_rpc(reader, "tools/list", era=era, path=path)).json()["result"]["tools"]
        assert [each["name"] for each in tools] == listed


async def test_a_tool_that_is_not_listed_and_an_argument_that_is_not_shown_are_taken(cat):
    stored = await call_tool(cat, "store_memory", {"content": "Tea", "metadata": {"a": 1}})
    assert (await call_tool(cat, "list_memories", {})).body["memories"][0]["id"] == stored.body["id"]


@ERAS
async def test_the_list_of_tools_is_the_same_bytes_for_everyone_with_the_same_scopes(cat, dan, era):
    first, second = [(await send_rpc(who, "tools/list", era=era)).json()["result"] for who in (cat, dan)]
    assert first == second


async def test_lists_may_be_shared_and_reads_may_not(cat):
    for method in ("prompts/list", "resources/list", "resources/templates/list", "server/discover"):
        result = (await send_rpc(cat, method)).json()["result"]
        assert (result["cacheScope"], result["ttlMs"] > 0) == ("public", True), method
    result = (await send_rpc(cat, "tools/list")).json()["result"]
    assert (result["cacheScope"], result["ttlMs"] > 0) == ("private", True), "it is what this bearer may call"
    result = (await send_rpc(cat, "resources/read", {"uri": "memory://recent"})).json()["result"]
    assert (result["cacheScope"], result["ttlMs"]) == ("private", 0)


async def test_discovery_tells_the_versions_and_how_to_use_this(cat):
    result = (await send_rpc(cat, "server/discover")).json()["result"]
    assert MODERN in result["supportedVersions"]
    assert set(result["capabilities"]) >= {"tools", "resources", "prompts", "completions"}
    assert "retrieve_context" in result["instructions"]


async def test_the_handshake_tells_how_to_use_this(cat):
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    result = (await send_rpc(cat, "initialize", params, era=LEGACY)).json()["result"]
    assert result["protocolVersion"] == LEGACY
    assert "store_memory" in result["instructions"]
    assert result["serverInfo"]["name"] == "loci"
    link = (await send_rpc(cat, "initialize", params, era=LEGACY, path="/v1/mcp")).json()["result"]
    assert link["instructions"].startswith("Read-only recall")
    assert "resources" not in link["capabilities"]


async def test_every_tool_that_the_instructions_name_is_there(cat):
    text = (await send_rpc(cat, "server/discover")).json()["result"]["instructions"]
    named = {word.strip(".,;:()`") for word in text.split() if "_" in word}
    assert named <= set(catalog.CANONICAL)


@MODES
async def test_the_answer_of_every_operation_fits_its_schema_and_is_the_same_as_text(admin, mode):
    cat = admin
    asked = await arrange_calls(cat)
    assert set(asked) == set(catalog.CANONICAL)
    schemas = {name: build_schema(operation.returns) for name, operation in catalog.CANONICAL.items()}
    async with cat.mcp(mode=mode) as client:
        for name, calls in asked.items():
            for arguments in calls:
                result = await client.call_tool(name, arguments)
                assert not result.is_error, (name, result.content[0].text)
                jsonschema.validate(result.structured_content, schemas[name])
                (block,) = result.content
                answer = catalog.CANONICAL[name].returns
                if issubclass(answer, Readable):
                    assert block.text == answer.model_validate(result.structured_content).to_text()
                else:
                    assert json.loads(block.text) == result.structured_content
                    assert "\n" not in block.text, "compact: it costs tokens"
    rotated = await call_tool(cat, "rotate_key", {}, era=MODERN if mode == MODERN else LEGACY)
    jsonschema.validate(rotated.body, schemas["rotate_key"])
    assert json.loads(rotated.text) == rotated.body


@MODES
async def test_a_tool_error_is_for_the_model_to_act_on(cat, mode):
    async with cat.mcp(mode=mode) as client:
        result = await client.call_tool("search", {"query": "x", "limit": 1000})
    assert result.is_error
    assert result.content[0].text == "invalid: limit: must be at most 100; you sent '1000'."
    assert result.structured_content is None


@ERAS
async def test_an_error_of_ours_tells_its_request_id_and_nothing_else(shared, cat, monkeypatch, era):
    async def broken(*_):
        raise RuntimeError("the password is swordfish")

    await cat.store("x")
    monkeypatch.setattr(shared.services.projection, "search_points", broken)
    monkeypatch.setattr(shared.services.directory, "find_workspace", broken)
    headers = {"x-request-id": f"trace-{era}"}
    for method, params in (
        ("tools/call", {"name": "search", "arguments": {"query": "x"}}),
        ("resources/read", {"uri": "memory://recent"}),
    ):
        with capture_logs() as logs:
            response = await send_rpc(cat, method, params, era=era, headers=headers)
        error = response.json()["error"]
        assert (error["code"], error["message"]) == (-32603, f"Internal error; request id trace-{era}.")
        assert "swordfish" not in response.text
        (entry,) = [each for each in logs if each["log_level"] == "error"]
        assert (entry["request_id"], entry["exc_info"]) == (f"trace-{era}", True)


async def test_an_error_of_ours_says_nothing_over_rest_either(shared, cat, monkeypatch):
    async def broken(*_):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(shared.services.directory, "find_workspace", broken)
    with capture_logs() as logs:
        response = await cat.http.get("/v1/memories", headers={"x-request-id": "trace-1"})
    assert (response.status_code, read_answer(response).error) == (500, "internal")
    assert response.headers["x-request-id"] == "trace-1"
    assert "swordfish" not in response.text
    (entry,) = [each for each in logs if each["log_level"] == "error"]
    assert (entry["request_id"], entry["exc_info"]) == ("trace-1", True)


async def test_a_search_store_that_is_down_is_named_at_both_doors(shared, cat, monkeypatch):
    async def down(*_):
        raise EngineDown("no route")

    await cat.store("x")
    monkeypatch.setattr(shared.services.projection, "search_points", down)
    over_rest = await cat.http.post("/v1/search", json={"query": "x"})
    assert (over_rest.status_code, over_rest.headers["retry-after"]) == (503, "5")
    assert "search store" in read_answer(over_rest).text
    assert (await call_tool(cat, "search", {"query": "x"})).text.startswith("unavailable: The search store")
    assert (await call_rest(cat, "fetch", {"id": NOBODY})).status == 404, "the record goes on without it"


async def test_a_workspace_can_be_deleted_while_the_search_store_is_down(shared, cat, monkeypatch):
    async def down(*_):
        raise EngineDown("no route")

    await cat.store("x")
    (workspace,) = (await cat.http.get("/v1/workspaces")).json()["workspaces"]
    monkeypatch.setattr(shared.services.projection, "forget", down)
    assert (await cat.http.delete(f"/v1/workspaces/{workspace['id']}")).status_code == 200


def break_record(monkeypatch, db):
    """Let every read of the record fail, also those that are remembered."""

    def read():
        raise OperationalError("SELECT secrets", {}, Exception("disk I/O error"))

    async def cached_rows(*_):
        read()

    monkeypatch.setattr(db, "read", read)
    monkeypatch.setattr(db, "cached_rows", cached_rows)


async def test_a_record_that_is_down_is_named_at_the_mcp_door(shared, cat, monkeypatch):
    await cat.store("x")
    break_record(monkeypatch, shared.services.db)
    answer = await call_tool(cat, "fetch", {"id": NOBODY})
    assert answer.text.startswith("unavailable: The record is not available right now.")
    error = (await send_rpc(cat, "resources/read", {"uri": "memory://recent"})).json()["error"]
    assert (error["code"], error["message"].partition(":")[0]) == (-32603, "unavailable")


async def test_a_record_that_is_down_is_named_over_rest(shared, cat, monkeypatch):
    await cat.store("x")
    break_record(monkeypatch, shared.services.db)
    response = await cat.http.get(f"/v1/memories/{NOBODY}")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "record" in read_answer(response).text
