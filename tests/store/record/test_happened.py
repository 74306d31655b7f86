"""Lists by when things happened: of memories with a time and without one, from an index for each, in one order."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from server.store.record.memory_lists import Listing
from server.store.record.recall.happened import list_happened

pytestmark = pytest.mark.anyio


async def list_contents(ledger, limit=10, **how):
    async with ledger.db.read() as connection:
        found = await list_happened(connection, ledger.workspace, Listing(limit=limit), ledger.now(), **how)
    return [(await ledger.get(memory_id)).content for memory_id, _ in found]


@pytest.fixture
async def days(ledger, clock):
    """Six days: each has a memory that was stored then, or of which it was said later that it happened then."""
    start = clock()
    for day in (0, 2, 4):
        clock.time = start + timedelta(days=day)
        await ledger.store(f"day {day}", author="Ann Lee")
    clock.time = start + timedelta(days=9)
    for day in (1, 3, 5):
        await ledger.store(f"day {day}", occurred_at=start + timedelta(days=day), author="Ben")
    return start


async def test_both_kinds_come_in_one_order_newest_first(ledger, days):
    assert await list_contents(ledger) == [f"day {n}" for n in (5, 4, 3, 2, 1, 0)]
    assert await list_contents(ledger, limit=2) == ["day 5", "day 4"]
    between = (days + timedelta(days=1), days + timedelta(days=4))
    assert await list_contents(ledger, between=between) == ["day 3", "day 2", "day 1"]
    assert await list_contents(ledger, between=between, person="ann") == ["day 2"]


async def test_a_list_is_read_off_the_two_indexes(lite, clock, make_ledger):
    book = await make_ledger(lite, clock)
    now = clock()
    plans = []

    def explain(_connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in cursor.fetchall()))

    async with lite.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", explain)
        for between in (None, (now - timedelta(days=7), now)):
            await list_happened(connection, book.workspace, Listing(), now, between=between)
    assert len(plans) == 4  # of plain memories and of merged ones, twice
    for plan in plans:
        for name in ("occurred_at_dated", "created_at_undated"):
            assert f"USING INDEX ix_memories_workspace_id_{name} (workspace_id=? AND consolidated=?" in plan
        assert plan.count("USE TEMP B-TREE") == 1  # for the few that both give
