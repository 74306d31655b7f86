"""The skip list and the standing decisions: each is one list, whatever door it is written through."""

import pytest

from tests.helpers.doors import call_rest, call_tool
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

DOORS = pytest.mark.parametrize("door", [call_rest, call_tool])
FOREVER = "until it is removed"


async def is_skipped(person, query):
    return (await call_rest(person, "check_skip", {"query": query})).body["skip"]


async def write(person, section, content, door=call_rest):
    answer = await door(person, "update_working_memory", {"section": section, "content": content})
    assert answer.error is None, answer.text
    return answer.body


async def read_section(person, section):
    return (await call_rest(person, "read_section", {"section": section})).body["section"]["content"]


async def list_titles(person, category):
    page = (await call_rest(person, "list_items", {"category": category})).body
    return {each["title"] for each in page["items"]}


async def skips(person):
    return {each["item"]: each for each in (await call_rest(person, "list_skips", {})).body["entries"]}


@DOORS
async def test_a_section_that_is_written_is_the_skip_list(site, door):
    ann = await site.add_person("ann")
    text = "# Skip\n\n- Tailwind: too large\n- the Lisbon trip (not before May)\n"
    await write(ann, "skip_list", text, door)
    assert await is_skipped(ann, "Shall we use Tailwind for the landing page?")
    assert await is_skipped(ann, "book the Lisbon trip")
    assert not await is_skipped(ann, "Shall we use MySQL?")
    assert await read_section(ann, "Skip List") == text
    assert {name: each["reason"] for name, each in (await skips(ann)).items()} == {
        "Tailwind": "too large",
        "the Lisbon trip": "not before May",
    }
    assert await list_titles(ann, "skip_list") == {"Tailwind", "the Lisbon trip"}
    body = (await ann.http.post("/v1/context", json={"message": "Tailwind?"})).json()
    assert [each["item"] for each in body["skip_matches"]] == ["Tailwind"]
    await write(ann, "skip_list", "- the Lisbon trip (not before May)", door)
    assert not await is_skipped(ann, "Tailwind?")
    await write(ann, "skip_list", "", door)
    assert await skips(ann) == {}


@DOORS
async def test_an_item_of_the_category_is_an_entry_of_the_skip_list_while_it_is_active(site, door):
    ann = await site.add_person("ann")
    item = {"category": "skip_list", "title": "Tailwind", "content": "too large"}
    added = await door(ann, "add_item", item)
    assert added.error is None
    item_id = added.body["id"]
    assert await is_skipped(ann, "Tailwind?")
    entry = (await skips(ann))["Tailwind"]
    assert (entry["id"], entry["reason"], entry["expires_at"]) == (item_id, "too large", FOREVER)
    for status in ("paused", "completed", "archived", "active"):
        await door(ann, "update_item", {"id": item_id, "status": status})
        assert await is_skipped(ann, "Tailwind?") is (status == "active")
    await door(ann, "update_item", {"id": item_id, "title": "MySQL"})
    assert not await is_skipped(ann, "Tailwind?")
    assert await is_skipped(ann, "MySQL?")
    await door(ann, "update_item", {"id": item_id, "category": "session_note"})
    assert not await is_skipped(ann, "MySQL?")
    await door(ann, "update_item", {"id": item_id, "category": "skip_list"})
    assert (await door(ann, "remove_skip", {"id": item_id})).error is None
    assert await list_titles(ann, "skip_list") == set()


async def test_an_entry_that_was_added_is_seen_in_the_section_and_among_the_items(site, clock):
    ann = await site.add_person("ann")
    skip = {"item": "Tailwind", "reason": "too large", "expires": "3 days"}
    entry = (await call_rest(ann, "add_skip", skip)).body["entry"]
    line = f"- Tailwind: too large (expires {entry['expires_at']})"
    assert await read_section(ann, "skip_list") == line
    whole = (await call_rest(ann, "read_working_memory", {})).body
    assert {each["name"]: each["content"] for each in whole["sections"]}["skip_list"] == line
    assert whole["items"] == []
    assert await list_titles(ann, "skip_list") == {"Tailwind"}
    assert (await ann.http.post("/v1/context", json={"message": "x"})).json()["working_memory"]["items"] == []
    clock.move(days=4)
    assert await read_section(ann, "skip_list") == ""
    assert await skips(ann) == {}


