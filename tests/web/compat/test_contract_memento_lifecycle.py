"""The answers to Memento's clients on the routes of graph and consolidation: one test for each row of the contract."""

import re

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import read_answer

pytestmark = pytest.mark.anyio


def spoken(response):
    """The text that Memento's client shows."""
    (block,) = response.json()["content"]
    return block["text"]


async def test_get_graph_is_nodes_and_edges_to_the_depth(cat):
    item = (await cat.http.post("/v1/working-memory/items", json={"category": "active_work", "title": "x"})).json()[
        "id"
    ]
    far = await cat.store("far")
    near = await cat.store("near", linkages=[{"type": "memory", "id": far}])
    start = await cat.store(
        "start",
        tags=["t"],
        linkages=[
            {"type": "memory", "id": near, "label": "source"},
            {"type": "file", "path": "docs/a.md"},
            {"type": "item", "id": item},
        ],
    )
    body = (await cat.http.get(f"/v1/memories/{start}/graph", params={"depth": 1})).json()
    assert [set(node) for node in body["nodes"]] == [{"id", "content", "type", "tags", "depth"}] * 2
    assert [(node["id"], node["depth"]) for node in body["nodes"]] == [(start, 0), (near, 1)]
    assert body["edges"] == [
        {"from": start, "to": near, "label": "source"},
        {"from": start, "to": "file:docs/a.md", "label": "source"},
    ]
    body = (await cat.http.get(f"/v1/memories/{start}/graph")).json()
    assert {node["id"]: node["depth"] for node in body["nodes"]} == {start: 0, near: 1, far: 2}
    assert {"from": near, "to": far, "label": "related"} in body["edges"]


async def test_get_related_is_outgoing_and_incoming(cat):
    target = await cat.store("target")
    file = {"type": "file", "path": "docs/a.md"}
    middle = await cat.store("middle", linkages=[{"type": "memory", "id": target}, file])
    above = await cat.store("above", linkages=[{"type": "memory", "id": middle, "label": "supersedes"}])
    body = (await cat.http.get(f"/v1/memories/{middle}/related")).json()
    assert body["outgoing"] == [
        {"id": target, "type": "memory", "label": "related"},
        {"id": "docs/a.md", "type": "file", "label": "source"},
    ]
    by = {"type": "memory", "label": "supersedes", "inverse": "superseded_by"}
    assert body["incoming"] == [{"id": above} | by]


@pytest.mark.parametrize("what", ["graph", "related"])
async def test_the_links_of_a_memory_that_is_not_there_are_a_404(cat, what):
    answer = read_answer(await cat.http.get(f"/v1/memories/{NOBODY}/{what}"))
    assert answer.status == 404
    assert answer.text.startswith("Memory not found")


async def test_post_consolidate_says_how_many_became_how_many(cat):
    for tag in ("tea", "milk"):
        for n in range(3):
            await cat.store(f"{tag} {n}", tags=[tag])
    response = await cat.http.post("/v1/consolidate")
    assert response.status_code == 200
    assert spoken(response) == "Consolidated 2 groups from 6 source memories into 2 new memories."
    for tag in ("bread", "Bread", "BREAD"):
        await cat.store(f"loaf of {tag}", tags=[tag])
    response = await cat.http.post("/v1/consolidate", json={})
    assert spoken(response) == "Consolidated 1 group from 3 source memories into 1 new memory."


async def test_post_consolidate_group_takes_over_the_links_of_its_sources_each_once(cat):
    target = await cat.store("target")
    shared = {"type": "memory", "id": target, "label": "refines"}
    file = {"type": "file", "path": "docs/a.md"}
    first = await cat.store("tea is green", linkages=[shared, file])
    second = await cat.store("coffee is black", linkages=[file, shared, {**shared, "label": "other"}])
    response = await cat.http.post("/v1/consolidate/group", json={"source_ids": [first, second], "content": "Both"})
    (merged_id,) = re.findall(r"into (\S+)\.", spoken(response))
    memory = (await cat.http.get(f"/v1/memories/{merged_id}")).json()
    links = [(each["type"], each.get("path") or each["id"], each["label"]) for each in memory["linkages"]]
    assert links == [
        ("memory", first, "consolidated-from"),
        ("memory", second, "consolidated-from"),
        ("memory", target, "refines"),
        ("file", "docs/a.md", None),
        ("memory", target, "other"),
    ]


async def test_post_consolidate_without_candidates_says_what_is_needed(cat):
    await cat.store("one", tags=["tea"])
    response = await cat.http.post("/v1/consolidate")
    assert response.status_code == 200
    assert "No consolidation candidates found" in spoken(response)
    assert "need 3+ memories sharing tags" in spoken(response)


async def test_what_was_consolidated_is_listed_as_such(cat):
    ids = [await cat.store(f"{n}", tags=["tea"]) for n in range(3)]
    await cat.http.post("/v1/consolidate")
    merged = (await cat.http.get("/v1/memories")).json()["memories"]
    assert [each["tags"] for each in merged] == [["tea"]]
    page = (await cat.http.get("/v1/memories", params={"status": "consolidated", "order": "asc"})).json()
    assert [each["id"] for each in page["memories"]] == ids
    assert {(each["consolidated"], each["consolidated_into"]) for each in page["memories"]} == {(1, merged[0]["id"])}
    report = spoken(await cat.http.get("/v1/health"))
    assert "Total: 4 (1 active, 0 expired, 3 consolidated)" in report


@pytest.mark.parametrize("name", ["source_ids", "ids"])
async def test_post_consolidate_group_says_into_what(cat, name):
    ids = [await cat.store(f"{n}", tags=[f"t{n}"]) for n in range(2)]
    body = {name: ids, "content": "Both", "type": "fact", "tags": ["more"]}
    response = await cat.http.post("/v1/consolidate/group", json=body)
    assert response.status_code == 200
    (new,) = re.findall(r"into (\S+)\.", spoken(response))
    assert spoken(response) == f"Consolidated 2 memories into {new}. Sources: [{ids[0]}, {ids[1]}]"
    memory = (await cat.http.get(f"/v1/memories/{new}")).json()
    assert (memory["content"], memory["type"], memory["tags"]) == ("Both", "fact", ["more", "t0", "t1"])
    labels = {(link["type"], link["id"], link["label"]) for link in memory["linkages"]}
    assert labels == {("memory", each, "consolidated-from") for each in ids}


async def test_post_consolidate_group_without_text_or_type_takes_the_template_and_the_common_type(cat):
    ids = [await cat.store(f"text {n}", type=kind) for n, kind in enumerate(("fact", "rule", "rule"))]
    response = await cat.http.post("/v1/consolidate/group", json={"source_ids": ids})
    memory = (await cat.http.get(f"/v1/memories/{response.json()['id']}")).json()
    assert memory["type"] == "rule"
    assert memory["content"].startswith("3 memories consolidated\n\n• text 0 (fact, ")


async def test_post_consolidate_group_refuses_fewer_than_two_and_names_what_is_missing(cat):
    here = await cat.store("here")
    answer = read_answer(await cat.http.post("/v1/consolidate/group", json={"source_ids": [here]}))
    assert answer.status == 400
    assert "at least 2" in answer.text
    answer = read_answer(await cat.http.post("/v1/consolidate/group", json={"source_ids": [here, NOBODY]}))
    assert answer.status == 400
    assert "fewer than 2" in answer.text
    assert NOBODY in answer.text
