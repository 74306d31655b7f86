"""A memory that repeats another one is counted and not stored; one that may replace another is told so."""

import asyncio

import pytest

from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

TEXT = "The deploy runs on Fridays"


async def count_stored(person):
    return (await call_rest(person, "list_memories", {"status": "all"})).body["total"]


@pytest.mark.parametrize(
    "again", [TEXT, "  The  deploy\nruns on Fridays ", "\uff34\uff48\uff45 deploy runs on Fridays"]
)
async def test_a_repeat_names_the_memory_that_is_there_and_raises_its_count(ann, clock, again):
    first = (await call_tool(ann, "store_memory", {"content": TEXT})).body
    assert (first["is_repeat"], "repeats" in first["memory"]) == (False, False)
    clock.move(days=1)
    answer = await call_rest(ann, "store_memory", {"content": again, "type": "fact", "session": "s-2"})
    assert (answer.status, answer.body["id"], answer.body["is_repeat"]) == (201, first["id"], True)
    assert answer.body["memory"]["repeats"] == 1
    assert answer.body["memory"]["repeated_at"] > first["memory"]["created_at"]
    assert answer.body["similar"] == []
    assert await count_stored(ann) == 1
    assert (await call_rest(ann, "search", {"query": "deploy"})).body["memories"][0]["content"] == TEXT


@pytest.mark.parametrize(
    "more",
    [
        {"author": "Ann"},
        {"entity": "shop"},
        {"project": "shop"},
        {"occurred_at": "2026-05-01"},
        {"expires_at": "2199-01-01"},
        {"metadata": {"file": "a.md"}},
        {"workspace": "attic"},
    ],
)
async def test_the_same_text_with_other_facts_is_another_memory(ann, more):
    first = await ann.store(TEXT)
    answer = await call_rest(ann, "store_memory", {"content": TEXT, **more})
    assert (answer.body["is_repeat"], answer.body["id"] != first) == (False, True)
    assert (await call_rest(ann, "store_memory", {"content": TEXT, **more})).body["is_repeat"] is True


@pytest.mark.parametrize("fate", ["deleted", "expired", "replaced"])
async def test_what_is_no_longer_recalled_is_stored_anew(ann, clock, fate):
    first = await ann.store(TEXT, **({"expires_at": "2026-11-22"} if fate == "expired" else {}))
    if fate == "deleted":
        await call_rest(ann, "delete_memory", {"id": first})
    elif fate == "replaced":
        await ann.store("The deploy runs on Mondays", supersedes=[first])
    else:
        clock.move(days=40)
    answer = await call_rest(ann, "store_memory", {"content": TEXT})
    assert (answer.body["is_repeat"], answer.body["id"] != first) == (False, True)


async def test_of_many_that_store_the_same_at_once_one_stores(ann):
    answers = await asyncio.gather(*(ann.http.post("/v1/memories", json={"content": TEXT}) for _ in range(6)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["id"] for each in answers}) == 1
    assert sum(each.json()["is_repeat"] for each in answers) == 5
    (memory,) = (await call_rest(ann, "list_memories", {})).body["memories"]
    assert memory["repeats"] == 5


async def test_an_ingest_stores_a_text_once_and_names_it_for_each_entry(ann):
    known = await ann.store("Tea")
    entries = [{"content": each} for each in ("Tea", "Coffee", "Milk", "Coffee ")]
    answer = (await call_rest(ann, "ingest_memories", {"memories": entries})).body
    assert (answer["ingested"], answer["repeated"]) == (2, 2)
    assert answer["ids"][0] == known
    assert answer["ids"][1] == answer["ids"][3] != answer["ids"][2]
    assert await count_stored(ann) == 3


async def test_a_repeat_that_brings_a_link_gives_it_to_the_memory_that_is_there(ann):
    old, new = await ann.store("The deploy runs on Mondays"), await ann.store(TEXT)
    answer = (await call_rest(ann, "store_memory", {"content": TEXT, "supersedes": [old]})).body
    assert (answer["id"], answer["is_repeat"]) == (new, True)
    assert (await call_rest(ann, "fetch", {"id": old})).body["superseded_by"] == new
    again = (await call_rest(ann, "store_memory", {"content": TEXT, "supersedes": [new]})).body
    assert again["id"] == new, "a memory does not replace itself"
    assert "superseded_by" not in again["memory"]


async def test_a_new_memory_is_told_what_it_may_replace_and_can_say_so(ann, clock):
    old = await ann.store("The deploy runs on Mondays")
    await ann.store("Mara likes tea")
    clock.move(days=1)
    answer = (await call_tool(ann, "store_memory", {"content": TEXT})).body
    text = "The deploy runs on Mondays"
    assert answer["similar"] == [{"id": old, "text": text, "why": "may replace"}]
    assert answer["id"] in answer["meta"]["notice"]
    earlier = {"content": "The deploy runs on Sundays", "occurred_at": "2020-01-01"}
    whys = {each["why"] for each in (await call_rest(ann, "store_memory", earlier)).body["similar"]}
    assert whys == {"may be replaced by"}
    done = await call_rest(ann, "update_memory", {"id": answer["id"], "supersedes": [old]})
    assert done.body["linkages"] == [{"type": "memory", "id": old, "path": None, "label": "supersedes"}]
    found = (await call_rest(ann, "search", {"query": "when does the deploy run"})).body["memories"]
    assert old not in {each["id"] for each in found}


@pytest.mark.parametrize("name", ["store_memory", "update_memory"])
async def test_only_memories_that_are_there_can_be_replaced(ann, bob, name):
    own, theirs = await ann.store("Tea"), await bob.store("Coffee")
    arguments = {"content": "Milk"} if name == "store_memory" else {"id": own}
    for wrong in ("no-such-memory", theirs):
        answer = await call_rest(ann, name, {**arguments, "supersedes": [wrong]})
        assert (answer.status, answer.body["field"]) == (400, "supersedes")
    assert await count_stored(ann) == 1
    if name == "update_memory":
        assert (await call_rest(ann, name, {**arguments, "supersedes": [own]})).status == 400
