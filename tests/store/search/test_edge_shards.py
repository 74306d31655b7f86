"""The life of the embedded engine's shards: opened, pinned, evicted, dropped and closed."""

import asyncio
import fcntl
import os
import threading

import pytest

from server.store.search.edge import shard_files
from server.store.search.edge.engine import EdgeEngine
from server.store.search.edge.shards import Shards
from server.store.search.seam import Collection, EngineDown, UnusableCollection, WritesLost
from tests.helpers.points import read_ids

pytestmark = pytest.mark.anyio

PLAIN = Collection("plain", 4)


@pytest.fixture
async def collection(edge, make):
    made = make.collection()
    assert await edge.open_collection(made)
    return made


def is_open(path):
    """Whether somebody has the shard open; its folder is locked then."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


async def test_the_least_recently_used_shard_is_closed_for_another_and_keeps_its_points(edge, make, tmp_path):
    first, second, third = (make.collection() for _ in range(3))
    for number, one in enumerate((first, second)):
        await edge.open_collection(one)
        await edge.upsert_points(one, [make.point(number)])
    assert await edge.count_points(first) == 1
    await edge.open_collection(third)
    assert [is_open(tmp_path / one.name) for one in (first, second, third)] == [True, False, True]
    assert await read_ids(edge, second) == {make.id(1)}
    assert [is_open(tmp_path / one.name) for one in (first, second, third)] == [False, True, True]


async def test_a_shard_that_was_closed_without_its_flush_says_that_its_writes_are_lost(make, tmp_path, monkeypatch):
    engine = EdgeEngine(tmp_path, max_open=1)
    first, second = make.collection(), make.collection()
    await engine.open_collection(first)
    await engine.upsert_points(first, [make.point(1)])
    await engine.flush_collection(first)
    await engine.upsert_points(first, [make.point(2)])
    close = shard_files.close_shard
    monkeypatch.setattr(shard_files, "close_shard", lambda opened, _keep: close(opened, keep=False))
    await engine.open_collection(second)
    with pytest.raises(WritesLost):
        await engine.count_points(first)
    with pytest.raises(WritesLost):
        await engine.upsert_points(first, [make.point(3)])
    assert not await engine.open_collection(first)
    assert make.id(1) in await read_ids(engine, first)
    await engine.close()


async def test_a_shard_in_use_is_not_evicted(tmp_path, make):
    shards = Shards(tmp_path, 1, shard_files.count_free_bytes, is_ours=bool)
    busy, waiting = make.collection(), make.collection()
    await shards.ensure_shard(busy)
    order = []
    async with shards.pin(busy) as opened:
        task = asyncio.create_task(shards.ensure_shard(waiting))
        task.add_done_callback(lambda _: order.append("made"))
        assert opened is not None
        await asyncio.to_thread(opened.shard.flush)
        assert opened.shard.info().points_count == 0
        order.append("used")
    assert await task
    assert order == ["used", "made"]
    await shards.close()


async def test_an_idle_shard_is_evicted_before_a_busy_one_that_is_older(tmp_path, make):
    shards = Shards(tmp_path, 2, shard_files.count_free_bytes, is_ours=bool)
    busy, idle, wanted = (make.collection() for _ in range(3))
    await shards.ensure_shard(busy)
    await shards.ensure_shard(idle)
    async with asyncio.timeout(60), shards.pin(busy):
        async with shards.pin(idle):
            pass
        assert await shards.ensure_shard(wanted)
        assert [is_open(tmp_path / one.name) for one in (busy, idle, wanted)] == [True, False, True]
    await shards.close()


async def test_many_collections_share_one_place_without_meeting_a_closed_shard(tmp_path, make):
    engine = EdgeEngine(tmp_path, max_open=1)
    collections = [make.collection() for _ in range(3)]

    async def use(collection):
        await engine.open_collection(collection)
        for number in range(5):
            await engine.upsert_points(collection, [make.point(number)])
            await engine.flush_collection(collection)
        return await engine.count_points(collection)

    assert await asyncio.gather(*map(use, collections)) == [5, 5, 5]
    await engine.close()


async def test_the_loop_runs_between_the_slices_of_a_large_write(edge, collection, make):
    task = asyncio.create_task(edge.upsert_points(collection, [make.point(number) for number in range(300)]))
    for _ in range(2):  # it starts in the first round of the loop, and its turn comes in the second
        await asyncio.sleep(0)
    assert 0 < await edge.count_points(collection) < 300
    await task
    assert await edge.count_points(collection) == 300


async def test_a_dropped_shard_waits_for_those_who_use_it(edge, collection, make):
    task = asyncio.create_task(edge.upsert_points(collection, [make.point(number) for number in range(300)]))
    for _ in range(2):  # it starts in the first round of the loop, and its turn comes in the second
        await asyncio.sleep(0)
    assert 0 < await edge.count_points(collection) < 300
    await edge.drop_collection(collection)
    assert task.done()
    await task
    assert not await edge.has_collection(collection)


async def test_a_load_goes_on_when_its_caller_is_cancelled_and_leaves_nothing_pinned(tmp_path, make, monkeypatch):
    engine = EdgeEngine(tmp_path, max_open=1)
    collection, loads = make.collection(), []
    await engine.open_collection(collection)
    await engine.open_collection(make.collection())
    loading, go_on, load = threading.Event(), threading.Event(), shard_files.load_shard

    def slow_load(*arguments):
        loads.append(arguments)
        loading.set()
        go_on.wait()
        return load(*arguments)

    monkeypatch.setattr(shard_files, "load_shard", slow_load)
    cancelled = asyncio.create_task(engine.count_points(collection))
    await asyncio.to_thread(loading.wait)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    again = asyncio.create_task(engine.count_points(collection))
    await asyncio.to_thread(go_on.set)
    assert await again == 0
    assert len(loads) == 1
    async with asyncio.timeout(60):
        assert await engine.open_collection(make.collection())
    await engine.close()


async def test_a_closed_engine_answers_nobody_and_has_nothing_open(edge, collection, make, tmp_path):
    waiting = [asyncio.create_task(edge.open_collection(make.collection())) for _ in range(3)]
    await asyncio.sleep(0)
    await edge.close()
    await edge.close()
    await asyncio.gather(*waiting)
    assert [path.name for path in tmp_path.iterdir() if is_open(path)] == []
    for call in (
        edge.count_points(collection),
        edge.open_collection(collection),
        edge.ping(),
        edge.has_collection(collection),
    ):
        with pytest.raises(EngineDown, match="closed"):
            await call


async def test_a_second_engine_on_the_folder_is_refused_and_does_not_call_the_shard_damaged(edge, collection, tmp_path):
    second = EdgeEngine(tmp_path, max_open=1)
    with pytest.raises(EngineDown) as refused:
        await second.open_collection(collection)
    assert not isinstance(refused.value, UnusableCollection)
    await second.close()
    assert await edge.count_points(collection) == 0


async def test_an_empty_folder_is_no_shard_and_can_be_dropped(tmp_path):
    (tmp_path / PLAIN.name).mkdir()
    engine = EdgeEngine(tmp_path, max_open=1)
    with pytest.raises(UnusableCollection, match="plain does not open"):
        await engine.open_collection(PLAIN)
    await engine.drop_collection(PLAIN)
    assert await engine.open_collection(PLAIN)
    await engine.close()


async def test_a_new_engine_passes_a_ping_until_its_folder_is_taken_away_and_makes_it_anew(tmp_path):
    engine = EdgeEngine(tmp_path / "new" / "search", max_open=1)
    await engine.ping()
    (tmp_path / "new" / "search").rmdir()
    with pytest.raises(EngineDown):
        await engine.ping()
    assert await engine.open_collection(PLAIN), "it is new"
    await engine.ping()
    await engine.close()


def test_at_least_one_shard_may_be_open(tmp_path):
    with pytest.raises(ValueError, match="at least one shard"):
        EdgeEngine(tmp_path, max_open=0)


async def test_the_embedded_engine_has_no_tenants(edge, make):
    with pytest.raises(ValueError, match="collection of its own"):
        await edge.open_collection(make.collection(tenant="workspace-1"))