async def test_a_section_that_is_read_and_written_again_keeps_the_entries_of_other_doors_once(site):
    ann = await site.add_person("ann")
    await call_rest(ann, "add_skip", {"item": "MySQL", "reason": "too old", "expires": "2099-01-01"})
    before = await skips(ann)
    answer = await write(ann, "skip_list", "- Tailwind")
    assert "does not remove them" in answer["meta"]["notice"]
    text = await read_section(ann, "skip_list")
    assert text == "- Tailwind\n- MySQL: too old (expires 2099-01-01)"
    for _ in range(2):
        answer = await write(ann, "skip_list", text)
        assert answer["meta"]["notice"] is None
        assert await read_section(ann, "skip_list") == text
    after = await skips(ann)
    assert set(after) == {"Tailwind", "MySQL"}
    assert after["MySQL"] == before["MySQL"]


@pytest.mark.parametrize("name", ["remove_skip", "delete_item", "archive"])
async def test_a_line_whose_entry_is_removed_leaves_the_section(site, name):
    ann = await site.add_person("ann")
    await write(ann, "skip_list", "# Skip\n\n- Tailwind\n- MySQL: old\n")
    entry_id = (await skips(ann))["Tailwind"]["id"]
    if name == "archive":
        await call_rest(ann, "update_item", {"id": entry_id, "status": "archived"})
    else:
        await call_rest(ann, name, {"id": entry_id})
    assert await read_section(ann, "skip_list") == "# Skip\n\n- MySQL: old"
    assert not await is_skipped(ann, "Tailwind?")


@DOORS
async def test_the_standing_decisions_are_one_list_too(site, door):
    ann = await site.add_person("ann")
    await door(ann, "add_item", {"category": "standing_decision", "title": "Postgres", "content": "for its indexes"})
    await write(ann, "standing_decisions", "- Releases are on Tuesdays\n- No meetings", door)
    assert await read_section(ann, "standing_decisions") == (
        "- Releases are on Tuesdays\n- No meetings\n- Postgres: for its indexes"
    )
    titles = {"Releases are on Tuesdays", "No meetings", "Postgres"}
    assert await list_titles(ann, "standing_decision") == titles
    items = (await ann.http.post("/v1/context", json={"message": "x"})).json()["working_memory"]["items"]
    assert {each["title"] for each in items} == titles
    await write(ann, "standing_decisions", "- No meetings", door)
    assert await list_titles(ann, "standing_decision") == {"No meetings", "Postgres"}
    assert not await is_skipped(ann, "meetings")


async def test_a_list_of_too_many_lines_is_refused_and_changes_nothing(site):
    ann = await site.add_person("ann")
    await write(ann, "skip_list", "- Tailwind")
    text = "\n".join(f"- thing{n}" for n in range(501))
    answer = await call_rest(ann, "update_working_memory", {"section": "skip_list", "content": text})
    assert (answer.status, answer.error) == (409, "conflict")
    assert await read_section(ann, "skip_list") == "- Tailwind"
    assert set(await skips(ann)) == {"Tailwind"}


async def test_lines_and_entries_do_not_count_as_items_of_a_plan(settings, clock):
    changes = {"plans": {"free": {"items": 1}}, "default_plan": "free"}
    async with open_site(type(settings).model_validate(settings.model_dump() | changes), clock) as site:
        ann = await site.add_person("ann")
        await write(ann, "standing_decisions", "- one\n- two\n- three")
        await call_rest(ann, "add_skip", {"item": "MySQL", "reason": "old", "expires": "2099-01-01"})
        assert (await call_rest(ann, "add_item", {"category": "skip_list", "title": "Tailwind"})).error is None
        assert (await call_rest(ann, "add_item", {"category": "skip_list", "title": "CSS"})).error == "quota_exceeded"


async def test_a_list_in_json_becomes_lines_and_a_notice_says_so(ann):
    section = {"section": "skip_list", "content": '[{"item": "Tailwind", "reason": "too large"}, "MySQL"]'}
    answer = (await call_rest(ann, "update_working_memory", section)).body
    assert answer["section"]["content"] == "- Tailwind: too large\n- MySQL"
    assert answer["meta"]["notice"] == "The entries of the list are kept as one line each."
    assert await list_titles(ann, "skip_list") == {"Tailwind", "MySQL"}
