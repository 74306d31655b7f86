"""After each way of erasing a text its words are in no file of the data folder, read raw, and in no answer."""

import asyncio
import json

import pytest

from server.background.upkeep import clean_up_records
from tests.helpers.erasures import OTHERS, SECRET, WORD, erase_memory, request_json

pytestmark = pytest.mark.anyio


async def merge(person, ids, **how):
    return await request_json(person, "POST", "/v1/consolidate/group", json={"source_ids": ids, **how})


async def undo(person, run):
    return await request_json(person, "POST", f"/v1/consolidate/{run}/undo")


async def read_memory(person, memory_id, status=200):
    return await request_json(person, "GET", f"/v1/memories/{memory_id}", status)


async def store_all(person, *contents, **how):
    return [await person.store(content, **how) for content in contents]


def places(answer, name):
    return {(each["kind"], each["id"]) for each in answer[name]}


async def test_a_source_of_a_merged_memory_is_erased_and_the_merged_one_is_written_again(ann, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS, tags=["garden"])
    tagged = await ann.store("A fourth one.", tags=[f"{WORD}-tag"])
    merged = (await merge(ann, [*ids, tagged]))["id"]
    answer = await erase_memory(ann, ids[0])
    assert (answer["erased"], answer["kept"]) == (True, [])
    assert places(answer, "rewritten") == {("memory", merged)}
    now = await read_memory(ann, merged)
    assert all(text in now["content"] for text in OTHERS)
    assert now["content"].splitlines()[0].endswith("3 memories consolidated")
    await erase_memory(ann, tagged)
    assert (await read_memory(ann, merged))["tags"] == ["garden"]
    assert {each["id"] for each in now["linkages"]} >= {*ids[1:]}
    assert ids[0] not in json.dumps(now)
    await check_nowhere()


async def test_a_merge_that_was_written_again_can_still_be_undone(ann, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids)
    await erase_memory(ann, ids[0])
    undone = await undo(ann, made["run"])
    assert (set(undone["restored"]), undone["removed"]) == (set(ids[1:]), [made["id"]])
    await check_nowhere()


async def test_of_two_merged_memories_the_one_that_is_left_comes_back(ann, check_nowhere):
    first, second = await store_all(ann, SECRET, OTHERS[0])
    made = await merge(ann, [first, second])
    answer = await erase_memory(ann, first)
    assert answer["erased"] is True
    assert places(answer, "also_erased") == {("memory", made["id"])}
    assert places(answer, "restored") == {("memory", second)}
    assert (await read_memory(ann, second))["consolidated"] == 0
    await read_memory(ann, made["id"], 404)
    found = await request_json(ann, "POST", "/v1/search", json={"query": "garden Fridays"})
    assert [each["id"] for each in found["memories"]] == [second]
    await check_nowhere()


async def test_the_sources_of_an_erased_merged_memory_are_erased_with_it(ann, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids)
    answer = await erase_memory(ann, made["id"])
    assert answer["erased"] is True
    assert places(answer, "also_erased") == {("memory", each) for each in ids}
    assert (await request_json(ann, "GET", "/v1/memories?status=all"))["total"] == 0
    await check_nowhere()
    await check_nowhere("heron")


async def test_sources_of_sources_are_erased_and_what_was_merged_from_them_is_written_again(ann, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS)
    inner = (await merge(ann, ids))["id"]
    more = await store_all(ann, "Carl sails to the island.", "Dora mends the net.")
    outer = (await merge(ann, [inner, *more]))["id"]
    answer = await erase_memory(ann, ids[0])
    assert places(answer, "rewritten") == {("memory", inner), ("memory", outer)}
    text = (await read_memory(ann, outer))["content"]
    assert "heron" in text
    assert "Carl" in text
    await check_nowhere()
    assert (await erase_memory(ann, outer))["erased"] is True
    assert (await request_json(ann, "GET", "/v1/memories?status=all"))["total"] == 0
    await check_nowhere("heron")


async def test_a_merge_that_was_undone_keeps_no_copy_of_an_erased_source(ann, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids)
    await undo(ann, made["run"])
    answer = await erase_memory(ann, ids[0])
    assert (answer["erased"], places(answer, "also_erased")) == (True, {("memory", made["id"])})
    assert (await read_memory(ann, ids[1]))["content"] == OTHERS[0]
    await check_nowhere()


async def test_an_erased_merged_memory_whose_merge_was_undone_names_its_sources(ann):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids)
    await undo(ann, made["run"])
    answer = await erase_memory(ann, made["id"])
    assert answer["erased"] is False
    assert places(answer, "kept") == {("memory", each) for each in ids}


async def test_a_summary_in_own_words_stays_and_is_named(ann):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids, content="Ann hides a word below a stone, and there is a heron.")
    answer = await erase_memory(ann, ids[0])
    assert (answer["erased"], places(answer, "kept")) == (False, {("memory", made["id"])})
    assert "hides" in (await read_memory(ann, made["id"]))["content"]


