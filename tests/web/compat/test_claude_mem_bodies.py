"""The bodies of claude-mem's and min-memory's clients on the routes that exist, in their names."""

import pytest

from tests.helpers.doors import call_tool, check_refusal

pytestmark = pytest.mark.anyio


async def test_observation_add_sends_a_narrative_and_a_kind_and_is_kept(cat):
    body = {
        "projectId": "webshop",
        "kind": "manual",
        "type": "decision",
        "title": "Checkout",
        "narrative": "The checkout uses Stripe",
        "metadata": {"files": ["pay.py"]},
    }
    stored = (await cat.http.post("/v1/memories", json=body)).json()
    assert stored["meta"]["workspace"] == "webshop"
    memory = stored["memory"]
    assert (memory["content"], memory["type"]) == ("The checkout uses Stripe", "decision")
    assert memory["metadata"] == {"files": ["pay.py"], "title": "Checkout"}
    assert {"projectId", "teamId", "serverSessionId", "kind", "createdAtEpoch", "updatedAtEpoch"} <= set(memory)
    assert (memory["projectId"], memory["kind"], memory["serverSessionId"]) == ("webshop", "decision", None)


async def test_a_title_alone_is_what_is_remembered(cat):
    body = {"projectId": "p", "kind": "manual", "title": "Only this"}
    stored = (await cat.http.post("/v1/memories", json=body)).json()
    assert (stored["memory"]["content"], stored["memory"]["type"]) == ("Only this", "manual")


async def test_the_session_goes_by_their_name(cat):
    body = {"projectId": "p", "content": "x", "serverSessionId": "s-1"}
    assert (await cat.http.post("/v1/memories", json=body)).json()["memory"]["session"] == "s-1"


async def test_fields_that_are_null_are_as_if_they_were_not_there(cat):
    body = {"projectId": "p", "content": "x", "kind": None, "serverSessionId": None, "title": None}
    assert (await cat.http.post("/v1/memories", json=body)).status_code == 201


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
async def test_a_search_in_a_project_takes_a_platform_that_is_null(cat, path):
    await cat.store("The checkout uses Stripe", workspace="webshop")
    body = {"projectId": "webshop", "query": "stripe", "limit": 20, "platformSource": None}
    answer = await cat.http.post(path, json=body)
    assert answer.status_code == 200
    assert "The checkout uses Stripe" in answer.text


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
async def test_a_platform_that_is_named_is_refused_by_name(cat, path):
    answer = await cat.http.post(path, json={"projectId": "p", "query": "x", "platformSource": "codex"})
    assert (answer.status_code, answer.json()["field"]) == (400, "platformSource")


async def test_a_context_without_a_query_is_the_most_recent(cat):
    for text in ("first", "second"):
        await cat.store(text, workspace="webshop")
    body = (await cat.http.post("/v1/context", json={"projectId": "webshop"})).json()
    assert [each["content"] for each in body["memories"]["matches"]] == ["second", "first"]


async def test_two_names_for_one_field_are_refused(cat):
    await check_refusal(cat, "store_memory", {"content": "a", "narrative": "b"}, says="narrative: ")
    await check_refusal(cat, "store_memory", {"content": "a", "workspace": "b", "projectId": "c"}, says="projectId: ")


async def test_min_memory_stores_by_its_own_names(cat):
    target = await cat.store("target")
    arguments = {
        "text": "Use UTC everywhere",
        "memory_type": "core_identity",
        "scope": "task",
        "project": "webshop",
        "task_id": "T-1",
        "entity": "clock",
        "related_to": [target],
        "relation_types": {target: "supersedes"},
        "tags": ["time"],
    }
    stored = await cat.call("store_memory", arguments)
    memory = stored["memory"]
    assert (memory["content"], memory["type"], memory["task"]) == ("Use UTC everywhere", "core_identity", "T-1")
    assert memory["linkages"] == [{"type": "memory", "id": target, "label": "supersedes"}]
    by_their_names = {"query": "utc", "memory_type": ["core_identity"], "task_id": "T-1", "project": "webshop"}
    found = await cat.call("retrieve_context", by_their_names)
    assert [each["id"] for each in found["memories"]["matches"]] == [stored["id"]]


async def test_min_memory_updates_and_deletes_by_its_own_names(cat):
    memory_id = await cat.store("old")
    changed = await cat.call("update_memory", {"memory_id": memory_id, "text": "new", "memory_type": "episodic"})
    assert (changed["content"], changed["type"]) == ("new", "episodic")
    assert (await cat.call("delete_memory", {"memory_id": memory_id}))["deleted"] is True


@pytest.mark.parametrize(("field", "value"), [("status", "active"), ("priority", 3)])
async def test_what_is_declared_elsewhere_and_not_done_here_is_refused_by_name(cat, field, value):
    memory_id = await cat.store("x")
    says = f"{field}: is not supported by this server; leave it out"
    await check_refusal(cat, "store_memory", {"content": "x", field: value}, says=says)
    await check_refusal(cat, "update_memory", {"id": memory_id, "type": "fact", field: value}, says=says)


async def test_the_pictures_of_a_memory_do_not_change(cat):
    memory_id = await cat.store("x")
    says = "images: is not supported by this server; leave it out"
    await check_refusal(cat, "update_memory", {"id": memory_id, "type": "fact", "images": [{"data": "x"}]}, says=says)


@pytest.mark.parametrize("empty", [None, "", [], {}, 0])
@pytest.mark.parametrize("field", ["status", "priority"])
async def test_what_is_declared_elsewhere_may_be_sent_empty(cat, field, empty):
    await cat.store("x", **{field: empty})


async def test_an_entry_of_an_ingest_is_worded_and_refused_by_their_names(cat):
    entries = [{"narrative": "The checkout uses Stripe", "kind": "decision"}, {"text": "x", "related_to": []}]
    ids = (await cat.call("ingest_memories", {"projectId": "p", "memories": entries}))["ids"]
    first = await cat.call("fetch", {"workspace": "p", "memory_id": ids[0]})
    assert (first["content"], first["type"]) == ("The checkout uses Stripe", "decision")
    answer = await call_tool(cat, "ingest_memories", {"memories": [entries[0], {"narrative": " "}]})
    assert answer.text.startswith("invalid: memories.1.narrative: ")
    await check_refusal(
        cat, "ingest_memories", {"memories": [{"text": "x", "kind": 5}]}, says="memories.0.kind: must be "
    )
    await check_refusal(
        cat, "ingest_memories", {"memories": [{"text": "x", "status": "a"}]}, says="memories.0.status: is not"
    )
