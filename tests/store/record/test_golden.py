"""Golden cases in the record, the runs that try them, and their end with their workspace."""

import asyncio
from datetime import timedelta

import pytest

from server.ids import new_id
from server.store.lifecycle.due import erase_due_memories
from server.store.record import golden, workspaces
from server.store.record.golden import Case, GoldenWorkspace
from server.store.record.works import runs
from tests.helpers.erasures import TOMBSTONES

pytestmark = pytest.mark.anyio


def case(now, **fields):
    blank = {"query": "q", "memory_id": None, "text": "t", "expect": "recalled", "within": 10, "note": None}
    return Case(id=new_id(now), created_at=now, created_by="u", **(blank | fields))


async def pin(ledger, **fields):
    new = case(ledger.now(), **fields)
    async with ledger.db.write() as connection:
        await golden.insert_case(connection, ledger.workspace, new)
    return new


async def test_cases_are_kept_whole_and_listed_oldest_first(ledger, clock):
    first = await pin(ledger, note="because", within=3)
    clock.move(seconds=1)
    second = await pin(ledger, memory_id="m", text=None, expect="not_recalled")
    async with ledger.db.read() as connection:
        assert await golden.list_cases(connection, ledger.workspace) == [first, second]
        assert await golden.list_cases(connection, "another") == []


async def test_a_case_is_dropped_in_its_own_workspace_only(ledger):
    only = await pin(ledger)
    async with ledger.db.write() as connection:
        assert not await golden.delete_case(connection, "another", only.id)
        assert await golden.delete_case(connection, ledger.workspace, only.id)
        assert not await golden.delete_case(connection, ledger.workspace, only.id)


async def test_of_many_who_pin_at_once_each_counts_the_others(ledger):
    counts = []

    async def add():
        async with ledger.db.write() as connection:
            counts.append(await golden.count_cases(connection, ledger.workspace))
            await golden.insert_case(connection, ledger.workspace, case(ledger.now()))

    await asyncio.gather(*(add() for _ in range(5)))
    assert sorted(counts) == [0, 1, 2, 3, 4]


async def test_a_workspace_that_is_not_there_takes_no_case(ledger, clock):
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
        with pytest.raises(workspaces.WorkspaceGone):
            await golden.count_cases(connection, ledger.workspace)


async def test_the_places_that_have_cases_are_named_and_counted(ledger, make_ledger, clock):
    bob = await make_ledger(ledger.db, clock, "bob")
    await make_ledger(ledger.db, clock, "cat")
    for who in (ledger, ledger, bob):
        await pin(who)
    anns, bobs = GoldenWorkspace(ledger.workspace, "ann/default", 2), GoldenWorkspace(bob.workspace, "bob/default", 1)
    async with ledger.db.write() as connection:
        assert await golden.list_workspaces_with_cases(connection) == [anns, bobs]
        assert await golden.list_workspaces_with_cases(connection, bob.account) == [bobs]
        assert await golden.list_workspaces_with_cases(connection, bob.account, "notes") == []
        await workspaces.delete_workspace(connection, bob.workspace, clock())
        assert await golden.list_workspaces_with_cases(connection) == [anns]


async def test_cases_go_for_good_with_their_workspace_when_it_cannot_come_back(ledger, make_ledger, clock):
    bob = await make_ledger(ledger.db, clock, "bob")
    await pin(ledger)
    await pin(bob)
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, bob.workspace, clock())
    clock.move(days=29)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), timedelta(days=30)) == 0
    clock.move(days=2)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), timedelta(days=30)) == 1
    async with ledger.db.read() as connection:
        assert len(await golden.list_cases(connection, ledger.workspace)) == 1
        assert await golden.list_cases(connection, bob.workspace) == []


async def test_what_a_run_found_out_is_taken_once(db, clock):
    async with db.write() as connection:
        run_id = await runs.file_run(connection, "golden", "w", clock())
        await runs.keep_result(connection, run_id, {"passed": 1})
    async with db.write() as connection:
        assert await runs.take_result(connection, run_id) == {"passed": 1}
        assert await runs.take_result(connection, run_id) == {}
