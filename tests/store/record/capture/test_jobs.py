"""Jobs on both databases: each is claimed by one process, and only the holder of the claim finishes it."""

import asyncio
from datetime import timedelta

import pytest

from server.ids import new_id
from server.store.record.capture import jobs

pytestmark = pytest.mark.anyio

LEASE = timedelta(minutes=2)


@pytest.fixture
async def queued(ledger, clock):
    """Ten jobs that are due."""
    new = [jobs.make_job(new_id(clock()), ledger.workspace, "event", f"event {n}", None, clock()) for n in range(10)]
    async with ledger.db.write() as connection:
        await jobs.insert_jobs(connection, new)
    return [each.id for each in new]


async def claim(ledger, clock, name, most):
    async with ledger.db.write() as connection:
        found = await jobs.claim_jobs(connection, name, clock(), clock() + LEASE, most)
        await asyncio.sleep(0)  # the others ask meanwhile
        return {each.id for each in found}


async def test_no_two_claimants_get_the_same_job(ledger, clock, queued):
    claimed = await asyncio.gather(*(claim(ledger, clock, f"claim {n}", 4) for n in range(4)))
    assert sorted(each for some in claimed for each in some) == sorted(queued)
    assert await claim(ledger, clock, "late", 4) == set()


async def test_a_claim_that_has_ended_is_another_ones_and_its_holder_finishes_nothing(ledger, clock, queued):
    await claim(ledger, clock, "first", 10)
    clock.move(seconds=LEASE.total_seconds())
    assert await claim(ledger, clock, "second", 10) == set(queued)
    async with ledger.db.write() as connection:
        assert await jobs.complete_jobs(connection, "first", queued, clock()) == set()
        assert await jobs.complete_jobs(connection, "second", queued, clock()) == set(queued)
        assert (await jobs.count_jobs(connection))["completed"] == 10
    assert await claim(ledger, clock, "third", 10) == set()


@pytest.mark.usefixtures("queued")
async def test_the_owner_takes_up_what_its_predecessor_left_without_a_lost_attempt(ledger, clock):
    await claim(ledger, clock, "of the dead", 3)
    async with ledger.db.write() as connection:
        await jobs.requeue_unfinished(connection, clock())
        page, total = await jobs.list_jobs(connection, jobs.JobFilter(workspace_ids=[ledger.workspace]), 20)
    assert total == 10
    assert {(each.state, each.attempts) for each in page} == {("queued", 0)}


async def test_a_repeated_source_has_one_job(ledger, clock, queued):
    again = jobs.make_job(new_id(clock()), ledger.workspace, "event", "event 3", None, clock())
    async with ledger.db.write() as connection:
        assert (await jobs.insert_jobs(connection, [again]))["event 3"].id == queued[3]
