"""The graph of a workspace: memories, entities, and what joins them."""

import pytest

from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio


async def test_links_and_shared_entities_join_memories_and_what_stands_alone_is_left_out(ann, bob):
    first = await ann.store("We chose Postgres", entity="ledger", project="shop")
    second = await ann.store("The ledger has JSON", entity="ledger", project="shop")
    third = await ann.store("It was slow", linkages=[{"type": "memory", "id": first, "label": "explains"}])
    await ann.store("Nothing to do with it")
    gone = await ann.store("Deleted", linkages=[{"type": "memory", "id": first}])
    await ann.http.delete(f"/v1/memories/{gone}")
    await bob.store("We chose Postgres", entity="ledger")
    graph = (await call_rest(ann, "workspace_graph", {})).body
    nodes = {each["id"]: each for each in graph["nodes"]}
    (entity,) = [each for each in graph["nodes"] if each["kind"] == "entity"]
    assert set(nodes) == {first, second, third, entity["id"]}
    assert (entity["title"], entity["degree"], nodes[first]["degree"]) == ("ledger", 2, 2)
    edges = {(each["from"], each["to"], each["label"]) for each in graph["edges"]}
    assert edges == {(third, first, "explains"), (first, entity["id"], "about"), (second, entity["id"], "about")}
    assert graph["truncated"] is False
    of_shop = (await call_rest(ann, "workspace_graph", {"project": "shop"})).body
    assert third not in {each["id"] for each in of_shop["nodes"]}
    few = (await call_rest(ann, "workspace_graph", {"limit": 4})).body
    assert few["truncated"] is True
