"""The official memory server's nine tools: its names, schemas and answers, and our memories behind them."""

import json

import pytest

from tests.helpers.doors import ERAS, call_rest, call_tool, send_rpc
from tools import catalog
from tools.core.operation import Effect
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

TOOLSET = "/mcp?toolset=knowledge-graph"
ANN = {"name": "Ann", "entityType": "person", "observations": ["Likes tea", "Works on heron"]}
HERON = {"name": "heron", "entityType": "project", "observations": []}
WORKS = {"from": "Ann", "to": "heron", "relationType": "works_on"}
#: The required arguments of each tool, as the official server has them.
CONTRACT = {
    "create_entities": ["entities"],
    "create_relations": ["relations"],
    "add_observations": ["observations"],
    "delete_entities": ["entityNames"],
    "delete_observations": ["deletions"],
    "delete_relations": ["relations"],
    "read_graph": [],
    "search_nodes": ["query"],
    "open_nodes": ["names"],
}
#: Arguments that are accepted, and the keys of the structured answer.
VALID = {
    "create_entities": ({"entities": [ANN]}, {"entities"}),
    "create_relations": ({"relations": []}, {"relations"}),
    "add_observations": ({"observations": []}, {"results"}),
    "delete_entities": ({"entityNames": ["Zed"]}, {"success", "message"}),
    "delete_observations": ({"deletions": [{"entityName": "Zed", "observations": ["x"]}]}, {"success", "message"}),
    "delete_relations": ({"relations": [WORKS]}, {"success", "message"}),
    "read_graph": ({}, {"entities", "relations"}),
    "search_nodes": ({"query": "zed"}, {"entities", "relations"}),
    "open_nodes": ({"names": ["Zed"]}, {"entities", "relations"}),
}


async def ask(person, name, arguments=None):
    """Return what a tool answers, in its structure."""
    answer = await call_tool(person, name, arguments or {}, path=TOOLSET)
    assert answer.error is None, answer.text
    return {key: value for key, value in answer.body.items() if key != "meta"}


