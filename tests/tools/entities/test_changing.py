"""Entities that somebody makes, renames, merges and splits; the page of one; and bad input."""

from datetime import timedelta

import pytest

from server.store.lifecycle.due import erase_due_memories
from tests.helpers.doors import call_rest, check_refusal
from tests.helpers.erasures import TOMBSTONES

pytestmark = pytest.mark.anyio


async def list_names(person):
    """The names of all entities, each with its aliases and its number of memories."""
    answer = (await call_rest(person, "list_entities", {})).body
    return {each["name"]: (each["aliases"], each["memory_count"]) for each in answer["entities"]}


@pytest.fixture
async def ann_with_names(ann):
    """Memories that call one city by two names, and two people by names that are alike."""
    await ann.store("We met Ben in Lisbon", entity="Ben")
    await ann.store("The office in Lisboa opens in May")
    await ann.store("Both Lisbon and Lisboa are written on the map")
    await ann.store("Ask Benjamin about the map")
    return ann


async def test_merged_entities_are_one_and_come_apart_again(ann_with_names):
    before = await list_names(ann_with_names)
    assert before == {"Lisbon": ([], 2), "Lisboa": ([], 2), "Ben": ([], 1), "Benjamin": ([], 1)}
    merged = await ann_with_names.call("merge_entities", {"id": "Lisbon", "others": ["lisboa"]})
    assert (merged["entity"]["aliases"], merged["entity"]["memory_count"]) == (["Lisboa"], 3)
    await ann_with_names.store("Lisboa has trams")
    assert (await list_names(ann_with_names))["Lisbon"] == (["Lisboa"], 4)
    back = await ann_with_names.call("undo_entity_change", {"id": merged["change"]})
    assert {each["name"]: each["memory_count"] for each in back["entities"]} == {"Lisbon": 2, "Lisboa": 3}
    assert await list_names(ann_with_names) == before | {"Lisboa": ([], 3)}
    await check_refusal(
        ann_with_names,
        "undo_entity_change",
        {"id": merged["change"]},
        status=409,
        code="conflict",
        says="was undone before",
    )


async def test_a_split_name_is_an_entity_of_its_own_until_it_is_undone(ann_with_names):
    await ann_with_names.call("merge_entities", {"id": "Ben", "others": ["Benjamin"]})
    split = await ann_with_names.call("split_entity", {"id": "Ben", "names": ["benjamin"]})
    assert (split["entity"]["memory_count"], split["part"]["name"], split["part"]["memory_count"]) == (1, "Benjamin", 1)
    await ann_with_names.call("undo_entity_change", {"id": split["change"]})
    assert (await list_names(ann_with_names))["Ben"] == (["Benjamin"], 2)
    await check_refusal(
        ann_with_names, "split_entity", {"id": "Ben", "names": ["Ben", "Benjamin"]}, says="at least one name stays"
    )


async def test_the_page_of_an_entity_shows_its_memories_and_what_stands_beside_it(ann_with_names):
    page = (await call_rest(ann_with_names, "read_entity", {"id": "LISBON"})).body
    assert [each["content"][:10] for each in page["memories"]] == ["Both Lisbo", "We met Ben"]
    assert [each["is_about"] for each in page["memories"]] == [False, False]
    assert [(each["name"], each["memory_count"]) for each in page["together"]] == [("Ben", 1), ("Lisboa", 1)]
    assert (page["entity"]["scope"], page["changes"]) == ("global", [])
    limited = (await call_rest(ann_with_names, "read_entity", {"id": page["entity"]["id"], "limit": 1})).body
    assert len(limited["memories"]) == 1
    await check_refusal(
        ann_with_names, "read_entity", {"id": "nobody"}, status=404, code="not_found", says="Entity not found"
    )


async def test_a_made_entity_stays_without_memories_and_is_found_in_any_case(ann):
    made = await ann.call("add_entity", {"name": "heron", "type": "service", "aliases": ["grey bird"]})
    assert (made["is_new"], made["entity"]["memory_count"], made["entity"]["type"]) == (True, 0, "service")
    memory_id = await ann.store("the Grey Bird was restarted, as heron does")
    again = await ann.call("add_entity", {"name": "HERON"})
    assert (again["is_new"], again["entity"]["name"], again["entity"]["memory_count"]) == (False, "heron", 1)
    await check_refusal(ann, "delete_entity", {"id": "heron"}, status=409, code="conflict", says="1 memories")
    await ann.call("delete_memory", {"id": memory_id})
    await ann.call("delete_entity", {"id": "heron"})
    assert await list_names(ann) == {}


async def test_names_are_given_shown_and_taken_away(ann_with_names):
    changed = await ann_with_names.call(
        "update_entity", {"id": "Lisbon", "name": "City of Lisbon", "add_aliases": ["Olisipo"], "type": "place"}
    )
    assert (changed["entity"]["name"], changed["entity"]["type"]) == ("City of Lisbon", "place")
    assert sorted(changed["entity"]["aliases"]) == ["Lisbon", "Olisipo"]
    changed = await ann_with_names.call("update_entity", {"id": "Olisipo", "remove_aliases": ["Lisbon", "Olisipo"]})
    assert (changed["entity"]["aliases"], changed["entity"]["memory_count"]) == ([], 0)
    assert (await list_names(ann_with_names))["Lisbon"] == ([], 2)


