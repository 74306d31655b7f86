"""The MCP door beside its tools: resources, prompts and completion."""

import json

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import ERAS, LEGACY, MODERN, send_rpc

pytestmark = pytest.mark.anyio

MODES = pytest.mark.parametrize("mode", ["legacy", MODERN])


@ERAS
async def test_memories_are_resources(cat, era):
    memory_id = await cat.store("Tea", workspace="attic")
    listed = (await send_rpc(cat, "resources/list", era=era)).json()["result"]["resources"]
    assert [each["uri"] for each in listed] == ["memory://recent", "memory://workspaces"]
    templates = (await send_rpc(cat, "resources/templates/list", era=era)).json()["result"]["resourceTemplates"]
    assert [each["uriTemplate"] for each in templates] == [
        "memory://memories/{id}",
        "memory://workspaces/{workspace}/recent",
    ]
    for uri in (*(each["uri"] for each in listed), "memory://workspaces/attic/recent"):
        (block,) = (await send_rpc(cat, "resources/read", {"uri": uri}, era=era)).json()["result"]["contents"]
        assert (block["uri"], block["mimeType"]) == (uri, "application/json")
        assert json.loads(block["text"])
    assert memory_id in block["text"]
    in_attic = {"x-memento-workspace": "attic"}
    params = {"uri": f"memory://memories/{memory_id}"}
    (block,) = (await send_rpc(cat, "resources/read", params, era=era, headers=in_attic)).json()["result"]["contents"]
    assert json.loads(block["text"])["content"] == "Tea"


@ERAS
@pytest.mark.parametrize("path", ["", "nope", "[", "memories", "memories/a/b", "/", "workspaces/a"])
@pytest.mark.parametrize("scheme", ["memory://", "http://", ""])
async def test_a_resource_that_is_not_there_is_a_protocol_error(cat, era, scheme, path):
    uri = scheme + path or "x"
    error = (await send_rpc(cat, "resources/read", {"uri": uri}, era=era)).json()["error"]
    assert (error["code"], error["message"]) == (-32602, f"Resource not found: {uri}")


@ERAS
async def test_a_memory_that_is_not_there_is_no_resource(cat, era):
    error = (await send_rpc(cat, "resources/read", {"uri": f"memory://memories/{NOBODY}"}, era=era)).json()["error"]
    assert (error["code"], error["data"]) == (-32602, {"uri": f"memory://memories/{NOBODY}"})


@MODES
async def test_prompts_can_be_picked(cat, mode):
    async with cat.mcp(mode=mode) as client:
        prompts = (await client.list_prompts()).prompts
        assert [each.name for each in prompts] == ["recall", "remember_session"]
        asked = await client.get_prompt("recall", {"subject": "{braces} and %s"})
        assert "{braces} and %s" in asked.messages[0].content.text
        plain = await client.get_prompt("remember_session")
        assert "our conversation. For" in plain.messages[0].content.text


@ERAS
async def test_a_prompt_that_is_not_there_or_lacks_an_argument_is_a_protocol_error(cat, era):
    unknown, lacking = ({"name": "nope"}, "Unknown prompt: nope"), ({"name": "recall"}, "needs the argument 'subject'")
    for params, says in (unknown, lacking):
        error = (await send_rpc(cat, "prompts/get", params, era=era)).json()["error"]
        assert error["code"] == -32602
        assert says in error["message"]


@MODES
async def test_the_names_of_workspaces_are_completed(cat, mode):
    for name in ("attic", "annex", "cellar"):
        await cat.http.post("/v1/workspaces", json={"name": name})
    params = {
        "ref": {"type": "ref/resource", "uri": "memory://workspaces/{workspace}/recent"},
        "argument": {"name": "workspace", "value": "a"},
    }
    era = LEGACY if mode == "legacy" else MODERN
    completion = (await send_rpc(cat, "completion/complete", params, era=era)).json()["result"]["completion"]
    assert set(completion["values"]) == {"attic", "annex"}
    params["argument"]["name"] = "id"
    assert (await send_rpc(cat, "completion/complete", params, era=era)).json()["result"]["completion"]["values"] == []
