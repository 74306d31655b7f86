"""Consolidation through both doors."""

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio


async def three(person, tag="tea"):
    return [await person.store(f"{tag} {n}", tags=[tag]) for n in range(3)]


async def search_ids(person, query):
    return {each["id"] for each in (await person.call("search", {"query": query}))["memories"]}


@pytest.fixture(params=["rest", "mcp"])
def door(request):
    """Calls an operation through one of the doors; its answer."""

    async def call(person, name, arguments=None):
        if request.param == "mcp":
            return await person.call(name, arguments or {})
        answer = await call_rest(person, name, arguments or {})
        assert answer.error is None, answer.text
        return answer.body

    return call


async def test_what_shares_tags_is_merged_found_as_one_and_taken_apart_again(ann, door):
    ids = await three(ann)
    answer = await door(ann, "consolidate")
    (group,) = answer["groups"]
    assert (answer["sources"], answer["merged"], answer["active"], answer["indexed"]) == (3, 1, 3, True)
    assert (group["source_ids"], group["method"], group["tags"]) == (ids, "template", ["tea"])
    assert await search_ids(ann, "tea") == {group["id"]}
    graph = await ann.call("memory_graph", {"id": ids[0], "depth": 1})
    assert graph["edges"] == [{"from": group["id"], "to": ids[0], "label": "consolidated-from"}]
    (listed,) = (await door(ann, "list_consolidations"))["runs"]
    assert (listed["id"], listed["kind"], listed["state"], listed["merged"]) == (answer["run"], "auto", "done", 1)
    undone = await door(ann, "undo_consolidation", {"run": answer["run"]})
    assert (undone["restored"], undone["removed"], undone["kept"]) == (ids, [group["id"]], [])
    assert await search_ids(ann, "tea") == set(ids)
    assert (await door(ann, "list_consolidations"))["runs"][0]["state"] == "undone"


async def test_a_dry_run_says_what_would_be_merged_and_merges_nothing(ann, door):
    ids = await three(ann)
    answer = await door(ann, "consolidate", {"dry_run": True})
    assert answer["dry_run"]
    assert answer["groups"][0]["source_ids"] == ids
    assert answer.get("run") is None
    assert answer["groups"][0].get("id") is None
    assert await search_ids(ann, "tea") == set(ids)
    assert (await door(ann, "list_consolidations"))["runs"] == []


async def test_a_dry_run_may_be_asked_for_in_the_query(ann):
    ids = await three(ann)
    response = await ann.http.post("/v1/consolidate?dry_run=true")
    assert response.status_code == 200
    assert (
        response.json()["content"][0]["text"] == "Would consolidate 1 group from 3 source memories into 1 new memory."
    )
    assert await search_ids(ann, "tea") == set(ids)
    odd = await ann.http.post("/v1/consolidate?dry_run=perhaps")
    assert (odd.status_code, odd.json()["field"]) == (400, "dry_run")
    assert (await ann.http.post("/v1/consolidate/group?dry_run=true")).status_code == 400
    assert (await ann.http.post("/v1/consolidate?dry_run=false")).json()["merged"] == 1


async def test_a_run_that_would_change_more_than_its_share_stops_and_says_so(ann):
    await three(ann)
    await ann.store("other")
    says = "3 of 4 memories would be merged (75%), more than the share of 50%."
    await check_refusal(ann, "consolidate", {"share": 0.5}, status=409, code="conflict", says=says)
    assert len(await search_ids(ann, "tea")) == 3
    dry = await ann.call("consolidate", {"share": 0.5, "dry_run": True})
    assert dry["meta"]["notice"].startswith(says)
    assert (await ann.call("consolidate", {"share": 0.75}))["merged"] == 1


@pytest.mark.parametrize("share", [-0.1, -1, 1.5, "half", True])
async def test_a_share_that_is_none_is_refused(ann, share):
    await check_refusal(ann, "consolidate", {"share": share}, says="share: must be ")


async def test_a_group_is_merged_into_the_agents_words(ann, door):
    one, two = await ann.store("We drink tea", tags=["tea"]), await ann.store("Tea it is", tags=["drinks"])
    answer = await door(
        ann, "consolidate_group", {"source_ids": [two, one, two], "content": "We drink tea.", "type": "preference"}
    )
    assert (answer["source_ids"], answer["method"]) == ([two, one], "agent")
    memory = await ann.call("fetch", {"id": answer["id"]})
    assert (memory["content"], memory["type"], memory["tags"]) == ("We drink tea.", "preference", ["drinks", "tea"])
    assert await search_ids(ann, "tea") == {answer["id"]}
    source = await ann.call("fetch", {"id": one})
    assert (source["consolidated"], source["consolidated_into"]) == (1, answer["id"])
    await check_refusal(
        ann,
        "consolidate_group",
        {"source_ids": [one, two]},
        says=f"not active memories of this workspace: {one}, {two}",
    )


