"""Identity crystals' rows, on both databases: the newest one, the history, and what a crystal is made of."""

import pytest

from server.ids import new_id
from server.store.record.notes import identity
from server.store.record.notes.identity import Crystal, Snapshot

pytestmark = pytest.mark.anyio


@pytest.fixture
def keep(ledger, clock):
    """Keeps a crystal, at the time of the clock."""

    async def insert_crystal(text, sources=0, home=ledger):
        crystal = Crystal(new_id(clock()), text, sources, clock())
        async with home.db.write() as connection:
            await identity.insert_crystal(connection, home.workspace, crystal)
        return crystal

    return insert_crystal


async def patterns(ledger, limit=10):
    async with ledger.db.read() as connection:
        return [
            each.content
            for each in await identity.list_pattern_memories(connection, ledger.workspace, ledger.now(), limit)
        ]


async def test_the_newest_crystal_is_the_last_one_kept_even_within_a_millisecond(ledger, keep):
    for n in range(20):
        last = await keep(f"crystal {n}", n)
    async with ledger.db.read() as connection:
        assert await identity.get_latest_crystal(connection, ledger.workspace) == last
        found = await identity.list_snapshots(connection, ledger.workspace, 3)
    assert [each.source_count for each in found] == [19, 18, 17]


async def test_the_history_knows_lengths_in_characters(ledger, clock, keep):
    kept = await keep("größer 🜂")
    async with ledger.db.read() as connection:
        assert await identity.list_snapshots(connection, ledger.workspace, 5) == [Snapshot(kept.id, 8, 0, clock())]


async def test_another_workspace_has_no_part_in_it(ledger, clock, keep, make_ledger):
    bob = await make_ledger(ledger.db, clock, "bob")
    await keep("Ann's")
    async with ledger.db.read() as connection:
        assert await identity.get_latest_crystal(connection, bob.workspace) is None
        assert await identity.list_snapshots(connection, bob.workspace, 5) == []
    assert await patterns(bob) == []


async def test_patterns_are_the_newest_active_memories_that_others_went_into(ledger, clock):
    made = {}
    for name in ("first", "second", "expired", "deleted", "swallowed"):
        clock.move(seconds=1)
        (made[name],) = await ledger.store(name)
        (source,) = await ledger.store(f"source of {name}")
        await ledger.change(source, consolidated=True, consolidated_into=made[name])
    await ledger.store("a memory like any other")
    await ledger.change(made["expired"], expires_at=clock())
    await ledger.delete(made["deleted"])
    await ledger.change(made["swallowed"], consolidated=True, consolidated_into=made["first"])
    assert await patterns(ledger) == ["second", "first"]
    assert await patterns(ledger, 1) == ["second"]


async def test_the_newest_crystal_is_found_by_its_index(book, explain_read):
    plan = await explain_read(book.db, lambda connection: identity.get_latest_crystal(connection, book.workspace))
    assert "USING INDEX ix_identity_crystals_workspace_id_number (workspace_id=?)" in plan
    assert "TEMP B-TREE" not in plan
