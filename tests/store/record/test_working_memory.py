"""Working memory's rows, on both databases: order, filters, one's own workspace only, and the journal."""

import pytest
import sqlalchemy as sa

from server.ids import new_id
from server.memory.notes.working import Category, Item, Section
from server.store.record import journal as changes
from server.store.record import workspaces
from server.store.record.notes import working_memory
from server.store.record.notes.working_memory import ItemListing
from server.store.tables.accounts import workspaces as workspace_table
from server.store.tables.memories import journal

pytestmark = pytest.mark.anyio


@pytest.fixture
def add(ledger, clock):
    """Adds an item; the clock moves on a second each time."""

    async def put_item(title, category: Category = "active_work", home=ledger, **fields):
        clock.move(seconds=1)
        now = clock()
        given = {"content": "", "status": "active", "priority": 0, "tags": [], "next_action": None} | fields
        new = Item(
            id=new_id(now), title=title, category=category, created_at=now, updated_at=now, last_touched=now, **given
        )
        async with home.db.write() as connection:
            await working_memory.insert_item(connection, home.workspace, new)
        return new

    return put_item


@pytest.fixture
def write(ledger, clock):
    """Writes a section; the clock moves on a second each time."""

    async def put_section(name, content, home=ledger):
        clock.move(seconds=1)
        section = Section(name=name.lower(), heading=name, content=content)
        async with home.db.write() as connection:
            await working_memory.put_section(connection, home.workspace, section, clock())

    return put_section


async def titles(ledger, **listing):
    async with ledger.db.read() as connection:
        page, total = await working_memory.list_items(connection, ledger.workspace, ItemListing(**listing))
    return [item.title for item in page], total


async def test_an_item_comes_back_whole_and_only_in_its_own_workspace(ledger, clock, make_ledger, add):
    new = await add(
        "Größe", "waiting_for", content="c", status="paused", priority=10, tags=["a", "ß"], next_action="ask"
    )
    bob = await make_ledger(ledger.db, clock, "bob")
    async with ledger.db.read() as connection:
        assert await working_memory.get_item(connection, ledger.workspace, new.id) == new
        assert await working_memory.get_item(connection, bob.workspace, new.id) is None
    async with ledger.db.write() as connection:
        assert await working_memory.update_item(connection, bob.workspace, new.id, {"title": "x"}, clock()) is None
        assert not await working_memory.delete_item(connection, bob.workspace, new.id)
        assert await working_memory.get_item(connection, ledger.workspace, new.id) == new


async def test_items_are_listed_by_priority_and_then_the_newest_first(ledger, add):
    for title, priority in (("a", 1), ("b", 10), ("c", 1), ("d", 0)):
        await add(title, priority=priority)
    assert await titles(ledger) == (["b", "c", "a", "d"], 4)
    assert await titles(ledger, limit=2, offset=1) == (["c", "a"], 4)
    assert await titles(ledger, offset=4) == ([], 4)


async def test_items_are_filtered_by_category_status_and_text(ledger, add):
    await add("Öl kaufen", "active_work", content="100%_sure")
    await add("wait", "waiting_for", status="paused")
    await add("note", "session_note", status="archived", content="about öl")
    assert (await titles(ledger, categories=["waiting_for", "session_note"]))[0] == ["note", "wait"]
    assert (await titles(ledger, statuses=["paused"]))[0] == ["wait"]
    assert (await titles(ledger, categories=["waiting_for"], statuses=["active"]))[0] == []
    for text in ("%", "_", "100%_S"):
        assert (await titles(ledger, query=text))[0] == ["Öl kaufen"]
    assert await titles(ledger, query="zz") == ([], 0)


async def test_a_search_of_items_knows_no_case(ledger, add):
    await add("Quarterly REPORT")
    assert await titles(ledger, query="rePort") == (["Quarterly REPORT"], 1)


async def test_items_of_several_workspaces_are_listed_as_if_they_were_of_one(ledger, clock, make_ledger, add):
    bob, cat = await make_ledger(ledger.db, clock, "bob"), await make_ledger(ledger.db, clock, "cat")
    for title, home, priority in (("a", ledger, 1), ("b", bob, 1), ("c", bob, 9), ("d", cat, 5), ("e", ledger, 0)):
        await add(title, home=home, priority=priority)
    places, listing = [ledger.workspace, bob.workspace, "nowhere"], ItemListing(limit=2, offset=1)
    async with ledger.db.read() as connection:
        page, total = await working_memory.list_items_of(connection, places, listing)
    assert [(item.title, home) for home, item in page] == [("b", bob.workspace), ("a", ledger.workspace)]
    assert total == 4


