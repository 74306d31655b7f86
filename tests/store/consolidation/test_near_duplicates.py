"""Near duplicates: the pairs that are found by vectors, off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from server.memory.embedding_model import Model
from server.memory.vector import TextVectors
from server.store.consolidation import near_duplicates as near_module
from server.store.consolidation.near_duplicates import find_near_duplicates
from server.store.record import generations, memories, vectors
from server.store.tables.memories import memories as table
from tests.helpers.consolidations import read_active_texts

pytestmark = pytest.mark.anyio


def make_vector(cosine, dims=8):
    """Return a vector at this cosine to the first axis, as one window."""
    vector = np.zeros((1, dims), np.float32)
    vector[0, 0], vector[0, 1] = cosine, np.sqrt(1 - cosine * cosine)
    return vector


async def test_memories_that_say_nearly_the_same_become_one(ledger, consolidate, store_with_vectors):
    ids = await store_with_vectors(one=make_vector(1.0), near=make_vector(0.98) * 3, far=make_vector(0.9))
    outcome = await consolidate()
    (only,) = outcome.plan.merges
    assert [each.id for each in only.sources] == ids[:2]
    assert await read_active_texts(ledger) == [only.result.content, "far"]


async def test_pairs_are_found_across_blocks_and_each_repeats_the_earliest(ledger, store_with_vectors, monkeypatch):
    monkeypatch.setattr(near_module, "BLOCK", 3)
    monkeypatch.setattr(near_module, "READ", 2)
    other = np.eye(8, dtype=np.float32)[[5]]
    ids = await store_with_vectors(
        a=make_vector(1.0), b=other, c=make_vector(0.99), d=other, e=make_vector(0.5), f=make_vector(1.0)
    )
    pairs = await find_near_duplicates(ledger.db, ledger.workspace, ids)
    order = sorted(ids)
    name = dict(zip(ids, "abcdef", strict=True))
    named = {tuple(sorted(name[each] for each in pair)) for pair in pairs}
    assert len(pairs) == 3
    assert ("b", "d") in named
    assert named - {("b", "d")} <= {("a", "c"), ("a", "f"), ("c", "f")}
    assert all(order.index(earlier) < order.index(later) for earlier, later in pairs)


async def test_long_texts_and_other_generations_and_empty_vectors_make_no_pairs(ledger, store_with_vectors, clock):
    two = np.concatenate([make_vector(1.0), make_vector(0.2)])
    nothing = np.zeros((1, 8), np.float32)
    ids = await store_with_vectors(a=make_vector(1.0), b=two, c=nothing, d=nothing)
    async with ledger.db.write() as connection:
        other = await generations.ensure_generation(connection, Model("n", "d", 8, 128, "f"), clock())
        (late,) = await insert_late(ledger, connection)
        await vectors.put_vectors(connection, other, {late: TextVectors(make_vector(1.0))})
    assert await find_near_duplicates(ledger.db, ledger.workspace, [*ids, late]) == []
    assert await find_near_duplicates(ledger.db, ledger.workspace, ids[:1]) == []


async def test_records_of_one_pattern_are_not_merged_and_copies_of_each_are(ledger, consolidate, store_with_vectors):
    pattern = "Nightly backup of the {} went well, it took {} minutes".format
    texts = [
        pattern("shop", 41),
        pattern("shop", 42),
        pattern("Vault", 41),
        pattern("  shop", 42),
        pattern("Vault", 41),
    ]
    texts[-1] += "!"
    ids = await store_with_vectors(**dict.fromkeys(texts, make_vector(1.0)))
    outcome = await consolidate()
    merged = {frozenset(each.id for each in merge.sources) for merge in outcome.plan.merges}
    assert merged == {frozenset({ids[1], ids[3]}), frozenset({ids[2], ids[4]})}
    assert texts[0] in await read_active_texts(ledger)


@pytest.mark.parametrize("field", ["occurred_at", "author", "entity"])
async def test_the_same_words_of_another_time_or_person_are_not_merged(ledger, store_with_vectors, field, clock):
    ids = await store_with_vectors(a=make_vector(1.0), b=make_vector(1.0), c=make_vector(1.0))
    value = clock() if field == "occurred_at" else "Bob"
    async with ledger.db.write() as connection:
        await connection.execute(sa.update(table).where(table.c.id == ids[1]).values({field: value}))
    pairs = await find_near_duplicates(ledger.db, ledger.workspace, ids)
    assert [set(pair) for pair in pairs] == [{ids[0], ids[2]}]


async def insert_late(ledger, connection):
    new = [ledger.memory("late")]
    first = await memories.advance_revision(connection, ledger.workspace, 1, ledger.now())
    await memories.insert_memories(connection, ledger.workspace, first, new)
    return [new[0].id]


class LoopAwaitingExecutor(ThreadPoolExecutor):
    """Worker threads that begin each work only after the event loop has taken a turn."""

    def __init__(self, loop):
        super().__init__(max_workers=1)
        self.loop = loop
        self.turns = 0

    def submit(self, work, /, *args, **options):
        def wait_for_loop():
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop).result(10)
            self.turns += 1
            return work(*args, **options)

        return super().submit(wait_for_loop)


async def test_while_pairs_are_sought_the_event_loop_goes_on(ledger, store_with_vectors):
    ids = await store_with_vectors(a=make_vector(1.0), b=make_vector(1.0))
    loop = asyncio.get_running_loop()
    executor = LoopAwaitingExecutor(loop)
    loop.set_default_executor(executor)
    try:
        assert len(await find_near_duplicates(ledger.db, ledger.workspace, ids)) == 1
        assert executor.turns == 1
    finally:  # the loop has other tests after this one
        loop.set_default_executor(ThreadPoolExecutor())
        executor.shutdown(wait=False)
