"""Working memory and the skip list through the tools: bounds, what time does, and that everything is journaled."""

import pytest
import sqlalchemy as sa

from server.store.record.notes import skip_list
from server.store.tables.memories import journal
from server.store.tables.working import working_items, working_sections
from tests.helpers.doors import call_rest, check_refusal
from tools.core.fields import CONTENT_BYTES
from tools.notes import skip_list as skip_tools
from tools.notes import working_memory

pytestmark = pytest.mark.anyio

ITEM = {"category": "active_work", "title": "Ship"}
SKIP = {"item": "tea", "reason": "cold", "expires": "2099-01-01"}


async def rows(site, table):
    async with site.services.db.read() as connection:
        return (await connection.execute(sa.select(table))).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"category": "chores"}, "category: must be one of 'active_work', 'standing_decision', "),
        ({"status": "done"}, "status: must be one of 'active', 'paused', 'completed' or 'archived'"),
        ({"priority": 11}, "priority: must be at most 10; you sent '11'"),
        ({"priority": -1}, "priority: must be at least 0"),
        ({"tags": {"a": 1}}, "tags: must be a list"),
        ({"title": "x" * 501}, "title: must have at most 500 characters"),
        ({"content": "é" * (CONTENT_BYTES // 2) + "x"}, f"content: must be at most {CONTENT_BYTES} bytes of UTF-8"),
        ({"next_action": "x" * 2001}, "next_action: must have at most 2000 characters"),
    ],
)
async def test_an_item_that_makes_no_sense_is_refused_and_nothing_is_stored(site, ann, arguments, says):
    await check_refusal(ann, "add_item", ITEM | arguments, says=says)
    assert await rows(site, working_items) == []
    made = (await call_rest(ann, "add_item", ITEM)).body
    await check_refusal(ann, "update_item", {"id": made["id"]} | arguments, says=says)
    assert (await call_rest(ann, "read_item", {"id": made["id"]})).body == made


@pytest.mark.parametrize("title", ["", " \n"])
async def test_an_item_needs_a_title(site, ann, title):
    await check_refusal(ann, "add_item", ITEM | {"title": title}, says="title: must have at least 1 character")
    assert await rows(site, working_items) == []
    made = (await call_rest(ann, "add_item", ITEM)).body
    await check_refusal(ann, "update_item", {"id": made["id"], "title": title}, says="No fields to update")
    assert (await call_rest(ann, "read_item", {"id": made["id"]})).body == made


@pytest.mark.parametrize("field", ["category", "title", "content", "status", "priority", "tags"])
async def test_an_update_does_not_empty_what_every_item_has(ann, field):
    made = (await call_rest(ann, "add_item", ITEM)).body
    await check_refusal(ann, "update_item", {"id": made["id"], field: None}, says="No fields to update.")


@pytest.mark.parametrize("arguments", [{"category": "chores"}, {"status": "done"}, {"limit": 0}, {"limit": 101}])
async def test_a_filter_that_makes_no_sense_is_refused(ann, arguments):
    await check_refusal(ann, "list_items", arguments, says=f"{next(iter(arguments))}: must be ")


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("x" * 10_240, "section: must have at most 100 characters"),
        ("a\nb", "section: has a character that is not allowed here"),
        (" ", "section: must have at least 1 character"),
    ],
)
async def test_a_section_that_cannot_be_is_refused(site, ann, section, says):
    for name, more in (("read_section", {}), ("update_working_memory", {"content": "x"})):
        with pytest.raises(AssertionError, match=says):
            await ann.call(name, {"section": section} | more)
    assert await rows(site, working_sections) == []


async def test_a_section_cannot_take_the_place_of_the_items(ann):
    with pytest.raises(AssertionError, match="section: cannot be 'items'"):
        await ann.call("update_working_memory", {"section": "Items", "content": "x"})


