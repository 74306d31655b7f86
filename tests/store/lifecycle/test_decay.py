"""The pass that brings stored relevance up to date, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor

from server.memory.decay import NEVER, HalfLives, compute_relevance
from server.store.db import Database
from server.store.lifecycle import decay as module
from server.store.lifecycle.decay import decay_relevance
from server.store.tables.memories import journal, memories

pytestmark = pytest.mark.anyio


async def read_relevances(ledger):
    """Relevance by text."""
    async with ledger.db.read() as connection:
        rows = await connection.execute(sa.select(memories.c.content, memories.c.relevance))
        return dict(list(map(tuple, rows)))


async def test_the_pass_writes_what_the_formula_says(ledger, clock):
    week_old, accessed = clock() - timedelta(days=7), clock() - timedelta(hours=48)
    await ledger.store("new", "also new")
    await ledger.store("old", created_at=week_old)
    await ledger.store("used", created_at=week_old, access_count=3, last_accessed_at=accessed)
    await ledger.store("from tomorrow", created_at=clock() + timedelta(days=1), access_count=1)
    await ledger.store("ancient", created_at=clock() - timedelta(days=40_000))
    changed = await decay_relevance(ledger.db, ledger.workspace, clock())
    assert await read_relevances(ledger) == {
        "new": 1.0,
        "also new": 1.0,
        "old": pytest.approx(0.5),
        "used": pytest.approx(1.0, abs=0.0002),
        "from tomorrow": pytest.approx(1.3),
        "ancient": pytest.approx(0.0, abs=1e-9),
    }
    assert changed == 3  # old, from tomorrow, ancient; the others changed by less than 0.0001


async def test_the_pass_agrees_with_plain_numbers_for_every_age_and_use(ledger, clock):
    expected = {}
    for hours in (0, 1, 30, 168, 1000, 9000):
        for accesses, since in ((0, None), (1, 0.5), (4, 100), (50, 2000)):
            name = f"{hours} {accesses}"
            last = None if since is None else clock() - timedelta(hours=since)
            at = clock() - timedelta(hours=hours)
            await ledger.store(name, created_at=at, access_count=accesses, last_accessed_at=last, relevance=9.0)
            expected[name] = pytest.approx(
                compute_relevance(hours, accesses, NEVER if since is None else since), abs=1e-6
            )
    assert await decay_relevance(ledger.db, ledger.workspace, clock()) == len(expected)
    assert await read_relevances(ledger) == expected


async def test_half_lives_may_differ_by_type(ledger, clock):
    two_weeks = clock() - timedelta(days=14)
    for kind in ("decision", "observation", "fact"):
        await ledger.store(kind, type=kind, created_at=two_weeks)
    await decay_relevance(ledger.db, ledger.workspace, clock(), HalfLives(336, {"decision": 672, "observation": 168}))
    assert await read_relevances(ledger) == {
        "decision": pytest.approx(0.5**0.5),
        "observation": pytest.approx(0.25),
        "fact": pytest.approx(0.5),
    }


async def test_relevance_is_no_part_of_a_revision_and_is_not_journaled(ledger, clock):
    await ledger.store("old", created_at=clock() - timedelta(days=7))
    before = await ledger.row("revision", "updated_at")
    clock.move(days=1)
    assert await decay_relevance(ledger.db, ledger.workspace, clock()) == 1
    assert await ledger.row("revision", "updated_at") == before
    async with ledger.db.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(journal))).scalar_one() == 1


async def test_deleted_and_merged_memories_keep_what_they_had(ledger, clock):
    (gone,) = await ledger.store("gone", created_at=clock() - timedelta(days=7))
    await ledger.store("merged", created_at=clock() - timedelta(days=7), consolidated=1)
    await ledger.delete(gone)
    assert await decay_relevance(ledger.db, ledger.workspace, clock()) == 0


async def test_the_pass_leaves_other_workspaces_alone(ledger, make_ledger, clock):
    other = await make_ledger(ledger.db, clock, "bob")
    await other.store("old", created_at=clock() - timedelta(days=7))
    assert await decay_relevance(ledger.db, ledger.workspace, clock()) == 0


async def test_writers_get_their_turn_between_two_batches(ledger, clock, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    ids = await ledger.store(*map(str, range(10)), created_at=clock() - timedelta(days=7))
    transactions = []
    write = ledger.db.write

    def watched():
        transactions.append(1)
        return write()

    monkeypatch.setattr(ledger.db, "write", watched)
    assert await decay_relevance(ledger.db, ledger.workspace, clock()) == 10
    assert len(transactions) == 4
    monkeypatch.undo()
    # One that changes while the pass is on its way moves to the end, where the pass still meets it.
    await ledger.change(ids[0], type="other")
    clock.move(days=7)
    assert await decay_relevance(ledger.db, ledger.workspace, clock()) == 10


async def test_a_sqlite_without_mathematics_is_given_what_is_needed(book, clock, monkeypatch):
    """As some Pythons bring it."""
    added = []
    create_function = AsyncAdapt_aiosqlite_connection.create_function
    execute = AsyncAdapt_aiosqlite_cursor.execute

    def refuse_power(cursor, statement, parameters=None):
        if statement.startswith("SELECT power("):
            raise RuntimeError("no such function: power")
        return execute(cursor, statement, parameters)

    def add_function(connection, name, *how, **options):
        added.append(name)
        create_function(connection, name, *how, **options)

    monkeypatch.setattr(AsyncAdapt_aiosqlite_cursor, "execute", refuse_power)
    monkeypatch.setattr(AsyncAdapt_aiosqlite_connection, "create_function", add_function)
    await book.store("old", created_at=clock() - timedelta(days=7))
    db = Database(book.db.url.render_as_string(hide_password=False))
    try:
        assert await decay_relevance(db, book.workspace, clock()) == 1
    finally:
        await db.close()
    assert await read_relevances(book) == {"old": pytest.approx(0.5)}
    assert {"power", "ln"} <= set(added)