async def test_an_update_changes_what_it_names_and_the_time(ledger, clock, add):
    new = await add("a", tags=["t"], next_action="n")
    clock.move(seconds=5)
    async with ledger.db.write() as connection:
        changed = await working_memory.update_item(
            connection, ledger.workspace, new.id, {"status": "completed", "next_action": None}, clock()
        )
    assert changed == new.model_copy(
        update={"status": "completed", "next_action": None, "updated_at": clock(), "last_touched": clock()}
    )


async def test_the_active_items_are_active_or_paused_and_all_are_counted(ledger, add):
    for title, status in (("a", "active"), ("b", "paused"), ("c", "completed"), ("d", "archived"), ("e", "active")):
        await add(title, status=status, priority=1 if title == "b" else 0)
    async with ledger.db.read() as connection:
        found, total = await working_memory.list_active_items(connection, ledger.workspace, 2)
        assert ([item.title for item in found], total) == (["b", "e"], 3)
        assert await working_memory.list_active_items(connection, "nowhere", 2) == ([], 0)


async def test_the_active_items_are_read_in_the_order_of_their_index(book, explain_read):
    plan = await explain_read(
        book.db, lambda connection: working_memory.list_active_items(connection, book.workspace, 5)
    )
    assert plan.count("USING INDEX ix_working_items_shown (workspace_id=?)") == 2
    assert "TEMP B-TREE" not in plan


async def test_a_section_is_written_and_written_over_and_keeps_its_place_and_heading(ledger, write):
    await write("Plan", "one")
    await write("Other", "x")
    await write("plan", "two")
    async with ledger.db.read() as connection:
        found = await working_memory.list_sections(connection, ledger.workspace)
        assert [(each.name, each.heading, each.content) for each in found] == [
            ("plan", "Plan", "two"),
            ("other", "Other", "x"),
        ]
        assert await working_memory.get_section(connection, ledger.workspace, "plan") == found[0]
        assert await working_memory.get_section(connection, "nowhere", "plan") is None
        later, earlier = found[0].updated_at, found[1].updated_at
        assert later is not None
        assert earlier is not None
        assert later > earlier


async def test_only_sections_of_ones_own_are_counted(ledger, write):
    for name in ("plan", "other", "active_work"):
        await write(name, "x")
    async with ledger.db.read() as connection:
        assert await working_memory.count_own_sections(connection, ledger.workspace) == 2


async def test_the_state_is_how_many_sections_are_ones_own_and_when_something_last_changed(
    ledger, clock, make_ledger, add, write
):
    async def state():
        async with ledger.db.read() as connection:
            return await working_memory.read_state(connection, ledger.workspace)

    bob = await make_ledger(ledger.db, clock, "bob")
    assert await state() == (0, None)
    item = await add("a")
    assert await state() == (0, item.updated_at)
    for name in ("plan", "active_work"):
        await write(name, "x")
    written = clock()
    await add("b", home=bob)
    await write("theirs", "x", home=bob)
    assert await state() == (1, written)
    async with ledger.db.write() as connection:
        await working_memory.update_item(connection, ledger.workspace, item.id, {"status": "paused"}, clock())
    assert await state() == (1, clock())


async def test_a_change_is_journaled_by_what_it_changed_and_moves_no_revision(ledger, clock):
    await ledger.store("a memory")
    clock.move(seconds=5)
    async with ledger.db.write() as connection:
        await changes.journal_change(connection, ledger.workspace, ledger.actor, clock(), {"item": "i1"})
    async with ledger.db.read() as connection:
        *_, row = await connection.execute(sa.select(journal).order_by(journal.c.id))
    assert (row.memory_id, row.before, row.after, row.at) == (None, None, {"item": "i1"}, clock())
    assert (row.operation, row.user_id, row.credential_id, row.request_id) == ("test", "user", "key", "request")
    assert await ledger.row("revision", "updated_at") == (1, clock())


async def test_a_change_in_a_workspace_that_was_deleted_is_refused(ledger, clock):
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
    async with ledger.db.write() as connection:
        with pytest.raises(workspaces.WorkspaceGone):
            await changes.journal_change(connection, ledger.workspace, ledger.actor, clock(), {"item": "i1"})
        count = sa.select(sa.func.count()).select_from(journal)
        assert (await connection.execute(count)).scalar_one() == 0
        assert (await connection.execute(sa.select(workspace_table.c.deleted_at))).scalar_one() == clock()
