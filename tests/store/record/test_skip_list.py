"""The skip list's rows, on both databases: what lives, what has ended, and whose it is."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.ids import new_id
from server.memory.notes.skip import SkipEntry
from server.store.record.notes import skip_list
from server.store.tables.working import working_items

pytestmark = pytest.mark.anyio


@pytest.fixture
def add(ledger, clock):
    """Adds an entry; the clock moves on a second each time."""

    async def insert_entry(item, ends_at=None, home=ledger):
        clock.move(seconds=1)
        entry = SkipEntry(new_id(clock()), item, "because", "as given", ends_at, clock())
        async with home.db.write() as connection:
            await skip_list.insert_entry(connection, home.workspace, entry)
        return entry

    return insert_entry


async def list_live(ledger, now):
    async with ledger.db.read() as connection:
        return await skip_list.list_live_entries(connection, ledger.workspace, now)


async def list_titles(ledger):
    async with ledger.db.read() as connection:
        return set((await connection.execute(sa.select(working_items.c.title))).scalars())


async def test_live_entries_come_back_whole_and_newest_first(ledger, clock, add):
    first = await add("tea", clock() + timedelta(days=1))
    second = await add("coffee")
    assert await list_live(ledger, clock()) == [second, first]


async def test_an_entry_ends_at_its_moment_and_a_condition_never(ledger, clock, add):
    end = clock() + timedelta(days=1)
    await add("tea", end)
    await add("coffee")
    for at, items in ((end - timedelta(milliseconds=1), ["coffee", "tea"]), (end, ["coffee"])):
        assert [entry.item for entry in await list_live(ledger, at)] == items
    assert [entry.item for entry in await list_live(ledger, end + timedelta(days=36500))] == ["coffee"]


async def test_entries_are_counted_in_their_own_workspace_with_those_that_have_ended(ledger, clock, add, make_ledger):
    bob = await make_ledger(ledger.db, clock, "bob")
    end = clock() + timedelta(days=1)
    for item, ends_at, home in (("tea", end, ledger), ("milk", None, ledger), ("coffee", end, bob)):
        await add(item, ends_at, home)
    async with ledger.db.read() as connection:
        before = await skip_list.count_entries(connection, ledger.workspace, end - timedelta(milliseconds=1))
        assert before == {"total": 2, "active": 2, "expired": 0}
        assert await skip_list.count_entries(connection, ledger.workspace, end) == {
            "total": 2,
            "active": 1,
            "expired": 1,
        }
        assert await skip_list.count_entries(connection, "nowhere", end) == {"total": 0, "active": 0, "expired": 0}


async def test_a_read_hides_what_has_ended_and_a_purge_deletes_it_everywhere(ledger, clock, add, make_ledger):
    bob = await make_ledger(ledger.db, clock, "bob")
    end = clock() + timedelta(days=1)
    for home in (ledger, bob):
        await add("tea", end, home)
    await add("coffee")
    await add("later", end + timedelta(days=1))
    assert [entry.item for entry in await list_live(ledger, end)] == ["later", "coffee"]
    assert await list_titles(ledger) == {"tea", "coffee", "later"}
    async with ledger.db.write() as connection:
        assert await skip_list.purge_expired(connection, end) == 2
        assert await skip_list.purge_expired(connection, end) == 0
    assert await list_titles(ledger) == {"coffee", "later"}


async def test_an_entry_is_deleted_in_its_own_workspace_and_only_while_it_lives(ledger, clock, add, make_ledger):
    bob = await make_ledger(ledger.db, clock, "bob")
    tea, gone = await add("tea"), await add("gone", clock())
    async with ledger.db.write() as connection:
        assert await skip_list.delete_entry(connection, bob.workspace, tea.id, clock()) is None
        assert await skip_list.delete_entry(connection, ledger.workspace, gone.id, clock()) is None
        assert await skip_list.delete_entry(connection, ledger.workspace, tea.id, clock()) == tea
        assert await skip_list.delete_entry(connection, ledger.workspace, tea.id, clock()) is None
    assert await list_live(bob, clock()) == []


async def test_live_entries_are_read_in_the_order_of_their_index(book, clock, explain_read):
    plan = await explain_read(
        book.db, lambda connection: skip_list.list_live_entries(connection, book.workspace, clock())
    )
    assert "USING INDEX ix_working_items_skip_list (workspace_id=?)" in plan
    assert "TEMP B-TREE" not in plan
