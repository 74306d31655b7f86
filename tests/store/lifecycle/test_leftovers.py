"""Rows that are deleted or replaced leave no text: neither in the record's file and its log nor in the search store."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from server.background.upkeep import clean_up_records, remove_leftovers, vacuum_projection
from server.store import db as record
from tests.helpers.erasures import OTHERS, SECRET, WORD, erase_memory, find_files_with, request_json
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


async def test_rows_that_are_deleted_for_good_leave_no_text(ann, check_nowhere):
    item = {"category": "active_work", "title": WORD, "content": f"{WORD} " * 900, "next_action": WORD}
    item_id = (await request_json(ann, "POST", "/v1/working-memory/items", 201, json=item))["id"]
    changed = {"title": "t", "content": "c", "next_action": "n"}
    other = (await request_json(ann, "POST", "/v1/working-memory/items", 201, json=item))["id"]
    skip = {"item": WORD, "reason": WORD, "expires": "30d"}
    skip_id = (await request_json(ann, "POST", "/v1/skip-list", 201, json=skip))["id"]
    golden = {"query": WORD, "text": WORD, "expect": "recalled"}
    golden_id = (await request_json(ann, "POST", "/v1/golden", 201, json=golden))["id"]
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": f"{WORD} " * 900})
    await request_json(ann, "DELETE", f"/v1/working-memory/items/{item_id}")
    await request_json(ann, "PUT", f"/v1/working-memory/items/{other}", json=changed)
    await request_json(ann, "DELETE", f"/v1/skip-list/{skip_id}")
    await request_json(ann, "DELETE", f"/v1/golden/{golden_id}")
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": "short"})
    await check_nowhere()


async def add_item(person, **fields):
    item = {"category": "active_work", "title": "Garden", "content": "", **fields}
    return (await request_json(person, "POST", "/v1/working-memory/items", 201, json=item))["id"]


@pytest.mark.parametrize("length", [1, 300, 500])
async def test_composed_crystals_follow_what_is_deleted_or_replaced_and_keep_the_rest(ann, check_nowhere, length):
    long = f"{WORD} " * length
    first = await add_item(ann, title=f"Dig {WORD}", content=f"{long}\n\n{long}", next_action=WORD)
    second = await add_item(ann, title="Dig deeper", content=long)
    await add_item(ann, title="Dig", category="standing_decision")
    decision = await add_item(ann, category="standing_decision", title=f"Never {WORD}", status="paused")
    skip = await add_item(ann, category="skip_list", title=f"Skip {WORD}")
    await request_json(
        ann, "PUT", "/v1/working-memory/session_notes", json={"content": f"Notes\n\n{long}…\n\nMore {WORD}"}
    )
    await request_json(ann, "PUT", "/v1/working-memory/plan", json={"content": long})
    await request_json(
        ann, "PUT", "/v1/working-memory/skip_list", json={"content": f"- Tailwind: large\n- {WORD}: old"}
    )
    await add_item(ann, title="Heron", content="comes at noon")
    crystals = [(await request_json(ann, "POST", "/v1/identity/crystallize"))["id"] for _ in range(2)]
    await request_json(ann, "PUT", f"/v1/working-memory/items/{decision}", json={"status": "completed"})
    await request_json(ann, "DELETE", f"/v1/working-memory/items/{first}")
    await request_json(ann, "PUT", f"/v1/working-memory/items/{second}", json={"content": "done"})
    await request_json(ann, "DELETE", f"/v1/working-memory/items/{decision}")
    await request_json(ann, "DELETE", f"/v1/skip-list/{skip}")
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": ""})
    await request_json(ann, "PUT", "/v1/working-memory/plan", json={"content": "another"})
    entries = (await request_json(ann, "GET", "/v1/skip-list"))["entries"]
    (line,) = (each["id"] for each in entries if each["item"] == WORD)
    await request_json(ann, "DELETE", f"/v1/skip-list/{line}")
    await check_nowhere()
    left = (await request_json(ann, "GET", "/v1/identity"))["crystal"]
    assert "- **Heron** — comes at noon\n\n" in left or length > 1, "a longer block was cut before it"
    assert "### Standing Decisions\n\n- **Dig**\n\n" in left
    assert "### Skip List\n\n- Tailwind: large\n\n" in left
    history = (await request_json(ann, "GET", "/v1/identity/history"))["snapshots"]
    assert {each["id"] for each in history} == set(crystals)


async def test_a_section_that_is_emptied_leaves_neither_its_text_nor_its_name(ann, check_nowhere):
    await request_json(ann, "PUT", f"/v1/working-memory/Plan of {WORD}", json={"content": WORD})
    await request_json(ann, "PUT", "/v1/working-memory/plan", json={"content": "Dig"})
    await request_json(ann, "POST", "/v1/identity/crystallize")
    await request_json(ann, "PUT", f"/v1/working-memory/Plan of {WORD}", json={"content": f"{WORD}\n\nand more"})
    emptied = await request_json(ann, "PUT", f"/v1/working-memory/Plan of {WORD}", json={"content": " "})
    assert emptied["section"]["content"].strip() == ""
    await request_json(ann, "GET", f"/v1/working-memory/Plan of {WORD}", 404)
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": ""})
    names = {each["name"] for each in (await request_json(ann, "GET", "/v1/working-memory"))["sections"]}
    assert "plan" in names
    assert "session_notes" in names
    assert "### plan\n\nDig\n\n---" in (await request_json(ann, "GET", "/v1/identity"))["crystal"]
    await check_nowhere()


async def test_a_crystal_keeps_a_section_that_only_grew(ann):
    await request_json(ann, "PUT", "/v1/working-memory/plan", json={"content": "Dig"})
    await request_json(ann, "POST", "/v1/identity/crystallize")
    await request_json(ann, "PUT", "/v1/working-memory/plan", json={"content": "Dig\nWater"})
    assert "### plan\n\nDig\n\n" in (await request_json(ann, "GET", "/v1/identity"))["crystal"]


async def test_a_crystal_that_somebody_wrote_stays_as_it_is(ann):
    item = await add_item(ann)
    await request_json(ann, "PUT", "/v1/identity", json={"crystal": "I dig.\n\n- **Garden**\n\nEnd"})
    await request_json(ann, "DELETE", f"/v1/working-memory/items/{item}")
    assert "Garden" in (await request_json(ann, "GET", "/v1/identity"))["crystal"]


async def test_a_skip_entry_that_ended_leaves_no_text(ann, site, clock, check_nowhere):
    await request_json(ann, "POST", "/v1/skip-list", 201, json={"item": WORD, "reason": WORD, "expires": "1d"})
    clock.move(days=2)
    await clean_up_records(site.services)
    await check_nowhere()


async def test_a_deleted_workspace_leaves_no_text_when_it_cannot_come_back(ann, site, clock, check_nowhere):
    where: dict[str, Any] = {"headers": {"X-Memento-Workspace": "other"}}
    created = await request_json(ann, "POST", "/v1/workspaces", 201, json={"name": "other"})
    for content in (SECRET, *OTHERS):
        await request_json(ann, "POST", "/v1/memories", 201, json={"content": content}, **where)
    ids = [each["id"] for each in (await request_json(ann, "GET", "/v1/memories", **where))["memories"]]
    await request_json(ann, "POST", "/v1/consolidate/group", json={"source_ids": ids[:2]}, **where)
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": WORD}, **where)
    await request_json(ann, "PUT", f"/v1/working-memory/{WORD}", json={"content": "x"}, **where)
    await request_json(ann, "POST", "/v1/identity/crystallize", **where)
    golden = {"query": WORD, "text": WORD, "expect": "recalled"}
    await request_json(ann, "POST", "/v1/golden", 201, json=golden, **where)
    await request_json(ann, "DELETE", f"/v1/workspaces/{created['id']}")
    clock.move(days=31)
    await clean_up_records(site.services)
    await check_nowhere()


async def test_the_loop_cleans_up_by_itself(ann, settings):
    secret = await ann.store(SECRET)
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": WORD})
    assert find_files_with(settings.data_dir)
    await erase_memory(ann, secret)
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": "short"})
    await wait_until_gone(settings.data_dir)


async def test_an_erasure_that_was_cut_off_is_finished_at_the_next_start(ann, site, settings, clock, monkeypatch):
    """As after kill -9 right after the commit: neither the log nor the collection was cleaned."""
    services = site.services
    secret = await ann.store(SECRET)
    await services.projection.flush()
    monkeypatch.setattr(type(services.db), "empty_log", _claim_emptied)
    monkeypatch.setattr(type(services.projection), "forget", _do_nothing)
    assert (await erase_memory(ann, secret))["erased"] is True
    assert find_files_with(settings.data_dir)
    # The files as a killed process leaves them, under another server.
    copy = settings.model_copy(update={"data_dir": settings.data_dir.parent / "copy"})
    copy_files(settings.data_dir, copy.data_dir)
    monkeypatch.undo()
    assert find_files_with(copy.data_dir)
    async with open_site(copy, clock) as other:
        await remove_leftovers(other.services)
        await vacuum_projection(other.services)
        assert find_files_with(copy.data_dir) == []


async def _do_nothing(*_args):
    return None


async def _claim_emptied(*_args):
    return True


async def test_words_in_a_log_that_somebody_reads_are_named_and_removed_as_soon_as_the_reader_ends(
    ann, site, settings, monkeypatch
):
    monkeypatch.setattr(record, "EMPTYING_PAUSES", (0.1,))
    secret = await ann.store(SECRET)
    item = await add_item(ann, title=WORD)
    async with site.services.db.read() as connection:
        await connection.execute(sa.text("SELECT count(*) FROM memories"))
        answer = await erase_memory(ann, secret)
        await request_json(ann, "DELETE", f"/v1/working-memory/items/{item}")
        with structlog.testing.capture_logs() as logs:
            await remove_leftovers(site.services)
        assert find_files_with(settings.data_dir)
    assert (answer["erased"], answer["kept"]) == (False, [{"kind": "file", "id": "loci.db-wal"}])
    assert "in the log of the database" in answer["meta"]["notice"]
    assert {"event": "record.log_held", "log_level": "warning", "file": "loci.db-wal"} in logs
    await wait_until_gone(settings.data_dir)


async def test_a_log_that_could_not_be_emptied_is_tried_again(ann, site, settings, monkeypatch):
    def fail(_connection):
        raise OSError("the disk is away")

    monkeypatch.setattr(record, "empty_log", fail)
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": WORD})
    await request_json(ann, "PUT", "/v1/working-memory/session_notes", json={"content": "short"})
    with suppress(OSError):
        await remove_leftovers(site.services)
    assert find_files_with(settings.data_dir)
    monkeypatch.undo()
    await wait_until_gone(settings.data_dir)


async def wait_until_gone(folder):
    """Wait until the loop has removed the words from every file; on a machine that does much else it takes long."""
    end = time.monotonic() + 60
    while find_files_with(folder) and time.monotonic() < end:  # noqa: ASYNC110 - files have no event
        await asyncio.sleep(0.2)
    assert find_files_with(folder) == []


def copy_files(source, target):
    for path in source.rglob("*"):
        if path.is_file() and path.name != "owner.lock":
            there = target / path.relative_to(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