async def test_a_merged_memory_that_was_changed_is_not_taken_apart(ann):
    ids = await three(ann)
    done = await ann.call("consolidate")
    await ann.call("update_memory", {"id": done["groups"][0]["id"], "tags": ["mine"]})
    says = "Nothing of this run can be undone: the merged memory was changed since."
    await check_refusal(ann, "undo_consolidation", {"run": done["run"]}, status=409, code="conflict", says=says)
    assert (await ann.call("fetch", {"id": ids[0]}))["consolidated"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "at least 2"),
        ({"source_ids": []}, "at least 2"),
        ({"source_ids": [NOBODY]}, "at least 2"),
        ({"source_ids": [NOBODY, NOBODY]}, "at least 2"),
        ({"source_ids": "ab"}, "at least 2"),
        ({"source_ids": {"a": 1}}, "must be a list"),
        ({"source_ids": [1, 2]}, "must be text"),
        ({"source_ids": [NOBODY, "x"]}, "fewer than 2"),
        ({"source_ids": [str(n) for n in range(101)]}, "at most 100"),
        ({"source_ids": ["a", "b"], "content": " "}, "content: must not be empty"),
        ({"source_ids": ["a", "b"], "tags": 5}, "tags: must be a list"),
    ],
)
async def test_a_group_that_is_none_is_refused(ann, arguments, says):
    await check_refusal(ann, "consolidate_group", arguments, says=says)


async def test_each_refusal_of_the_store_is_told_in_the_words_of_its_operation(ann):
    ids = await three(ann)
    says = f"source_ids: not active memories of this workspace: {NOBODY}. Send ids"
    await check_refusal(ann, "consolidate_group", {"source_ids": [*ids, NOBODY], "content": "x"}, says=says)
    long = [await ann.store(letter * 20_000) for letter in "xy"]
    says = "content: the summary would have"
    await check_refusal(ann, "consolidate_group", {"source_ids": long}, says=says)
    missing = {"status": 404, "code": "not_found", "says": f"There is no consolidation run {NOBODY} in this workspace."}
    await check_refusal(ann, "undo_consolidation", {"run": NOBODY}, **missing)
    done = await ann.call("consolidate_group", {"source_ids": ids, "content": "x"})
    await ann.call("undo_consolidation", {"run": done["run"]})
    says = "Nothing of this run can be undone: it was undone before."
    await check_refusal(ann, "undo_consolidation", {"run": done["run"]}, status=409, code="conflict", says=says)


async def test_nobody_merges_or_takes_apart_what_is_somebody_elses(ann, bob):
    theirs = await three(bob)
    await check_refusal(ann, "consolidate_group", {"source_ids": theirs, "content": "x"}, says=theirs[0])
    assert (await ann.call("consolidate"))["merged"] == 0
    done = await bob.call("consolidate")
    await check_refusal(ann, "undo_consolidation", {"run": done["run"]}, status=404, code="not_found")
    await check_refusal(ann, "undo_consolidation", {"run": NOBODY}, status=404, code="not_found")
    assert (await ann.call("list_consolidations"))["runs"] == []
    assert len((await bob.call("list_consolidations"))["runs"]) == 1


async def test_a_reader_may_see_runs_and_change_nothing(site, ann):
    await three(ann)
    reader = await site.add_person("ann", ("memory:read",))
    for name in ("consolidate", "consolidate_group", "undo_consolidation"):
        assert (await call_tool(reader, name, {})).status == 403
    assert (await call_rest(reader, "list_consolidations", {})).body["runs"] == []


async def test_tags_of_an_ingest_do_not_group(ann):
    await ann.call("ingest_memories", {"memories": [{"content": f"{n}"} for n in range(5)], "source": "notes"})
    assert (await ann.call("consolidate"))["merged"] == 0


async def test_merged_memories_get_vectors_and_near_ones_are_merged(hybrid_site):
    ann = await hybrid_site.add_person("ann")
    one = await ann.store("The team chose Postgres for its JSON indexes.")
    two = await ann.store("The team chose Postgres for its JSON indexes!")
    other = await ann.store("Deploys go out on Tuesdays.")
    answer = await ann.call("consolidate")
    assert [each["source_ids"] for each in answer["groups"]] == [[one, two]]
    hits = (await ann.call("search", {"query": "Which database was chosen for JSON?"}))["memories"]
    assert hits[0]["id"] == answer["groups"][0]["id"]
    assert hits[0]["vector_score"] > 0
    assert other not in answer["groups"][0]["source_ids"]


async def test_the_share_that_a_workspace_has_set_holds_unless_the_call_says_another(ann, door):
    await three(ann)
    await ann.call("set_setting", {"key": "consolidation_share", "value": 0.2})
    says = "3 of 3 memories would be merged (100%), more than the share of 20%"
    assert says in (await door(ann, "consolidate", {"dry_run": True}))["meta"]["notice"]
    await check_refusal(ann, "consolidate", {}, status=409, code="conflict", says=says)
    assert (await door(ann, "consolidate", {"share": 1}))["merged"] == 1


async def test_what_followed_a_merged_turn_is_no_longer_found_by_it_once_it_is_taken_apart(ann, door):
    ids = [await ann.store(text, session="s") for text in ("a heron", "an egret")]
    merged = {"source_ids": ids, "content": "Wading birds"}
    answer = await door(ann, "consolidate_group", merged)
    last = await ann.store("Seen at the pond", session="s")
    assert await search_ids(ann, "wading") == {answer["id"], last}
    await door(ann, "undo_consolidation", {"run": answer["run"]})
    assert await search_ids(ann, "wading") == set()
    assert await search_ids(ann, "pond") == {last}
