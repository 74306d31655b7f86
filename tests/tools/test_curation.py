"""The history of a memory, the undoing of a change, and changes of many memories at once."""

import pytest

from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio


async def list_changes(person, memory_id):
    answer = await call_rest(person, "memory_history", {"id": memory_id})
    assert answer.error is None, answer.text
    return answer.body["changes"]


async def fetch(person, memory_id):
    return (await call_rest(person, "fetch", {"id": memory_id})).body


async def test_each_change_of_a_memory_says_who_made_it_and_what_it_was_before(ann):
    memory = await ann.store("The deploy is on Fridays", tags=["ops"])
    await call_tool(ann, "update_memory", {"id": memory, "content": "The deploy is on Mondays", "project": "shop"})
    await call_rest(ann, "pin_memory", {"id": memory})
    pinned, changed, stored = await list_changes(ann, memory)
    assert [each["operation"] for each in (pinned, changed, stored)] == ["pin_memory", "update_memory", "store_memory"]
    assert [each["field"] for each in pinned["fields"]] == ["pinned_at"]
    assert changed["fields"] == [
        {"field": "content", "before": "The deploy is on Fridays", "after": "The deploy is on Mondays"},
        {"field": "project", "before": None, "after": "shop"},
    ]
    assert (changed["user"], changed["app"]) == (stored["user"], stored["app"])
    assert changed["user"] == ann.name
    assert (stored["fields"], stored["can_be_undone"], changed["can_be_undone"]) == ([], False, True)
    short = (await call_rest(ann, "memory_history", {"id": memory, "limit": 1})).body
    assert (len(short["changes"]), short["truncated"]) == (1, True)


async def test_a_change_is_undone_and_the_undoing_too_unless_the_field_was_changed_since(ann):
    memory = await ann.store("tea heliotrope", tags=["a"], metadata={"x": {"y": 1, "z": 2}})
    update = {"content": "coffee", "tags": ["b"], "author": "Ben", "metadata": {"x": {"y": 3, "z": None}, "w": 1}}
    await call_rest(ann, "update_memory", {"id": memory} | update)
    before = (await list_changes(ann, memory))[0]["id"]
    undone = (await call_rest(ann, "undo_change", {"id": memory, "change": before})).body
    assert set(undone["fields"]) == {"content", "tags", "author", "metadata"}
    stored = await fetch(ann, memory)
    assert (stored["content"], stored["tags"], stored["metadata"]) == ("tea heliotrope", ["a"], {"x": {"y": 1, "z": 2}})
    found = (await call_rest(ann, "search", {"query": "heliotrope"})).body["memories"]
    assert [each["id"] for each in found] == [memory], "recall knows the earlier text again"
    await check_refusal(ann, "undo_change", {"id": memory, "change": before}, status=409, code="conflict", says="since")
    again = (await list_changes(ann, memory))[0]["id"]
    assert (await call_rest(ann, "undo_change", {"id": memory, "change": again})).body["memory"]["content"] == "coffee"
    await call_rest(ann, "pin_memory", {"id": memory})
    await call_rest(ann, "bury_memory", {"id": memory})
    buried = (await list_changes(ann, memory))[0]["id"]
    back = (await call_rest(ann, "undo_change", {"id": memory, "change": buried})).body["memory"]
    assert ("buried_at" in back, "pinned_at" in back) == (False, True)
    first = (await list_changes(ann, memory))[-1]["id"]
    await check_refusal(ann, "undo_change", {"id": memory, "change": first}, status=409, code="conflict")
    for change in ("999999", "x", "9" * 40):
        await check_refusal(ann, "undo_change", {"id": memory, "change": change}, status=404, code="not_found")


async def test_nobody_reads_or_undoes_anothers_history_and_what_is_deleted_has_none(ann, bob):
    memory, own = await ann.store("tea heliotrope"), await bob.store("coffee")
    await call_rest(ann, "update_memory", {"id": memory, "content": "coffee"})
    change = (await list_changes(ann, memory))[0]["id"]
    await check_refusal(bob, "memory_history", {"id": memory}, status=404, code="not_found")
    await check_refusal(bob, "undo_change", {"id": memory, "change": change}, status=404, code="not_found")
    await check_refusal(bob, "undo_change", {"id": own, "change": change}, status=404, code="not_found")
    await call_rest(ann, "delete_memory", {"id": memory, "erase": True})
    await check_refusal(ann, "memory_history", {"id": memory}, status=404, code="not_found")