async def test_a_merged_memory_that_was_changed_by_hand_stays_but_its_history_does_not(ann, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids)
    await request_json(ann, "PATCH", f"/v1/memories/{made['id']}", json={"content": "There is a heron."})
    answer = await erase_memory(ann, ids[0])
    assert (answer["erased"], places(answer, "kept")) == (False, {("memory", made["id"])})
    await check_nowhere()


async def test_a_deletion_without_erasure_names_the_generated_texts_that_still_say_it(ann):
    ids = await store_all(ann, SECRET, *OTHERS)
    other = await ann.store("The door is green.")
    made = await merge(ann, ids)
    above = await merge(ann, [made["id"], other])
    answer = await request_json(ann, "DELETE", f"/v1/memories/{ids[0]}")
    assert (answer["erased"], places(answer, "kept")) == (False, {("memory", made["id"]), ("memory", above["id"])})
    assert "`erase`" in answer["meta"]["notice"]
    plain = await request_json(ann, "DELETE", f"/v1/memories/{await ann.store('A frog.')}")
    assert (plain["kept"], plain["meta"]["notice"]) == ([], None)
    await undo(ann, above["run"])
    crystal = await request_json(ann, "POST", "/v1/identity/crystallize")
    answer = await request_json(ann, "DELETE", f"/v1/memories/{other}")
    assert places(answer, "kept") == {("crystal", crystal["id"])}
    await request_json(ann, "PUT", "/v1/identity", json={"crystal": "I am."})
    assert (await request_json(ann, "DELETE", f"/v1/memories/{ids[1]}"))["kept"] == [
        {"kind": "memory", "id": made["id"]}
    ]


async def test_composed_crystals_are_written_again_or_erased(ann, check_nowhere):
    secret, _ = await store_all(ann, SECRET, OTHERS[1])
    older = (await request_json(ann, "POST", "/v1/identity/crystallize"))["id"]
    newest = (await request_json(ann, "POST", "/v1/identity/crystallize"))["id"]
    answer = await erase_memory(ann, secret)
    assert answer["erased"] is True
    assert places(answer, "also_erased") == {("crystal", older)}
    assert places(answer, "rewritten") == {("crystal", newest)}
    identity = await request_json(ann, "GET", "/v1/identity")
    assert OTHERS[1] in identity["crystal"]
    await check_nowhere()


async def test_a_crystal_keeps_no_earlier_text_of_an_erased_memory(ann, check_nowhere):
    secret, _ = await store_all(ann, SECRET, OTHERS[1])
    await request_json(ann, "POST", "/v1/identity/crystallize")
    await request_json(ann, "PATCH", f"/v1/memories/{secret}", json={"content": "Something else entirely."})
    assert (await erase_memory(ann, secret))["erased"] is True
    await check_nowhere()


async def test_copies_of_what_it_said_before_it_was_changed_are_found_as_well(ann, check_nowhere):
    secret = await ann.store(SECRET)
    case = {"query": "Where is it?", "text": f"the {WORD}", "expect": "recalled"}
    golden = await request_json(ann, "POST", "/v1/golden", 201, json=case)
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": SECRET})
    for content in ("Something else entirely.", "And something else again."):
        await request_json(ann, "PATCH", f"/v1/memories/{secret}", json={"content": content})
    answer = await erase_memory(ann, secret)
    assert places(answer, "also_erased") == {("golden_case", golden["id"])}
    assert (answer["erased"], places(answer, "kept")) == (False, {("section", "session_notes")})
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": "Nothing."})
    await check_nowhere()


async def test_texts_that_repeat_it_by_hand_are_named(ann):
    secret = await ann.store(SECRET)
    other = await ann.store(f"As said before: {SECRET.lower()} Remember.")
    noted = await ann.store("heron", metadata={"said": [f'"{SECRET}"']})
    await request_json(ann, "PUT", "/v1/identity", json={"crystal": f"I know this. {SECRET}"})
    crystal = (await request_json(ann, "GET", "/v1/identity/history"))["snapshots"][0]["id"]
    item = await request_json(
        ann, "POST", "/v1/working-memory/items", 201, json={"category": "active_work", "title": "x", "content": SECRET}
    )
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": SECRET})
    skip = await request_json(ann, "POST", "/v1/skip-list", 201, json={"item": SECRET, "reason": "x", "expires": "30d"})
    answer = await erase_memory(ann, secret)
    assert answer["erased"] is False
    assert places(answer, "kept") == {
        ("memory", other),
        ("memory", noted),
        ("crystal", crystal),
        ("item", item["id"]),
        ("section", "session_notes"),
        ("item", skip["id"]),
    }