@ERAS
async def test_the_toolset_lists_the_nine_tools_that_a_bearer_may_call(cat, shared, era):
    listed = (await send_rpc(cat, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    assert {each["name"]: each["inputSchema"].get("required", []) for each in listed} == CONTRACT
    assert list(listed[0]["inputSchema"]["properties"]) == ["workspace", "entities"]
    reader = await shared.add_person("rea", scopes=("memory:read",))
    read = (await send_rpc(reader, "tools/list", era=era, path=TOOLSET)).json()["result"]["tools"]
    assert [each["name"] for each in read] == ["read_graph", "search_nodes", "open_nodes"]
    for name, (arguments, _) in VALID.items():
        response = await send_rpc(reader, "tools/call", {"name": name, "arguments": arguments}, path=TOOLSET)
        assert (response.status_code == 403) is (catalog.KNOWLEDGE_GRAPH[name].effect is not Effect.READ), name


@pytest.mark.parametrize("name", VALID)
async def test_every_tool_answers_with_the_official_keys_and_names_a_wrong_field(cat, name):
    arguments, keys = VALID[name]
    assert (await ask(cat, name, arguments)).keys() == keys
    answer = await call_tool(cat, name, arguments | {"limmit": 3}, path=TOOLSET)
    assert "limmit: there is no such field" in answer.text
    for field in build_schema(catalog.KNOWLEDGE_GRAPH[name].args).get("required", []):
        answer = await call_tool(cat, name, arguments | {field: 7}, path=TOOLSET)
        assert answer.text.startswith(f"invalid: {field}"), answer.text


async def test_the_official_client_builds_a_graph_reads_it_and_takes_it_down(cat):
    async with cat.mcp(path=TOOLSET) as client:
        made = await client.call_tool("create_entities", {"entities": [ANN, HERON, ANN]})
        assert json.loads(made.content[0].text) == [ANN, HERON]
        again = await client.call_tool("create_entities", {"entities": [ANN | {"name": "ANN"}]})
        assert again.structured_content["entities"] == []
        related = await client.call_tool("create_relations", {"relations": [WORKS, WORKS]})
        assert json.loads(related.content[0].text) == [WORKS]
        added = await client.call_tool(
            "add_observations", {"observations": [{"entityName": "Ann", "contents": ["Likes tea", "Plays chess"]}]}
        )
        assert json.loads(added.content[0].text) == [{"entityName": "Ann", "addedObservations": ["Plays chess"]}]
        graph = await client.call_tool("read_graph", {})
        whole = {
            "entities": [ANN | {"observations": [*ANN["observations"], "Plays chess"]}, HERON],
            "relations": [WORKS],
        }
        assert json.loads(graph.content[0].text) == whole
        found = await client.call_tool("search_nodes", {"query": "CHESS"})
        assert [each["name"] for each in found.structured_content["entities"]] == ["Ann"]
        opened = await client.call_tool("open_nodes", {"names": ["heron", "nobody"]})
        assert json.loads(opened.content[0].text) == {"entities": [HERON], "relations": [WORKS]}
        gone = await client.call_tool(
            "delete_observations", {"deletions": [{"entityName": "Ann", "observations": ["Likes tea", "Likes milk"]}]}
        )
        assert gone.structured_content["message"] == "Deleted 1 of 2 observations."
        gone = await client.call_tool("delete_relations", {"relations": [WORKS]})
        assert gone.content[0].text == "Relations deleted successfully"
        gone = await client.call_tool("delete_entities", {"entityNames": ["Ann", "heron", "nobody"]})
        assert gone.content[0].text == "Deleted 2 of 3 entities. Not found: nobody"
        left = await client.call_tool("read_graph", {})
        assert json.loads(left.content[0].text) == {"entities": [], "relations": []}


async def test_the_graph_is_made_of_the_memories_that_other_tools_store_and_recall(cat):
    await cat.store("Ben has a boat in Oslo", entity="Ben")
    await ask(cat, "create_entities", {"entities": [ANN, HERON]})
    await ask(cat, "create_relations", {"relations": [WORKS]})
    graph = await ask(cat, "read_graph")
    assert [each["name"] for each in graph["entities"]] == ["Ben", "Ann", "heron"]  # Oslo is named in a text only
    found = await cat.call("search", {"query": "who works on heron"})
    assert "Ann works on heron" in [each["title"] for each in found["results"]]
    page = (await call_rest(cat, "read_entity", {"id": "Ann"})).body
    assert (page["entity"]["type"], page["entity"]["memory_count"]) == ("person", 3)
    await ask(cat, "delete_entities", {"entityNames": ["ben", "Ann"]})
    assert (await call_rest(cat, "list_memories", {})).body["total"] == 0
    assert (await ask(cat, "read_graph")) == {"entities": [HERON], "relations": []}


async def test_the_relations_of_an_imported_graph_are_relations_and_are_not_made_twice(cat):
    works = WORKS | {"relationType": "works_on"}
    lines = [{"type": "entity"} | ANN, {"type": "entity"} | HERON, {"type": "relation"} | works]
    sent = "".join(json.dumps(each) + "\n" for each in lines)
    assert (await cat.http.post("/v1/import", content=sent)).json()["refused"] == 0
    graph = await ask(cat, "read_graph")
    assert graph["relations"] == [works]
    assert {each["name"]: each["observations"] for each in graph["entities"]}["Ann"] == ANN["observations"]
    assert await ask(cat, "create_relations", {"relations": [works]}) == {"relations": []}


async def test_a_search_that_finds_no_text_finds_what_a_recall_does(cat):
    await ask(cat, "create_entities", {"entities": [ANN | {"observations": ["Her kettle is made of copper"]}]})
    assert [each["name"] for each in (await ask(cat, "search_nodes", {"query": "copper kettles?"}))["entities"]] == [
        "Ann"
    ]
    assert await ask(cat, "search_nodes", {"query": "zebra"}) == {"entities": [], "relations": []}


async def test_what_cannot_be_made_is_refused_and_nothing_is_half_done(cat, dan):
    await ask(cat, "create_entities", {"entities": [ANN]})
    for name, arguments, says in (
        ("create_relations", {"relations": [WORKS]}, "Entity with name heron not found"),
        ("add_observations", {"observations": [{"entityName": "heron", "contents": ["x"]}]}, "heron not found"),
        (
            "create_entities",
            {"entities": [HERON, {"name": "x" * 10_000, "entityType": "t", "observations": []}]},
            "name",
        ),
        ("create_entities", {"entities": [HERON | {"observations": ["x" * 40_000]}]}, "at most 32768 bytes"),
        ("create_entities", {"entities": [HERON] * 101}, "at most 100"),
        ("search_nodes", {"query": "x" * 3_000}, "query: must have at most 2048"),
    ):
        answer = await call_tool(cat, name, arguments, path=TOOLSET)
        assert answer.error is not None, name
        assert says in answer.text, answer.text
    assert await ask(cat, "read_graph") == {"entities": [ANN], "relations": []}
    assert await ask(dan, "open_nodes", {"names": ["Ann"]}) == {"entities": [], "relations": []}