async def test_a_dry_run_says_what_would_change_and_the_change_is_whole_or_not_at_all(ann, bob):
    milk = [await ann.store(f"milk {n}", tags=["milk"]) for n in range(12)]
    tea, foreign = await ann.store("tea", project="shop"), await bob.store("tea")
    asked = {"action": "delete", "tags": ["MILK"]}
    tried = (await call_rest(ann, "change_memories", asked | {"dry_run": True})).body
    assert (tried["count"], len(tried["sample"]), tried["skipped"]) == (12, 10, [])
    refused = asked | {"expected": 11}
    await check_refusal(ann, "change_memories", refused, status=409, code="conflict", says="12 memories would change")
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 13
    done = (await call_rest(ann, "change_memories", asked | {"expected": 12})).body
    assert (done["count"], (await call_rest(ann, "list_memories", {})).body["total"]) == (12, 1)
    mixed = {"action": "move", "ids": [tea, foreign, milk[0]], "to_project": "heron"}
    moved = (await call_tool(ann, "change_memories", mixed)).body
    assert (moved["count"], {each["id"] for each in moved["skipped"]}) == (1, {foreign, milk[0]})
    assert {each["reason"] for each in moved["skipped"]} == {"not_found"}
    assert ((await fetch(ann, tea))["project"], (await fetch(ann, tea))["scope"]) == ("heron", "project")
    restored = (await call_rest(ann, "restore_memory", {"id": milk[0]})).body
    assert restored["restored"] is True, "each is journaled as one that was deleted by itself"


async def test_many_are_tagged_moved_buried_and_brought_back(ann):
    ids = [await ann.store(f"tea heliotrope {n}", tags=["old"], session="s-1") for n in range(3)]
    for action, more in (
        ("tag", {"words": ["new", "old"]}),
        ("untag", {"words": ["OLD"]}),
        ("move", {"to_project": "shop"}),
        ("move", {}),
        ("bury", {}),
    ):
        asked = {"action": action, "ids": ids} | more
        assert (await call_rest(ann, "change_memories", asked)).body["count"] == 3, action
        again = (await call_rest(ann, "change_memories", asked)).body
        assert (again["count"], {each["reason"] for each in again["skipped"]}) == (0, {"unchanged"}), action
    stored = await fetch(ann, ids[0])
    assert (stored["tags"], stored.get("project"), stored["scope"]) == (["new"], None, "global")
    assert (await call_rest(ann, "search", {"query": "heliotrope"})).body["memories"] == []
    assert (await call_rest(ann, "change_memories", {"action": "unbury", "status": "buried"})).body["count"] == 3
    assert len((await call_rest(ann, "search", {"query": "heliotrope"})).body["memories"]) == 3
    changes = await list_changes(ann, ids[0])
    assert {each["operation"] for each in changes[:-1]} == {"change_memories"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"action": "delete"}, "name the memories in ids"),
        ({"action": "delete", "ids": ["x"], "type": "fact"}, "not both"),
        ({"action": "tag", "ids": ["x"]}, "words"),
        ({"action": "bury", "ids": ["x"], "words": ["t"]}, "words"),
        ({"action": "bury", "ids": ["x"], "to_project": "p"}, "to_project"),
        ({"action": "bury", "ids": ["x"] * 501}, "500"),
        ({"action": "explode", "ids": ["x"]}, "action"),
    ],
)
async def test_a_change_that_says_two_things_is_refused(ann, asked, says):
    await check_refusal(ann, "change_memories", asked, says=says)


async def test_several_memories_are_read_in_one_call(ann, bob):
    one, two, foreign = await ann.store("tea"), await ann.store("milk"), await bob.store("coffee")
    body = (await call_rest(ann, "fetch_memories", {"ids": [two, foreign, one, two, "x"]})).body
    assert [each["content"] for each in body["memories"]] == ["milk", "tea"]
    assert body["missing"] == [foreign, "x"]
