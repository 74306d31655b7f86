"""Work that comes in crowds is done in rounds of the loop of its own."""

import asyncio

import pytest

from server.store.search.edge.turns import TurnLock
from server.store.search.seam import Query, SparseVector

pytestmark = pytest.mark.anyio


async def rounds_of(work, times):
    """In which round of the loop each of many calls ended that were made together."""
    rounds, ended = 0, []

    async def count():
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def one():
        await work()
        ended.append(rounds)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(one() for _ in range(times)))
    counting.cancel()
    return ended


async def test_searches_that_come_together_end_in_rounds_of_their_own(embedded, make):
    collection = make.collection()
    await embedded.open_collection(collection)
    await embedded.upsert_points(collection, [make.point(n) for n in range(100)])
    query = Query(make.vector(1), SparseVector([7], [1.0]), 100)
    ended = await rounds_of(lambda: embedded.search_points(collection, query), 30)
    assert len(set(ended)) == 30


async def test_turns_are_given_in_the_order_in_which_they_were_asked_for():
    turns, order = TurnLock(), []

    async def take(number):
        async with turns:
            order.append(number)

    await asyncio.gather(*(take(number) for number in range(20)))
    assert order == list(range(20))


async def test_who_is_cancelled_while_it_waits_for_its_turn_holds_up_nobody():
    turns, order = TurnLock(), []

    async def take(number):
        async with turns:
            order.append(number)

    tasks = [asyncio.create_task(take(number)) for number in range(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.wait(tasks)
    assert order == [1, 3]
