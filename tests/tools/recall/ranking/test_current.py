"""What was replaced leaves recall, comes back if it is asked for, and of two memories that differ the newer leads."""

import pytest

from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

OLD, NEW = "The deploy runs on Fridays", "The deploy runs on Mondays"
ASK = "when does the deploy run"


async def recall_all(person, **past):
    """The contents that each path of recall answers, by the path's name."""
    found = {
        "search": (await call_tool(person, "search", {"query": ASK, **past})).body["memories"],
        "operators": (await call_rest(person, "search", {"query": "deploy -moon", **past})).body["memories"],
        "no words": (await call_rest(person, "search", {"query": "-moon", **past})).body["memories"],
        "time": (await call_rest(person, "search", {"query": "what's new?", **past})).body["memories"],
        "recent": (await call_rest(person, "recent", past)).body["memories"],
        "list": (await call_rest(person, "list_memories", past)).body["memories"],
        "memento": (await person.http.post("/v1/memories/recall", json={"query": ASK, **past})).json()["memories"],
        "link": (await call_tool(person, "search", {"query": ASK, **past}, path="/v1/mcp")).body["observations"],
        "link, newest": (await call_tool(person, "recent", past, path="/v1/mcp")).body["observations"],
    }
    for name, message in (("context", ASK), ("newest", "")):
        answer = await call_rest(person, "retrieve_context", {"message": message, **past})
        found[name] = answer.body["memories"]["matches"]
    return {name: sorted({OLD, NEW} & {each["content"] for each in some}) for name, some in found.items()}


async def test_what_was_replaced_comes_by_every_path_if_it_is_asked_for_and_by_none_else(ann, clock):
    clock.move(hours=-2)
    old = await ann.store(OLD)
    before = clock().isoformat()
    clock.move(hours=1)
    new = await ann.store(NEW, supersedes=[old])
    clock.move(hours=1)
    assert set(map(tuple, (await recall_all(ann)).values())) == {(NEW,)}
    both = await recall_all(ann, include_superseded=True)
    assert set(map(tuple, both.values())) == {(OLD, NEW)}, both
    then = await recall_all(ann, as_of=before)
    assert set(map(tuple, then.values())) == {(OLD,)}, then
    fetched = (await call_tool(ann, "fetch", {"id": old})).body
    assert (fetched["content"], fetched["superseded_by"]) == (OLD, new)
    shown = await call_tool(ann, "retrieve_context", {"message": ASK, "include_superseded": True})
    assert shown.text.index(NEW) < shown.text.index(OLD), "what replaced it stands before it"
    assert "replaced by the memory of" in shown.text


async def test_an_earlier_time_has_the_words_of_then(ann, clock):
    memory_id = await ann.store("The deploy runs on Fridays at noon")
    before = clock().isoformat()
    clock.move(hours=1)
    await call_rest(ann, "update_memory", {"id": memory_id, "content": "The deploy runs on Mondays at noon"})
    for name in ("search", "recent"):
        arguments = {"as_of": before} | ({"query": "deploy noon"} if name == "search" else {})
        (found,) = (await call_rest(ann, name, arguments)).body["memories"]
        assert found["content"] == "The deploy runs on Fridays at noon"


@pytest.mark.parametrize("name", ["search", "retrieve_context", "recent", "list_memories"])
async def test_a_time_that_is_to_come_is_answered_as_now_and_a_wrong_one_is_refused(ann, name):
    await ann.store(OLD)
    asked = {"search": {"query": ASK}, "retrieve_context": {"message": ASK}}.get(name, {})
    answer = await call_rest(ann, name, {**asked, "as_of": "2199-01-01"})
    assert answer.body["meta"]["notice"].endswith("as_of is in the future: this is what holds now.")
    assert OLD in str(answer.body)
    for wrong in ("last week", "2026-13-01", "99999-01-01"):
        refused = await call_rest(ann, name, {**asked, "as_of": wrong})
        assert (refused.error, refused.body["field"]) == ("invalid", "as_of")


async def test_a_day_is_meant_to_its_end(ann, clock):
    await ann.store(OLD)
    day = f"{clock():%Y-%m-%d}"
    clock.move(days=3)
    assert (await call_rest(ann, "search", {"query": ASK, "as_of": day})).body["memories"]


async def test_of_two_that_differ_the_newer_leads_and_the_older_is_marked(ann, clock):
    old = await ann.store("The deploy runs on Fridays, the deploy, the deploy")
    clock.move(days=1)
    new = await ann.store(NEW)
    for name, arguments in (("search", {"query": ASK}), ("retrieve_context", {"message": ASK})):
        answer = await call_tool(ann, name, arguments)
        found = answer.body["memories"]
        found = found["matches"] if name == "retrieve_context" else found
        assert [each["id"] for each in found] == [new, old]
        assert [each.get("may_be_replaced_by") for each in found] == [None, new]
        assert found[0]["score"] >= found[1]["score"]
        assert ("perhaps out of date" if name == "retrieve_context" else new) in answer.text


async def test_what_is_told_again_is_the_newest(ann, clock):
    friday = await ann.store(OLD)
    clock.move(days=1)
    monday = await ann.store(NEW)
    clock.move(days=1)
    assert await ann.store(OLD) == friday
    found = (await call_rest(ann, "search", {"query": ASK})).body["memories"]
    assert [each["id"] for each in found] == [friday, monday]
    assert found[1]["may_be_replaced_by"] == friday


@pytest.mark.parametrize(
    "pair",
    [
        ("Ann's phone number is 5550101", "Ben's phone number is 5550177"),
        ("The billing service listens on port 8081", "The catalog service listens on port 8082"),
        ("The nightly import of 3 November took 14 minutes", "The nightly import of 4 November took 19 minutes"),
    ],
)
async def test_of_two_things_none_replaces_the_other(ann, pair):
    for text in pair:
        answer = await call_rest(ann, "store_memory", {"content": text})
        assert not [each for each in answer.body["similar"] if each["why"] == "may replace"]
    found = (await call_rest(ann, "search", {"query": pair[0], "limit": 5})).body["memories"]
    assert found[0]["content"] == pair[0]
    assert not any("may_be_replaced_by" in each for each in found)