@pytest.mark.parametrize("case", [{"memory_id": "it"}, {"text": WORD}, {"text": "blue stone", "query": SECRET}])
async def test_golden_cases_that_quote_it_are_deleted(ann, check_nowhere, case):
    secret = await ann.store(SECRET)
    kept = await request_json(
        ann, "POST", "/v1/golden", 201, json={"query": "heron", "text": "heron", "expect": "not_recalled"}
    )
    case = {"query": f"Where is the {WORD}?", "expect": "recalled", "note": WORD} | case
    case |= {"memory_id": secret} if "memory_id" in case else {}
    golden = await request_json(ann, "POST", "/v1/golden", 201, json=case)
    answer = await erase_memory(ann, secret)
    assert (answer["erased"], places(answer, "also_erased")) == (True, {("golden_case", golden["id"])})
    assert [each["id"] for each in (await request_json(ann, "GET", "/v1/golden"))["cases"]] == [kept["id"]]
    await check_nowhere()


async def test_what_cannot_be_brought_back_any_more_is_erased_with_its_copies(ann, site, clock, check_nowhere):
    ids = await store_all(ann, SECRET, *OTHERS)
    made = await merge(ann, ids)
    again = await store_all(ann, f"{SECRET} Again.", "Emil paints the door.")
    second = await merge(ann, again)
    await request_json(ann, "POST", "/v1/identity/crystallize")
    await request_json(ann, "DELETE", f"/v1/memories/{ids[0]}")
    await request_json(ann, "DELETE", f"/v1/memories/{second['id']}")
    clock.move(days=31)
    await clean_up_records(site.services)
    await check_nowhere()
    assert "heron" in (await read_memory(ann, made["id"]))["content"]
    await check_nowhere("Emil")


async def test_a_text_that_was_erased_meanwhile_comes_back_by_no_race(ann, check_nowhere):
    """Merges, crystals and changes run against the erasure of their memory, in any order."""
    ids = await store_all(ann, SECRET, *OTHERS)
    await asyncio.gather(
        ann.http.post("/v1/consolidate/group", json={"source_ids": ids}),
        ann.http.post("/v1/identity/crystallize"),
        ann.http.patch(f"/v1/memories/{ids[0]}", json={"type": "decision"}),
        erase_memory(ann, ids[0]),
        ann.http.post("/v1/identity/crystallize"),
        ann.http.post("/v1/consolidate/group", json={"source_ids": ids}),
    )
    await check_nowhere()


async def test_the_label_of_a_link_to_an_erased_memory_goes_with_it(ann, check_nowhere):
    secret, other = await store_all(ann, SECRET, OTHERS[0])
    links = [
        {"type": "memory", "id": secret, "label": f"about the {WORD}"},
        {"type": "memory", "id": other, "label": "beside"},
    ]
    linking = await ann.store(OTHERS[1], linkages=links)
    await request_json(ann, "PATCH", f"/v1/memories/{linking}", json={"tags": ["pond"]})
    answer = await erase_memory(ann, secret)
    assert (answer["erased"], places(answer, "rewritten")) == (True, {("memory", linking)})
    left = (await read_memory(ann, linking))["linkages"]
    assert [each["label"] for each in left] == [None, "beside"]
    graph = await request_json(ann, "GET", f"/v1/memories/{linking}/graph")
    assert [each["label"] for each in graph["edges"]] == ["beside"]
    await check_nowhere()


async def test_a_label_that_repeats_the_text_elsewhere_is_named(ann):
    secret, other = await store_all(ann, SECRET, OTHERS[0])
    linking = await ann.store(OTHERS[1], linkages=[{"type": "memory", "id": other, "label": SECRET}])
    answer = await erase_memory(ann, secret)
    assert (answer["erased"], places(answer, "kept")) == (False, {("memory", linking)})


async def test_the_same_text_in_another_workspace_is_named_if_the_caller_may_read_it(site, ann, bob):
    places_and_authors = (("default", "Ann"), ("attic", "Ann"), ("attic", "Ben"), ("cellar", "Ann"))
    ids = [await ann.store(SECRET, workspace=name, author=author) for name, author in places_and_authors]
    await ann.store(OTHERS[0], workspace="shed")
    await bob.store(SECRET)
    answer = await erase_memory(ann, ids[0])
    assert answer["erased"] is False
    assert {each["workspace"]: each["count"] for each in answer["elsewhere"]} == {"attic": 2, "cellar": 1}
    assert "`elsewhere`" in answer["meta"]["notice"]
    attic = next(
        each for each in (await request_json(ann, "GET", "/v1/workspaces"))["workspaces"] if each["name"] == "attic"
    )
    bound = await erase_memory(await site.add_person("ann", workspace_id=attic["id"]), ids[1])
    assert (places(bound, "kept"), bound["elsewhere"]) == ({("memory", ids[2])}, [])
    await request_json(ann, "DELETE", f"/v1/memories/{ids[2]}?erase=true&workspace=attic")
    last = await request_json(ann, "DELETE", f"/v1/memories/{ids[3]}?erase=true&workspace=cellar")
    assert (last["elsewhere"], last["erased"], last["meta"]["notice"]) == ([], True, None)
