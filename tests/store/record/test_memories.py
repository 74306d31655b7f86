"""Memories' rows: revisions, listing, counting, the journal, and forgetting for good."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from server.memory.models import Memory
from server.memory.tiers import list_tiers
from server.store.lifecycle.due import erase_due_memories
from server.store.record import memories, memory_lists, workspaces
from server.store.record.journal import journal_memories
from server.store.record.memory_lists import Listing
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table
from tests.helpers.erasures import TOMBSTONES

pytestmark = pytest.mark.anyio


async def rows(ledger, *columns):
    async with ledger.db.read() as connection:
        query = sa.select(*columns).where(table.c.workspace_id == ledger.workspace).order_by(table.c.position)
        return [tuple(row) for row in await connection.execute(query)]


@pytest.fixture
def list_contents(ledger, clock):
    """The contents of a page."""

    async def ask(**listing):
        async with ledger.db.read() as connection:
            page, _ = await memory_lists.list_page(connection, ledger.workspace, Listing(**listing), clock())
        return [memory.content for memory in page]

    return ask


def test_every_column_of_a_memory_is_a_field_or_kept_by_the_store():
    kept = {"workspace_id", "revision", "position", "deleted_at", "erased_at", "text_digest"}
    kept |= {"user_id", "credential_id", "client_id"}
    assert {column.name for column in table.c} == set(Memory.model_fields) | kept


async def test_an_ingest_takes_contiguous_revisions_and_keeps_its_order(ledger):
    await ledger.store("a", "b", "c")
    assert await rows(ledger, table.c.content, table.c.revision, table.c.position) == [
        ("a", 1, 1),
        ("b", 2, 2),
        ("c", 3, 3),
    ]
    assert await ledger.row("revision") == (3,)


async def test_a_change_raises_the_revision_and_leaves_the_position(ledger):
    first, _ = await ledger.store("a", "b")
    assert await ledger.change(first, content="A") == 3
    assert await rows(ledger, table.c.content, table.c.revision, table.c.position) == [("A", 3, 1), ("b", 2, 2)]


async def test_ingests_at_once_never_share_a_revision(ledger):
    await asyncio.gather(*(ledger.store(*"abcde") for _ in range(6)))
    found = await rows(ledger, table.c.revision)
    assert found == [(number,) for number in range(1, 31)]


async def test_two_rows_with_one_revision_are_refused(ledger):
    first, _ = await ledger.store("a", "b")
    with pytest.raises(IntegrityError):
        async with ledger.db.write() as connection:
            await memories.update_memory(connection, first, 2, {})


async def test_a_write_that_fails_takes_no_revision(ledger, clock, check_undone):
    await check_undone(
        ledger.db, lambda connection: memories.advance_revision(connection, ledger.workspace, 5, clock())
    )
    await ledger.store("a")
    assert await rows(ledger, table.c.revision) == [(1,)]


async def test_a_memory_comes_back_whole_and_only_in_its_own_workspace(ledger, clock, make_ledger):
    (target,) = await ledger.store("the other")
    fields = {
        "type": "decision",
        "tags": ["a", "b"],
        "scope": "task",
        "project": "p",
        "task": "t",
        "entity": "e",
        "author": "w",
        "session": "s",
        "occurred_at": clock() - timedelta(days=1, milliseconds=1),
        "expires_at": clock() + timedelta(days=1),
        "linkages": [{"type": "memory", "id": target, "path": None, "label": "l"}],
        "source": "x",
        "metadata": {"n": 1},
    }
    (memory_id,) = await ledger.store("whole", **fields)
    memory = await ledger.get(memory_id)
    assert memory.model_dump(include=set(fields)) == fields
    bob = await make_ledger(ledger.db, clock, "bob")
    assert await bob.get(memory_id) is None
    async with ledger.db.read() as connection:
        assert await memories.find_existing_ids(connection, ledger.workspace, [memory_id, target, "x"]) == {
            memory_id,
            target,
        }
        assert await memories.find_existing_ids(connection, bob.workspace, [memory_id]) == set()


async def test_a_deleted_memory_is_found_by_nobody(ledger, list_contents, clock):
    (memory_id,) = await ledger.store("a")
    await ledger.delete(memory_id)
    assert await ledger.get(memory_id) is None
    assert await list_contents(status="all") == []
    async with ledger.db.read() as connection:
        assert await memories.find_existing_ids(connection, ledger.workspace, [memory_id]) == set()
        assert (await memory_lists.count_memories(connection, ledger.workspace, clock()))["total"] == 0


async def test_each_status_lists_and_counts_its_own(ledger, list_contents, clock):
    await ledger.store("active")
    await ledger.store("later", expires_at=clock() + timedelta(seconds=1))
    await ledger.store("expired", expires_at=clock())
    (merged,) = await ledger.store("merged")
    await ledger.change(merged, consolidated=True)
    assert set(await list_contents(status="active")) == {"active", "later"}
    assert await list_contents(status="expired") == ["expired"]
    assert await list_contents(status="consolidated") == ["merged"]
    assert len(await list_contents(status="all")) == 4
    async with ledger.db.read() as connection:
        found = await memory_lists.count_memories(connection, ledger.workspace, clock())
    assert found == {"total": 4, "active": 2, "expired": 1, "consolidated": 1, "superseded": 0}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("100%", ["percent"]),
        ("a_b", ["underscore"]),
        ("back\\slash", ["backslash"]),
        ("Ärger", ["umlaut"]),
        ('say "hi"', ["quote"]),
        ("cent", ["cents"]),
        ("%", ["percent"]),
        ("[", []),
        ('","', []),
    ],
)
async def test_a_tag_is_found_by_any_part_in_any_case_and_nothing_in_it_is_a_wildcard(
    ledger, list_contents, asked, found
):
    tags = {
        "percent": ["100%"],
        "cents": ["100 Cents"],
        "underscore": ["A_B"],
        "letters": ["axb", "two"],
        "backslash": ["back\\slash"],
        "umlaut": ["Ärger"],
        "quote": ['say "hi"'],
        "none": [],
    }
    for content, each in tags.items():
        await ledger.store(content, tags=each)
    assert await list_contents(tags=[asked], matches_parts_of_tags=True) == found


async def test_a_tag_asked_for_as_a_whole_is_not_found_by_its_parts(ledger, list_contents):
    await ledger.store("one", tags=["100%"])
    await ledger.store("two", tags=["100 cents", "50%"])
    assert await list_contents(tags=["100%"]) == ["one"]
    assert await list_contents(tags=["50%", "cents"]) == ["two"]
    assert await list_contents(tags=["%"]) == []


async def test_any_of_several_tags_and_types_will_do(ledger, list_contents):
    await ledger.store("one", tags=["x"], type="fact")
    await ledger.store("two", tags=["y"], type="decision")
    await ledger.store("three", tags=["z"], type="note")
    assert set(await list_contents(tags=["x", "Y"])) == {"one", "two"}
    assert set(await list_contents(types=["fact", "note"])) == {"one", "three"}
    assert await list_contents(types=["fact"], tags=["y"]) == []


async def test_a_place_sees_its_tiers_and_with_a_scope_only_that(ledger, list_contents):
    await ledger.store("global")
    await ledger.store("mine", scope="project", project="p")
    await ledger.store("task", scope="task", project="p", task="t")
    await ledger.store("task beside", scope="task", project="p", task="u")
    await ledger.store("other", scope="project", project="q")
    await ledger.store("other task", scope="task", project="q", task="t")
    for place, seen in (
        (("p", None), {"global", "mine", "task", "task beside"}),
        (("p", "t"), {"global", "mine", "task"}),
        ((None, "t"), {"global", "task", "other task"}),
        (("q", "v"), {"global", "other"}),
    ):
        assert set(await list_contents(tiers=list_tiers(*place))) == seen, place
    assert await list_contents(equal={"project": "p", "scope": "project"}) == ["mine"]


@pytest.mark.parametrize("descending", [True, False])
async def test_what_has_no_time_comes_last_whichever_way_is_sorted(ledger, list_contents, clock, descending):
    await ledger.store("never")
    for days in (2, 1, 3):
        await ledger.store(str(days), occurred_at=clock() - timedelta(days=days))
    dated = ["1", "2", "3"] if descending else ["3", "2", "1"]
    assert await list_contents(sort="occurred_at", is_descending=descending) == [*dated, "never"]


@pytest.mark.parametrize("descending", [True, False])
async def test_pages_of_equals_neither_repeat_nor_skip(ledger, list_contents, descending):
    await ledger.store(*map(str, range(10)))
    pages = [await list_contents(limit=3, offset=start, is_descending=descending) for start in range(0, 12, 3)]
    together = [content for page in pages for content in page]
    assert together == sorted(map(str, range(10)), reverse=descending)


async def test_the_journal_says_who_changed_what_before_and_after(ledger, clock):
    (memory_id,) = await ledger.store("old")
    before = await ledger.get(memory_id)
    revision = await ledger.change(memory_id, content="new")
    async with ledger.db.write() as connection:
        change = (memory_id, before.model_dump(mode="json"), {"content": "new"})
        await journal_memories(connection, ledger.workspace, ledger.actor, clock(), revision, [change])
        query = sa.select(journal).order_by(journal.c.revision)
        stored, changed = (await connection.execute(query)).all()
    assert (stored.before, stored.after, stored.revision) == (None, None, 1)
    assert (changed.before["content"], changed.after, changed.revision) == ("old", {"content": "new"}, 2)
    assert (changed.user_id, changed.credential_id, changed.operation, changed.at) == ("user", "key", "test", clock())


async def test_erasing_leaves_who_and_when_and_nothing_of_what(ledger, clock):
    (memory_id,) = await ledger.store("secret", tags=["secret"], author="secret", metadata={"k": "secret"})
    await ledger.delete(memory_id)
    async with ledger.db.write() as connection:
        await memories.erase_content(connection, memory_id, clock())
        row = (await connection.execute(sa.select(table))).one()
        entry = (await connection.execute(sa.select(journal))).one()
    assert "secret" not in str(row)
    assert (row.erased_at, entry.memory_id, entry.operation) == (clock(), memory_id, "test")
    assert (entry.before, entry.after) == (None, None)


async def test_what_was_deleted_is_erased_when_it_can_no_longer_be_undone(ledger, clock, monkeypatch):
    monkeypatch.setattr("server.store.lifecycle.erasure.STEP", 2)
    ids = await ledger.store(*"abcde")
    for memory_id in ids[:4]:
        await ledger.delete(memory_id)
    undo = timedelta(days=30)
    clock.move(days=29, hours=23)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), undo) == 0
    clock.move(hours=1)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), undo) == 4
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), undo) == 0
    assert [content for (content,) in await rows(ledger, table.c.content)] == ["", "", "", "", "e"]


async def test_accesses_are_counted_once_over_what_is_there_and_was_not_merged(ledger, clock, make_ledger):
    bob = await make_ledger(ledger.db, clock, "bob")
    (deleted,) = await ledger.store("a", access_count=100)
    await ledger.delete(deleted)
    await ledger.store("b", "c", access_count=2)
    await ledger.store("merged into others", access_count=40, consolidated=1)
    async with ledger.db.read() as connection:
        assert await memory_lists.sum_accesses(connection, ledger.workspace) == 4
        assert await memory_lists.sum_accesses(connection, bob.workspace) == 0


async def test_what_was_deleted_with_its_workspace_is_erased_with_it(ledger, clock, make_ledger):
    await ledger.store("a", "b")
    bob = await make_ledger(ledger.db, clock, "bob")
    (kept,) = await bob.store("kept")
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
    clock.move(days=31)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), timedelta(days=30)) == 2
    assert (await bob.get(kept)).content == "kept"
