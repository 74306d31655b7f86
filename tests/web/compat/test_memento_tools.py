"""Memento's tools: its names, its sentences, and our operations behind them."""

import json

import jsonschema
import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import ERAS, call_tool, send_rpc
from tools import catalog
from tools.core.answers import AnswerText
from tools.core.arguments import Args, InWorkspace
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

TOOLSET = "/mcp?toolset=memento"
#: Arguments that are accepted, for each tool that needs some.
VALID = {
    "memento_update": {"section": "active_work", "content": "Tea"},
    "memento_remember": {"content": "Tea"},
    "memento_store": {"content": "Tea"},
    "memento_recall": {"query": "tea"},
    "memento_consolidate": {"source_ids": [NOBODY, NOBODY[:-1] + "1"]},
    "memento_memory_delete": {"id": NOBODY},
    "memento_extract": {"transcript": "Ann likes tea. " * 10},
    "memento_skip_add": {"item": "tea", "reason": "cold", "expires": "2099-01-01"},
    "memento_skip_check": {"query": "tea"},
    "memento_view_image": {"memory_id": NOBODY},
    "memento_skip_remove": {"id": NOBODY},
    "memento_item_create": {"category": "active_work", "title": "Tea"},
    "memento_item_update": {"id": NOBODY, "title": "Coffee"},
    "memento_item_delete": {"id": NOBODY},
    "memento_identity_update": {"crystal": "I am"},
}


async def read_tool_text(person, name, arguments=None, path=TOOLSET):
    """Return the text of a tool's answer."""
    answer = await call_tool(person, name, arguments or {}, path=path)
    assert answer.error is None, answer.text
    assert answer.body["text"] == answer.text
    return answer.text


@pytest.mark.parametrize("operation", catalog.MEMENTO.values(), ids=lambda each: each.name)
def test_a_row_of_mementos_is_whole(operation):
    assert issubclass(operation.args, InWorkspace)
    assert issubclass(operation.args, Args)
    assert operation.returns is AnswerText
    assert operation.routes == ()
    assert operation.description.endswith(".")
    assert operation.handler.__doc__


