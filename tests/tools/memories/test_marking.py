"""Burying and pinning: what a person hides stays hidden on every path, and what they pin comes first."""

import pytest

from server.store.lifecycle.decay import decay_relevance
from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio

SECRET = "heliotrope"


async def mark(person, verb, memory_id):
    answer = await call_rest(person, f"{verb}_memory", {"id": memory_id})
    assert answer.error is None, answer.text
    return answer.body


async def list_context(person, message, **arguments):
    body = (await call_rest(person, "retrieve_context", {"message": message} | arguments)).body
    return [each["content"] for each in body["memories"]["matches"]]


async def test_a_buried_memory_is_readable_by_its_id_and_in_no_graph_past_briefing_or_other_toolset(ann):
    tea = await ann.store("tea at noon", entity="Ann")
    memory = await ann.store(f"tea {SECRET}", type="decision", tags=["t"], entity="Ann", supersedes=[tea])
    linked = await ann.store("tea pot", linkages=[{"type": "memory", "id": memory, "label": "about"}])
    assert (await mark(ann, "bury", memory))["changed"] is True
    assert (await mark(ann, "bury", memory))["changed"] is False
    fetched = (await call_rest(ann, "fetch", {"id": memory})).body
    assert (fetched["content"], fetched["buried_at"] is not None) == (f"tea {SECRET}", True)
    calls = [
        ("search", {"query": SECRET, "include_superseded": True}),
        ("search", {"query": f'"{SECRET}"'}),
        ("search", {"query": "tag:t"}),
        ("search", {"query": "tea", "as_of": "2099-01-01"}),
        ("retrieve_context", {"message": "tea", "as_of": "2099-01-01"}),
        ("memory_graph", {"id": linked}),
        ("related_memories", {"id": linked}),
        ("list_memories", {"status": "active"}),
        ("list_memories", {"include_superseded": True}),
        ("list_entities", {"query": SECRET}),
        ("recall_by_words", {"query": SECRET}),
        ("recall_memories", {"query": SECRET}),
        ("on_event", {"hook_event_name": "SessionStart", "session_id": "s-1", "source": "startup"}),
        ("on_event", {"hook_event_name": "UserPromptSubmit", "session_id": "s-2", "prompt": f"tea {SECRET}?"}),
    ]
    for name, arguments in calls:
        answer = await call_tool(ann, name, arguments)
        assert answer.error is None, (name, answer.text)
        assert f"tea {SECRET}" not in str(answer.body) + answer.text, (name, answer.body)
    for name in ("search", "get_context", "retrieve_context"):
        answer = await call_tool(ann, name, {"query": SECRET}, path="/mcp?toolset=min-memory")
        assert f"tea {SECRET}" not in str(answer.body) + answer.text, name
    (shown,) = (await call_rest(ann, "list_memories", {"status": "buried"})).body["memories"]
    assert shown["id"] == memory
    why = (await call_rest(ann, "explain_recall", {"message": SECRET, "memory_id": memory})).body
    assert (why["recalled"], why["reason"]) == (False, "buried")
    unburied = (await call_rest(ann, "unbury_memory", {"id": memory})).body
    assert (unburied["changed"], unburied["memory"].get("buried_at")) == (True, None)
    assert f"tea {SECRET}" in await list_context(ann, SECRET)


async def test_what_is_stored_again_stays_buried_and_what_is_merged_is_buried_as_a_whole(ann):
    memory = await ann.store(f"tea {SECRET}")
    await mark(ann, "bury", memory)
    again = (await call_rest(ann, "store_memory", {"content": f"tea {SECRET}"})).body
    assert (again["is_repeat"], again["id"]) == (True, memory)
    one, two = await ann.store("milk in the morning"), await ann.store("milk at night")
    refused = await call_rest(ann, "consolidate_group", {"source_ids": [memory, one]})
    assert refused.error == "invalid", "or the merged memory would say it"
    merged = (await call_rest(ann, "consolidate_group", {"source_ids": [one, two]})).body["id"]
    await check_refusal(ann, "bury_memory", {"id": one}, status=409, code="conflict", says="was merged into")
    await mark(ann, "bury", merged)
    for asked in ({"query": "milk"}, {"query": "milk", "as_of": "2026-01-01"}, {"query": "what happened today"}):
        assert (await call_rest(ann, "search", asked)).body["memories"] == []


async def test_pinned_memories_lead_every_context_within_its_budget(ann):
    await ann.store("Deploys go out on Tuesdays")
    first = await ann.store("Never touch the billing tables by hand", type="instruction")
    second = await ann.store("The person is called Ann", project="shop")
    for each in (first, second):
        assert (await mark(ann, "pin", each))["memory"]["pinned_at"] is not None
    body = (await call_rest(ann, "retrieve_context", {"message": "When do deploys go out?"})).body["memories"]
    assert [each["content"] for each in body["matches"]] == [
        "Never touch the billing tables by hand",
        "The person is called Ann",
        "Deploys go out on Tuesdays",
    ]
    assert [each.get("pinned") for each in body["matches"]] == [True, True, None]
    assert (await list_context(ann, ""))[0] == "Never touch the billing tables by hand"
    assert await list_context(ann, "Deploys", project="heron") == [
        "Never touch the billing tables by hand",
        "Deploys go out on Tuesdays",
    ], "one of another project is not of this context"
    assert len(await list_context(ann, "Deploys", limit=2)) == 2
    small = (await call_rest(ann, "retrieve_context", {"message": "deploys", "max_tokens": 70})).body["memories"]
    assert [each["content"] for each in small["matches"]][-1] == "Deploys go out on Tuesdays", "there is room for it"
    assert {"id": second, "reason": "budget", "by": None} in small["omitted"]
    began = {"hook_event_name": "SessionStart", "session_id": "s-1", "source": "startup"}
    briefing = str((await call_rest(ann, "on_event", began)).body)
    assert "Keep in mind:" in briefing
    assert briefing.count("Never touch the billing tables by hand") == 1
    why = (await call_rest(ann, "explain_recall", {"message": "deploys", "memory_id": first})).body
    assert (why["recalled"], why["reason"]) == (True, "pinned")
    assert (await mark(ann, "bury", first))["memory"].get("pinned_at") is None
    await check_refusal(ann, "pin_memory", {"id": first}, status=409, code="conflict", says="unbury_memory")
    assert await list_context(ann, "Deploys", project="heron") == ["Deploys go out on Tuesdays"]


async def test_a_pinned_memory_neither_fades_nor_is_merged_and_there_are_at_most_twenty(ann, site, clock):
    one, two = await ann.store("milk in the morning"), await ann.store("milk at night")
    await mark(ann, "pin", one)
    refused = await call_rest(ann, "consolidate_group", {"source_ids": [one, two]})
    assert refused.error == "invalid"
    clock.move(days=60)
    workspace = await site.services.directory.find_workspace(ann.account_id, "default")
    await decay_relevance(site.services.db, workspace.id, site.services.now())
    stored = {each: (await call_rest(ann, "fetch", {"id": each})).body["relevance"] for each in (one, two)}
    assert stored[one] == 1.0
    assert stored[two] < 0.9
    for n in range(19):
        await mark(ann, "pin", await ann.store(f"rule {n}"))
    await check_refusal(ann, "pin_memory", {"id": two}, status=409, code="conflict", says="unpin one")
    assert (await call_rest(ann, "unpin_memory", {"id": one})).body["changed"] is True
    assert (await mark(ann, "pin", two))["changed"] is True
