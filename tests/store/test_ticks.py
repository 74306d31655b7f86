"""The works at set times: claimed once by one of all processes; one workspace's failure stops no other."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa

from server.background import nights
from server.background.ticks import do_due_ticks
from server.background.works import WORKS
from server.store.consolidation.runs import list_runs
from server.store.lifecycle.tick_claims import claim_tick
from server.store.record import settings
from server.store.record.works import runs
from server.store.record.works import ticks as claims
from server.store.tables.lifecycle import ticks as table
from server.store.tables.memories import memories
from tests.helpers.erasures import TOMBSTONES
from tests.helpers.ledger import CountingProjection
from tools.core.services import Services

pytestmark = pytest.mark.anyio

#: Memories that a night merges: they say the same in the same words.
REPEATS = ("The tea is green", "the tea is green", "The tea is green.")

DECAY, NIGHTLY = WORKS["decay"], WORKS["nightly"]


def services_on(db, projection, clock) -> Services:
    """The services that the nightly works use: without a model, and without a language model."""
    mine = {"db": db, "projection": projection, "now": clock, "consolidation": "duplicates"}
    return cast("Services", SimpleNamespace(encoder=None, llm=None, outbox=None, tombstones=TOMBSTONES, **mine))


@pytest.fixture
async def services(ledger, clock):
    """The services of the background; its earlier ticks were noted."""
    services = services_on(ledger.db, CountingProjection(), clock)
    await do_due_ticks(services)
    return services


async def relevance(ledger):
    query = sa.select(memories.c.content, memories.c.relevance)
    async with ledger.db.read() as connection:
        return dict(list(map(tuple, await connection.execute(query))))


async def noted(db):
    """(name, due, done, failed) of every tick of the works on memories that was finished."""
    query = sa.select(table.c.name, table.c.due_at, table.c.done, table.c.failed).where(
        table.c.finished_at.is_not(None), table.c.name.in_([DECAY.name, NIGHTLY.name])
    )
    async with db.read() as connection:
        return list(map(tuple, await connection.execute(query.order_by(table.c.due_at, table.c.name))))


@pytest.mark.parametrize(
    ("now", "decay", "nightly"),
    [
        ("2026-11-21T12:00", "2026-11-21T12:00", "2026-11-21T03:00"),
        ("2026-11-21T11:59", "2026-11-21T06:00", "2026-11-21T03:00"),
        ("2026-11-21T02:59", "2026-11-21T00:00", "2026-11-20T03:00"),
        ("2026-11-21T03:00", "2026-11-21T00:00", "2026-11-21T03:00"),
        ("2024-02-29T23:00", "2024-02-29T18:00", "2024-02-29T03:00"),
    ],
)
def test_decay_is_due_every_six_hours_and_the_night_at_three(now, decay, nightly):
    at = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (now, decay, nightly)]
    assert [DECAY.find_last_due(at[0]), NIGHTLY.find_last_due(at[0])] == at[1:]


async def test_in_a_new_record_nothing_was_missed(ledger, clock):
    await ledger.store("old", created_at=clock() - timedelta(days=7))
    await do_due_ticks(services_on(ledger.db, CountingProjection(), clock))
    assert await relevance(ledger) == {"old": 1.0}
    assert [each[2:] for each in await noted(ledger.db)] == [(0, 0), (0, 0)]


async def test_what_is_due_is_done_once(ledger, clock, services):
    await ledger.store("old", created_at=clock() - timedelta(days=7))
    clock.move(hours=5)
    await do_due_ticks(services)
    assert await relevance(ledger) == {"old": 1.0}, "not due yet"
    clock.move(hours=1)
    await do_due_ticks(services)
    assert await relevance(ledger) == {"old": pytest.approx(0.5 ** (7.25 / 7))}
    before = await noted(ledger.db)
    await do_due_ticks(services)
    assert await noted(ledger.db) == before


async def test_what_was_missed_for_days_is_done_once(ledger, clock, services):
    await ledger.store(*REPEATS)
    clock.move(days=5)
    await do_due_ticks(services)
    assert [(name, done) for name, _, done, _ in (await noted(ledger.db))[2:]] == [("nightly", 1), ("decay", 1)]
    async with ledger.db.read() as connection:
        (run,) = await list_runs(connection, ledger.workspace, 10)
    assert (run.kind, run.state, run.sources) == ("nightly", "done", 3)
    assert services.projection.projected == [ledger.workspace]


@pytest.mark.usefixtures("services")
async def test_of_several_processes_one_does_it(ledger, clock):
    clock.move(days=1)
    due = NIGHTLY.find_last_due(clock())
    claimed = await asyncio.gather(*(claim_tick(ledger.db, "nightly", due, clock()) for _ in range(5)))
    assert sorted(claimed) == [False, False, False, False, True]


@pytest.mark.usefixtures("services")
async def test_a_tick_whose_process_died_is_taken_up_again_after_a_while(ledger, clock):
    clock.move(days=1)
    due = NIGHTLY.find_last_due(clock())
    assert await claim_tick(ledger.db, "nightly", due, clock())
    clock.move(minutes=59)
    assert not await claim_tick(ledger.db, "nightly", due, clock())
    clock.move(minutes=1)
    assert await claim_tick(ledger.db, "nightly", due, clock())
    assert not await claim_tick(ledger.db, "nightly", due, clock())
    async with ledger.db.write() as connection:
        await claims.finish_tick(connection, "nightly", due, clock(), 1, 0, None)
    clock.move(hours=3)
    assert not await claim_tick(ledger.db, "nightly", due, clock())


async def test_one_workspaces_failure_is_noted_and_stops_no_other(ledger, make_ledger, clock, services, monkeypatch):
    others = [await make_ledger(ledger.db, clock, name) for name in ("bob", "cat")]
    for each in (ledger, *others):
        await each.store("old", created_at=clock() - timedelta(days=7))
    original = nights.decay_relevance

    async def failing(db, workspace_id, now, half_lives):
        if workspace_id == others[0].workspace:
            raise ZeroDivisionError("what it says is not noted")
        return await original(db, workspace_id, now, half_lives)

    monkeypatch.setattr(nights, "decay_relevance", failing)
    clock.move(hours=6)
    await do_due_ticks(services)
    (row,) = [each for each in await noted(ledger.db) if each[0] == "decay" and each[2]]
    assert row[2:] == (3, 1)
    async with ledger.db.read() as connection:
        problem = (await connection.execute(sa.select(table.c.problem).where(table.c.failed == 1))).scalar_one()
        left = await connection.execute(sa.select(memories.c.workspace_id).where(memories.c.relevance == 1.0))
    assert problem == f"{others[0].workspace}: ZeroDivisionError"
    assert left.scalars().all() == [others[0].workspace]


async def test_a_night_passes_over_workspaces_in_which_nothing_changed(
    ledger, make_ledger, clock, services, monkeypatch
):
    other = await make_ledger(ledger.db, clock, "bob")
    visited = []

    async def visit(_services, workspace_id):
        visited.append(workspace_id)

    monkeypatch.setattr(nights, "consolidate_workspace", visit)
    visits = []
    for change in ([], [other], [], []):
        for each in change:
            await each.store("new")
        clock.move(days=1)
        await do_due_ticks(services)
        visits.append(set(visited))
        visited.clear()
    both = {ledger.workspace, other.workspace}
    assert visits[0] == both
    assert visits[1] == {other.workspace}
    assert visits[2] == visits[3] == set()


async def test_after_a_night_that_failed_somewhere_the_next_one_visits_again(ledger, clock, services, monkeypatch):
    visited = []

    async def failing(_services, workspace_id):
        visited.append(workspace_id)
        raise ZeroDivisionError

    await ledger.store("x")
    monkeypatch.setattr(nights, "consolidate_workspace", failing)
    for _ in range(2):
        clock.move(days=1)
        await do_due_ticks(services)
    assert visited == [ledger.workspace] * 2


async def test_a_night_that_would_change_too_much_is_stopped_and_listed(ledger, clock, services):
    await ledger.store(*("tea" + "." * n for n in range(25)))
    for _ in range(2):
        clock.move(days=1)
        await do_due_ticks(services)
    async with ledger.db.read() as connection:
        (run,) = await list_runs(connection, ledger.workspace, 10)
    assert (run.kind, run.state, run.active, run.sources, run.merged) == ("nightly", "stopped", 25, 25, 0)
    assert services.projection.projected == []


async def test_ticks_of_long_ago_are_forgotten(ledger, clock, services):
    clock.move(days=100)
    await do_due_ticks(services)
    assert len(await noted(ledger.db)) == 2


async def test_work_that_is_cancelled_stops_between_two_steps_and_is_not_noted(ledger, clock, services, monkeypatch):
    reached, never = asyncio.Event(), asyncio.Event()

    async def stuck(_db, _workspace_id, _now, _half_lives):
        reached.set()
        await never.wait()

    monkeypatch.setattr(nights, "decay_relevance", stuck)
    clock.move(hours=6)
    task = asyncio.create_task(do_due_ticks(services))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await noted(ledger.db)) == 2


async def test_a_night_opens_no_collection_of_a_workspace_without_candidates(
    lite, make_ledger, projection, engine, clock
):
    services = services_on(lite, projection, clock)
    await do_due_ticks(services)
    ledgers = [await make_ledger(lite, clock, f"user{n}") for n in range(12)]
    for each in ledgers:
        await each.store("one", "two")
    merged = ledgers[3]
    await merged.store(*REPEATS)
    clock.move(days=1)
    await do_due_ticks(services)
    assert [args[0].name[:36] for verb, args in engine.calls if verb == "open_collection"] == [merged.workspace]
    assert [each[2:] for each in await noted(lite) if each[0] == "nightly"][-1] == (12, 0)


async def test_each_workspace_fades_and_is_merged_by_its_own_settings(ledger, make_ledger, services, clock):
    other = await make_ledger(ledger.db, clock, "bob")
    chosen = {"half_life_days": 14.0, "half_lives": {"fact": 28.0}, "consolidation_share": 0.5}
    async with ledger.db.write() as connection:
        for key, value in chosen.items():
            await settings.change_setting(connection, ledger.workspace, key, value, clock())
    for each in (ledger, other):
        await each.store("fact", type="fact")
        await each.store("note", type="note")
        await each.store(*REPEATS)
    clock.move(days=28)
    await do_due_ticks(services)
    async with ledger.db.read() as connection:
        runs = [(await list_runs(connection, each.workspace, 9))[0] for each in (ledger, other)]
        rows = sa.select(memories.c.relevance).where(memories.c.content.in_(["fact", "note"]))
        rows = rows.order_by(memories.c.workspace_id != ledger.workspace, memories.c.content)
        faded = list((await connection.execute(rows)).scalars())
    assert [(each.state, each.sources, each.active) for each in runs] == [("stopped", 3, 5), ("done", 3, 5)]
    assert faded == [pytest.approx(each) for each in (0.5, 0.25, 0.0625, 0.0625)]


async def test_the_figures_of_a_tick_say_whether_it_waits_runs_or_failed(ledger, clock):
    async def read(due):
        async with ledger.db.read() as connection:
            return await claims.read_figures(connection, "decay", due, clock())

    begun, first = clock(), DECAY.find_last_due(clock())
    assert await read(first) == (True, False, 0, None)
    await claim_tick(ledger.db, "decay", first, clock())  # in a new record the first one is noted as done
    assert await read(first) == (False, False, 0, begun)
    clock.move(hours=6)
    second = DECAY.find_last_due(clock())
    assert await read(second) == (True, False, 0, begun)
    assert await claim_tick(ledger.db, "decay", second, clock())
    assert await read(second) == (False, True, 0, begun)
    async with ledger.db.write() as connection:
        await claims.finish_tick(connection, "decay", second, clock(), 3, 2, "x: ZeroDivisionError")
    assert await read(second) == (False, False, 2, begun)


async def test_runs_are_counted_by_their_state(ledger, clock):
    async with ledger.db.write() as connection:
        for _ in range(4):
            await runs.file_run(connection, "decay", None, clock())
        for problem in ("it failed", None):
            claimed = await runs.claim_run(connection, ["decay"], clock())
            assert claimed is not None
            await runs.finish_run(connection, claimed.id, clock(), problem)
        await runs.claim_run(connection, ["decay"], clock())
        assert await runs.count_runs(connection) == {"filed": 1, "running": 1, "failed": 1}


async def test_a_run_whose_process_says_nothing_for_two_minutes_is_taken_by_another_one(ledger, clock):
    async with ledger.db.write() as connection:
        run_id = await runs.file_run(connection, "decay", None, clock())
        assert await runs.claim_run(connection, ["decay"], clock()) is not None
        clock.move(seconds=119)
        assert not await runs.is_any_filed(connection, ["decay"], clock())
        await runs.note_alive(connection, run_id, clock())
        clock.move(seconds=119)
        assert await runs.claim_run(connection, ["decay"], clock()) is None
        clock.move(seconds=1)
        assert await runs.is_any_filed(connection, ["decay"], clock())
        claimed = await runs.claim_run(connection, ["decay"], clock())
        assert claimed is not None
        assert claimed.id == run_id
        assert await runs.claim_run(connection, ["decay"], clock()) is None