async def test_what_makes_no_sense_is_refused_and_changes_nothing(ann_with_names, site):
    before = await list_names(ann_with_names)
    for name, arguments, code, says in (
        ("merge_entities", {"id": "Ben", "others": ["Lisbon", "ben"]}, "invalid", "'ben' is 'Ben' itself"),
        ("merge_entities", {"id": "Ben", "others": ["Lisbon", "nobody"]}, "not_found", "Entity not found: nobody"),
        ("merge_entities", {"id": "Ben", "others": []}, "invalid", "others: must have at least 1"),
        ("update_entity", {"id": "Ben", "add_aliases": ["new", "LISBON"]}, "conflict", "is a name of the entity"),
        ("update_entity", {"id": "Ben", "remove_aliases": ["Ben"]}, "invalid", "keeps at least one name"),
        ("update_entity", {"id": "Ben", "remove_aliases": ["Lisbon"]}, "invalid", "is no name of this entity"),
        ("update_entity", {"id": "Ben"}, "invalid", "send at least one of"),
        ("add_entity", {"name": "x" * 10_000}, "invalid", "name: must have at most 200 characters"),
        ("add_entity", {"name": "y", "aliases": [f"n{n}" for n in range(10_000)]}, "invalid", "aliases: must have"),
        ("add_entity", {"name": "y", "aliases": [f"n{n}" for n in range(100)]}, "invalid", "at most 100 names"),
        ("add_entity", {"name": "y\u200b"}, "invalid", "invisible character"),
        ("split_entity", {"id": "Ben", "names": ["Lisbon"]}, "invalid", "is no name of 'Ben'"),
        ("undo_entity_change", {"id": "nothing"}, "not_found", "There is no change"),
    ):
        status = {"invalid": 400, "not_found": 404, "conflict": 409}[code]
        await check_refusal(ann_with_names, name, arguments, status=status, code=code, says=says)
    assert await list_names(ann_with_names) == before
    other = await site.add_person("eve")
    ben = (await call_rest(ann_with_names, "read_entity", {"id": "Ben"})).body["entity"]["id"]
    await check_refusal(other, "read_entity", {"id": ben}, status=404, code="not_found", says="Entity not found")


async def test_names_that_differ_in_their_unicode_form_are_one_entity(ann):
    await ann.call("add_entity", {"name": "Zoë"})
    again = await ann.call("add_entity", {"name": "ZOE\u0308", "aliases": ["Ｚｏë", "zoë  "]})
    assert (again["is_new"], again["entity"]["aliases"]) == (False, [])


@pytest.mark.parametrize("is_deleted_before", [False, True])
@pytest.mark.parametrize("is_field", [False, True])
async def test_a_name_that_a_merge_moved_goes_with_the_only_memory_that_had_it(
    site, ann, clock, is_field, is_deleted_before
):
    await ann.call("add_entity", {"name": "Aliazorna Bimbelton", "aliases": ["Ali"]})
    if is_field:
        secret = await ann.store("They met", entity="Gromzilda Pockerby")
    else:
        secret = await ann.store("Aliazorna Bimbelton met Gromzilda Pockerby")
    await ann.call("merge_entities", {"id": "Ali", "others": ["Gromzilda Pockerby"]})
    if is_deleted_before:
        await ann.call("delete_memory", {"id": secret})
        assert "Gromzilda Pockerby" in (await list_names(ann))["Aliazorna Bimbelton"][0]
        clock.move(days=100)
        await erase_due_memories(site.services.db, TOMBSTONES, clock(), timedelta(days=30))
    else:
        await ann.call("delete_memory", {"id": secret, "erase": True})
    assert await list_names(ann) == {"Aliazorna Bimbelton": (["Ali"], 0)}


async def test_a_name_that_somebody_wrote_outlives_the_memories_that_had_it(ann):
    await ann.call("add_entity", {"name": "Ali"})
    secret = await ann.store("They met", entity="Gromzilda Pockerby")
    merged = await ann.call("merge_entities", {"id": "Ali", "others": ["Gromzilda Pockerby"]})
    await ann.call("update_entity", {"id": merged["entity"]["id"], "add_aliases": ["gromzilda pockerby"]})
    await ann.call("delete_memory", {"id": secret, "erase": True})
    assert await list_names(ann) == {"Ali": (["Gromzilda Pockerby"], 0)}


async def test_what_was_erased_is_in_no_name(ann):
    kept = await ann.store("Lunch with Ben", entity="lunch club")
    secret = await ann.store("Ben met Zaphod Beeblebrox", entity="secret plan")
    merged = await ann.call("merge_entities", {"id": "Ben", "others": ["Zaphod Beeblebrox"]})
    await ann.call("undo_entity_change", {"id": merged["change"]})
    assert "Zaphod Beeblebrox" in await list_names(ann)
    await ann.call("delete_memory", {"id": secret, "erase": True})
    assert await list_names(ann) == {"Ben": ([], 1), "lunch club": ([], 1)}
    assert (await call_rest(ann, "list_entities", {"query": "Zaphod Beeblebrox"})).body["entities"] == []
    await ann.call("delete_memory", {"id": kept, "erase": True})
    assert await list_names(ann) == {}