async def test_a_section_is_bounded_in_bytes_of_utf_8(ann):
    fits = "é" * (CONTENT_BYTES // 2)
    await ann.call("update_working_memory", {"section": "plan", "content": fits})
    await check_refusal(ann, "update_working_memory", {"section": "plan", "content": fits + "x"}, says="Shorten it")
    assert (await ann.call("read_section", {"section": "plan"}))["section"]["content"] == fits


async def test_there_is_an_end_to_the_sections_of_ones_own(ann, monkeypatch):
    monkeypatch.setattr(working_memory, "OWN_SECTIONS", 2)
    for name in ("one", "two", "active_work", "one"):
        await ann.call("update_working_memory", {"section": name, "content": "x"})
    await check_refusal(
        ann,
        "update_working_memory",
        {"section": "three", "content": "x"},
        status=409,
        code="conflict",
        says="2 sections",
    )


async def test_the_document_says_where_it_does_not_show_every_item(ann, monkeypatch):
    monkeypatch.setattr(working_memory, "SHOWN", 2)
    for priority in (1, 2, 3):
        await ann.call("add_item", ITEM | {"title": str(priority), "priority": priority})
    document = await ann.call("read_working_memory")
    assert ([each["title"] for each in document["items"]], document["total_items"]) == (["3", "2"], 3)
    assert document["meta"]["notice"].startswith("These are the 2 most important of 3 items")


@pytest.mark.parametrize("item", ["a", "to", "don't", "…", "do it"])
async def test_a_skip_entry_that_could_match_nothing_is_refused(site, ann, item):
    await check_refusal(ann, "add_skip", SKIP | {"item": item}, says="item: has only common words")
    assert await rows(site, working_items) == []


@pytest.mark.parametrize("expires", ["2026-13-01", "3", "99999999 days", "?"])
async def test_a_skip_entry_with_an_end_that_is_none_is_refused(site, ann, expires):
    await check_refusal(ann, "add_skip", SKIP | {"expires": expires}, says="expires: must ")
    assert await rows(site, working_items) == []
    assert (await ann.http.get("/v1/workspaces")).json()["workspaces"] == []


async def test_a_duration_ends_by_itself_and_a_condition_does_not(site, ann, clock):
    lasting = await ann.call("add_skip", SKIP | {"expires": "3 days"})
    assert lasting["entry"]["expires_at"] == "2026-11-24T12:00:00.000Z"
    waiting = await ann.call("add_skip", SKIP | {"expires": "until the kettle is mended"})
    assert "holds until you remove it" in waiting["meta"]["notice"]
    assert (await ann.call("list_skips"))["total"] == 2
    clock.move(days=3)
    for name, arguments, found in (("list_skips", {}, "entries"), ("check_skip", {"query": "tea?"}, "matches")):
        assert [each["id"] for each in (await ann.call(name, arguments))[found]] == [waiting["id"]]
    assert len(await rows(site, working_items)) == 2, "a read deletes nothing"
    async with site.services.db.write() as connection:
        assert await skip_list.purge_expired(connection, clock()) == 1


async def test_there_is_an_end_to_the_skip_list(ann, monkeypatch):
    monkeypatch.setattr(skip_tools, "MOST_ENTRIES", 2)
    for _ in range(2):
        await ann.call("add_skip", SKIP)
    await check_refusal(ann, "add_skip", SKIP, status=409, code="conflict", says="has 2 entries")


async def test_two_people_see_nothing_of_each_others_desk(ann, bob):
    await ann.call("update_working_memory", {"section": "plan", "content": "Ann's heliotrope"})
    item = await ann.call("add_item", ITEM | {"title": "Ann's heliotrope"})
    entry = await ann.call("add_skip", SKIP | {"item": "heliotrope"})
    assert "heliotrope" not in str(await bob.call("read_working_memory"))
    assert (await bob.call("list_items", {"query": "heliotrope"}))["total"] == 0
    assert (await bob.call("list_skips"))["total"] == 0
    assert not (await bob.call("check_skip", {"query": "the heliotrope"}))["skip"]
    for name, arguments in (
        ("read_section", {"section": "plan"}),
        ("read_item", {"id": item["id"]}),
        ("update_item", {"id": item["id"], "title": "x"}),
        ("delete_item", {"id": item["id"]}),
        ("remove_skip", {"id": entry["id"]}),
    ):
        await check_refusal(bob, name, arguments, status=404, code="not_found")
    assert (await bob.http.get("/v1/workspaces")).json()["workspaces"] == [], "what was refused made a workspace"
    assert (await ann.call("read_item", {"id": item["id"]}))["title"] == "Ann's heliotrope"
    assert (await ann.call("check_skip", {"query": "the heliotrope"}))["skip"]


async def test_with_a_workspace_its_working_memory_and_skip_list_are_gone(ann):
    await ann.call("update_working_memory", {"section": "plan", "content": "heliotrope"})
    item = await ann.call("add_item", ITEM | {"title": "heliotrope"})
    await ann.call("add_skip", SKIP | {"item": "heliotrope"})
    workspace = (await ann.http.get("/v1/workspaces")).json()["workspaces"][0]
    await ann.call("delete_workspace", {"id": workspace["id"]})
    await ann.store("the same name, anew")
    assert "heliotrope" not in str(await ann.call("read_working_memory"))
    assert (await ann.call("list_skips"))["total"] == 0
    await check_refusal(ann, "read_item", {"id": item["id"]}, status=404, code="not_found")


async def test_every_write_is_journaled_without_its_text_and_a_refused_one_is_not(site, ann):
    await ann.call("update_working_memory", {"section": "plan", "content": "secret"})
    item = await ann.call("add_item", ITEM | {"title": "secret"})
    await ann.call("update_item", {"id": item["id"], "title": "secret too"})
    await ann.call("delete_item", {"id": item["id"]})
    await check_refusal(ann, "delete_item", {"id": item["id"]}, status=404, code="not_found")
    entry = await ann.call("add_skip", SKIP | {"item": "secret"})
    await ann.call("remove_skip", {"id": entry["id"]})
    entries = await rows(site, journal)
    assert [(each.operation, each.after) for each in entries] == [
        ("update_working_memory", {"section": "plan"}),
        ("add_item", {"item": item["id"]}),
        ("update_item", {"item": item["id"]}),
        ("delete_item", {"item": item["id"]}),
        ("add_skip", {"skip": entry["id"]}),
        ("remove_skip", {"skip": entry["id"]}),
    ]
    assert {each.user_id for each in entries} == {ann.user_id}


async def test_what_is_written_beside_memories_leaves_their_recall_alone(ann):
    await ann.store("The heron nests at the north pond")
    await ann.call("add_item", ITEM)
    await ann.store("The otter swims")
    found = await ann.call("search", {"query": "heron"})
    assert [each["content"] for each in found["memories"]] == ["The heron nests at the north pond"]
