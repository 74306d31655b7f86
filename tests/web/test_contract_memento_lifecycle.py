"""What Memento's clients find on the routes of graph and consolidation: one test for each row of the contract."""

import pytest

from tests.web.doors import NOBODY, seen

pytestmark = pytest.mark.anyio


async def test_get_graph_is_nodes_and_edges_to_the_depth(cat):
    far = await cat.store("far")
    near = await cat.store("near", linkages=[{"type": "memory", "id": far}])
    start = await cat.store(
        "start",
        tags=["t"],
        linkages=[
            {"type": "memory", "id": near, "label": "source"},
            {"type": "file", "path": "docs/a.md"},
            {"type": "item", "id": "a1b2c3d4"},
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
    assert body["incoming"] == [{"id": above, "type": "memory", "label": "supersedes"}]


@pytest.mark.parametrize("what", ["graph", "related"])
async def test_the_links_of_a_memory_that_is_not_there_are_a_404(cat, what):
    answer = seen(await cat.http.get(f"/v1/memories/{NOBODY}/{what}"))
    assert answer.status == 404
    assert answer.text.startswith("Memory not found")