@ERAS
async def test_the_toolset_lists_mementos_tools_in_place_of_the_others(cat, era):
    listed = (await send_rpc(cat, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    assert [each["name"] for each in listed] == list(catalog.MEMENTO)
    plain = (await send_rpc(cat, "tools/list", era=era)).json()["result"]["tools"]
    assert not {each["name"] for each in plain} & set(catalog.MEMENTO)
    for each in listed:
        assert each["inputSchema"]["additionalProperties"] is False
        assert "image_path" not in each["inputSchema"]["properties"]


async def test_both_toolsets_can_be_called_whichever_is_listed(cat):
    for path in ("/mcp", TOOLSET):
        assert (await read_tool_text(cat, "memento_remember", {"content": "Tea"}, path)).startswith("Stored memory ")
        assert (await call_tool(cat, "search", {"query": "tea"}, path=path)).error is None


async def test_the_recall_link_has_no_tool_of_mementos(cat):
    response = await send_rpc(cat, "tools/call", {"name": "memento_read", "arguments": {}}, path="/v1/mcp")
    assert response.json()["error"]["code"] == -32602


async def test_a_toolset_that_is_not_there_is_refused_by_name(cat):
    response = await send_rpc(cat, "tools/list", path="/mcp?toolset=mementos")
    assert (response.status_code, response.json()["field"]) == (400, "toolset")
    assert "send one of: all, memento, min-memory" in response.json()["message"]


@pytest.mark.parametrize("name", catalog.MEMENTO)
async def test_every_tool_answers_in_words_that_fit_its_schema(cat, name):
    answer = await call_tool(cat, name, VALID.get(name, {}), path=TOOLSET)
    if name == "memento_consolidate":
        assert answer.text.startswith("invalid: source_ids:")
    elif name == "memento_extract":
        assert "set LOCI_LLM_URL and LOCI_LLM_MODEL" in answer.text
    elif NOBODY in VALID.get(name, {}).values():
        assert answer.error == "not_found"
    else:
        assert answer.error is None, answer.text
        jsonschema.validate(answer.body, build_schema(catalog.MEMENTO[name].returns))


@pytest.mark.parametrize("name", [name for name in catalog.MEMENTO if name in VALID])
async def test_an_unknown_or_missing_field_is_refused_by_name(cat, name):
    answer = await call_tool(cat, name, VALID[name] | {"limmit": 3}, path=TOOLSET)
    assert answer.text.startswith("invalid: limmit: there is no such field")
    for field in build_schema(catalog.MEMENTO[name].args).get("required", []):
        left = {key: value for key, value in VALID[name].items() if key != field}
        assert (await call_tool(cat, name, left, path=TOOLSET)).text.startswith(f"invalid: {field}: is required")


async def test_an_image_is_refused_by_name(cat):
    for name in ("memento_remember", "memento_recall"):
        answer = await call_tool(cat, name, VALID[name] | {"image_path": "a.png"}, path=TOOLSET)
        assert answer.text.startswith("invalid: image_path: is not supported by this server")
    assert await read_tool_text(cat, "memento_recall", {"query": "tea"}) == 'No memories found matching "tea".'


async def test_init_makes_the_connections_workspace_once(cat):
    path = f"{TOOLSET}&workspace=attic"
    assert await read_tool_text(cat, "memento_init", path=path) == 'Workspace "attic" initialized.'
    assert "already exists" in await read_tool_text(cat, "memento_init", path=path)
    assert [each["name"] for each in (await cat.http.get("/v1/workspaces")).json()["workspaces"]] == ["attic"]


async def test_remember_recall_and_delete_in_mementos_words(cat, dan):
    fields = {"content": "Staging runs on heron", "tags": ["ops"], "type": "fact", "expires": "2099-12-31"}
    text = await read_tool_text(cat, "memento_remember", fields | {"linkages": [{"type": "file", "path": "a.md"}]})
    memory_id = text.split()[2]
    assert text == f"Stored memory {memory_id} (fact) [ops]"
    assert await read_tool_text(
        cat, "memento_recall", {"query": "heron", "tags": ["OPS"], "type": "fact", "limit": 3}
    ) == (
        f"Found 1 memory:\n\n**{memory_id}** (fact) [ops] (expires: 2099-12-31T00:00:00.000Z)\n"
        "Staging runs on heron\nLinks: file:a.md"
    )
    assert "No memories" in await read_tool_text(cat, "memento_recall", {"query": "heron", "type": "decision"})
    assert "No memories" in await read_tool_text(dan, "memento_recall", {"query": "heron"})
    refused = await call_tool(dan, "memento_memory_delete", {"id": memory_id}, path=TOOLSET)
    assert refused.error == "not_found"
    assert await read_tool_text(cat, "memento_memory_delete", {"id": memory_id}) == f"Memory {memory_id} deleted."


async def test_what_was_consolidated_is_recalled_in_the_agents_words(cat, dan):
    made = [await read_tool_text(cat, "memento_remember", {"content": text}) for text in ("Tea at nine", "Tea at ten")]
    ids = [text.split()[2] for text in made]
    refused = await call_tool(dan, "memento_consolidate", {"source_ids": ids}, path=TOOLSET)
    assert refused.text.startswith("invalid: source_ids:")
    text = await read_tool_text(cat, "memento_consolidate", {"source_ids": ids, "content": "Tea at nine and at ten"})
    assert text.startswith("Consolidated 2 memories into ")
    assert f"Sources: [{', '.join(ids)}]" in text
    recalled = await read_tool_text(cat, "memento_recall", {"query": "tea"})
    assert recalled.startswith("Found 1 memory:")
    assert "Tea at nine and at ten" in recalled


async def test_a_recalled_memory_that_is_to_be_skipped_says_so(cat):
    await read_tool_text(cat, "memento_remember", {"content": "Tailwind styles the site"})
    await read_tool_text(cat, "memento_skip_add", {"item": "Tailwind", "reason": "dropped", "expires": "2099-01-01"})
    assert "Skip: Tailwind. dropped (expires 2099-01-01" in await read_tool_text(
        cat, "memento_recall", {"query": "styles site"}
    )


async def test_working_memory_is_read_whole_or_by_section(cat):
    await read_tool_text(cat, "memento_update", {"section": "active_work", "content": "Tea"})
    assert (await read_tool_text(cat, "memento_read")).startswith("# Working Memory")
    assert await read_tool_text(cat, "memento_read", {"section": "Active Work"}) == "## Active Work\n\nTea"
    assert (await call_tool(cat, "memento_read", {"section": "nowhere"}, path=TOOLSET)).error == "not_found"


async def test_items_and_skips_are_listed_with_their_ids(cat, dan):
    assert await read_tool_text(cat, "memento_item_list") == "No items found."
    await read_tool_text(
        cat, "memento_item_create", {"category": "active_work", "title": "Tea", "next_action": "drink"}
    )
    listed = await read_tool_text(cat, "memento_item_list")
    item_id = listed.partition("**")[2].partition("**")[0]
    assert listed == f"Found 1 item:\n\n**{item_id}** (active_work, active) Tea\n  Next: drink"
    assert await read_tool_text(dan, "memento_item_list") == "No items found."
    assert "paused" in await read_tool_text(cat, "memento_item_update", {"id": item_id, "status": "paused"})
    assert await read_tool_text(cat, "memento_item_delete", {"id": item_id}) == f"Item {item_id} deleted."
    assert await read_tool_text(cat, "memento_skip_list") == "The skip list is empty."
    await read_tool_text(cat, "memento_skip_add", VALID["memento_skip_add"])
    assert '"tea": cold (expires 2099-01-01' in await read_tool_text(cat, "memento_skip_list")


@ERAS
async def test_a_key_that_only_reads_changes_nothing_by_mementos_tools(shared, cat, era):
    reader = await shared.add_person(cat.name, scopes=["memory:read"])
    for name, operation in catalog.MEMENTO.items():
        if operation.scope != "memory:read":
            call = {"name": name, "arguments": VALID.get(name, {})}
            assert (await send_rpc(reader, "tools/call", call, era=era, path=TOOLSET)).status_code == 403
    assert json.loads((await cat.http.get("/v1/memories")).text)["total"] == 0
