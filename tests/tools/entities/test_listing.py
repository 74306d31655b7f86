"""What memories are about: entities with their numbers, similar names, and the projects."""

import pytest

from tests.helpers.doors import call_rest, check_refusal

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ann_with_facts(ann, clock):
    """Memories about the same few things, stored a minute apart."""
    for content, fields in (
        ("Clarity runs on heron", {"entity": "clarity", "project": "shop", "type": "fact"}),
        ("Clarity has a new owner", {"entity": "clarity", "project": "shop", "task": "T-1", "type": "fact"}),
        ("Ben likes tea", {"entity": "Ben"}),
        ("Ben owns the shop", {"entity": "Ben", "project": "shop"}),
        ("The blog is static", {"entity": "blog", "project": "blog", "type": "decision"}),
        ("Nobody is named here", {}),
    ):
        await ann.store(content, **fields)
        clock.move(minutes=1)
    return ann


async def read_names(person, **arguments):
    """The names of the entities found, in their order."""
    answer = (await call_rest(person, "list_entities", arguments)).body
    assert answer["total"] >= len(answer["entities"])
    return [each["name"] for each in answer["entities"]]


async def test_entities_have_the_numbers_and_the_place_of_their_memories(ann_with_facts):
    answer = await ann_with_facts.call("list_entities", {})
    shown = {each["name"]: (each["memory_count"], each["scope"], each.get("project")) for each in answer["entities"]}
    assert shown == {
        "Ben": (2, "global", None),
        "clarity": (2, "project", "shop"),
        "blog": (1, "project", "blog"),
    }
    (clarity,) = [each for each in answer["entities"] if each["name"] == "clarity"]
    assert (clarity["first_seen"], clarity["last_updated"]) == ("2026-11-21T12:00:00.000Z", "2026-11-21T12:01:00.000Z")
    assert (answer["total"], answer["entities"][0]["name"]) == (3, "Ben")


async def test_entities_are_filtered_and_similar_names_come_first(ann_with_facts):
    assert await read_names(ann_with_facts, project="shop") == ["clarity", "Ben"]
    assert await read_names(ann_with_facts, scope="task") == ["clarity"]
    assert await read_names(ann_with_facts, type=["decision"]) == ["blog"]
    assert await read_names(ann_with_facts, limit=1) == ["Ben"]
    answer = (await call_rest(ann_with_facts, "list_entities", {"query": "CLARTY"})).body
    assert [(each["name"], each["score"]) for each in answer["entities"]] == [("clarity", 0.923)]
    assert await read_names(ann_with_facts, query="zebra") == []
    await check_refusal(ann_with_facts, "list_entities", {"limit": 0}, says="limit: must be at least 1")
    await check_refusal(ann_with_facts, "list_entities", {"scope": "session"}, says="scope: must be one of")


async def test_what_is_deleted_or_another_persons_counts_nowhere(ann_with_facts, site):
    other = await site.add_person("ben")
    assert (await other.call("list_entities", {}))["entities"] == []
    assert (await other.call("count_by_project", {}))["projects"] == []
    listed = (await ann_with_facts.http.get("/v1/memories", params={"entity": "blog"})).json()["memories"]
    await ann_with_facts.http.delete(f"/v1/memories/{listed[0]['id']}")
    assert await read_names(ann_with_facts) == ["Ben", "clarity"]


async def test_projects_are_counted_by_type_the_one_that_changed_last_first(ann_with_facts):
    answer = (await call_rest(ann_with_facts, "count_by_project", {})).body
    assert [(each["project"], each["memory_count"], each["by_type"]) for each in answer["projects"]] == [
        ("blog", 1, {"decision": 1}),
        ("shop", 3, {"fact": 2, "observation": 1}),
    ]
    only = await ann_with_facts.call("count_by_project", {"project": "shop"})
    assert only["projects"] == [answer["projects"][1]]
    assert (await ann_with_facts.call("count_by_project", {"project": "garden"}))["projects"] == []
