"""The life of the embedded engine's shards: opened, evicted, killed, and owned by one process."""

import asyncio
import fcntl
import os
import subprocess
import sys
import threading

import pytest

from server.store.search import Collection, EngineDown, Unusable, shard_files
from server.store.search.edge import EdgeEngine
from server.store.search.shards import Shards

pytestmark = pytest.mark.anyio


@pytest.fixture
async def collection(edge, make):
    made = make.collection()
    assert await edge.open(made)
    return made


def is_open(path):
    """Whether somebody has the shard open; the folder of its log is locked then."""
    descriptor = os.open(path / "wal", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def run(code, *arguments):
    """A process of its own; its exit code and what it printed. `collection` and `point()` are ready in it."""
    prelude = """
import asyncio, os, signal, sys
from pathlib import Path
import numpy as np
from server.store.search import Collection, EngineDown, Point, Sparse
from server.store.search.edge import EdgeEngine
folder, collection = Path(sys.argv[1]), Collection("killed", 4)
def point(number):
    return Point(f"{number:08d}-0000-4000-8000-000000000000", 1, Sparse([7], [1.0]), {}, np.ones(4, dtype=np.float32))
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", prelude + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.split()


KILLED = Collection("killed", 4)


async def test_the_least_recently_used_shard_is_closed_for_another_and_keeps_its_points(edge, make, tmp_path):
    first, second, third = (make.collection() for _ in range(3))
    for number, one in enumerate((first, second)):
        await edge.open(one)
        await edge.upsert(one, [make.point(number)])
    assert await edge.count(first) == 1
    await edge.open(third)
    assert [is_open(tmp_path / one.name) for one in (first, second, third)] == [True, False, True]
    assert await edge.ids(second) == {make.id(1)}
    assert [is_open(tmp_path / one.name) for one in (first, second, third)] == [False, True, True]


async def test_a_shard_in_use_is_not_evicted(tmp_path, make):
    shards = Shards(tmp_path, 1, shard_files.free_bytes)
    busy, waiting = make.collection(), make.collection()
    await shards.make(busy)
    order = []
    async with shards.pinned(busy) as shard:
        task = asyncio.create_task(shards.make(waiting))
        task.add_done_callback(lambda _: order.append("made"))
        await asyncio.to_thread(shard.flush)
        assert shard.info().points_count == 0
        order.append("used")
    assert await task
    assert order == ["used", "made"]
    await shards.close()


async def test_an_idle_shard_is_evicted_before_a_busy_one_that_is_older(tmp_path, make):
    shards = Shards(tmp_path, 2, shard_files.free_bytes)
    busy, idle, wanted = (make.collection() for _ in range(3))
    await shards.make(busy)
    await shards.make(idle)
    async with asyncio.timeout(30), shards.pinned(busy):
        async with shards.pinned(idle):
            pass
        assert await shards.make(wanted)
        assert [is_open(tmp_path / one.name) for one in (busy, idle, wanted)] == [True, False, True]
    await shards.close()


async def test_many_collections_share_one_place_without_meeting_a_closed_shard(tmp_path, make):
    engine = EdgeEngine(tmp_path, max_open=1)
    collections = [make.collection() for _ in range(3)]

    async def use(collection):
        await engine.open(collection)
        for number in range(5):
            await engine.upsert(collection, [make.point(number)])
            await engine.flush(collection)
        return await engine.count(collection)

    assert await asyncio.gather(*map(use, collections)) == [5, 5, 5]
    await engine.close()


async def test_the_loop_runs_between_the_slices_of_a_large_write(edge, collection, make):
    task = asyncio.create_task(edge.upsert(collection, [make.point(number) for number in range(300)]))
    await asyncio.sleep(0)
    assert 0 < await edge.count(collection) < 300
    await task
    assert await edge.count(collection) == 300


async def test_a_dropped_shard_waits_for_those_who_use_it(edge, collection, make):
    task = asyncio.create_task(edge.upsert(collection, [make.point(number) for number in range(300)]))
    await asyncio.sleep(0)
    assert 0 < await edge.count(collection) < 300
    await edge.drop(collection)
    assert task.done()
    await task
    assert not await edge.exists(collection)


async def test_a_load_goes_on_when_its_caller_is_cancelled_and_leaves_nothing_pinned(tmp_path, make, monkeypatch):
    engine = EdgeEngine(tmp_path, max_open=1)
    collection, loads = make.collection(), []
    await engine.open(collection)
    await engine.open(make.collection())
    loading, go_on, load = threading.Event(), threading.Event(), shard_files.load

    def slow_load(*arguments):
        loads.append(arguments)
        loading.set()
        go_on.wait()
        return load(*arguments)

    monkeypatch.setattr(shard_files, "load", slow_load)
    cancelled = asyncio.create_task(engine.count(collection))
    await asyncio.to_thread(loading.wait)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    again = asyncio.create_task(engine.count(collection))
    await asyncio.to_thread(go_on.set)
    assert await again == 0
    assert len(loads) == 1
    async with asyncio.timeout(30):
        assert await engine.open(make.collection())
    await engine.close()


async def test_a_closed_engine_answers_nobody_and_has_nothing_open(edge, collection, make, tmp_path):
    waiting = [asyncio.create_task(edge.open(make.collection())) for _ in range(3)]
    await asyncio.sleep(0)
    await edge.close()
    await edge.close()
    await asyncio.gather(*waiting)
    assert [path.name for path in tmp_path.iterdir() if is_open(path)] == []
    for call in (edge.count(collection), edge.open(collection), edge.ping(), edge.exists(collection)):
        with pytest.raises(EngineDown, match="closed"):
            await call


async def test_a_second_engine_on_the_folder_is_refused_and_does_not_call_the_shard_damaged(edge, collection, tmp_path):
    second = EdgeEngine(tmp_path, max_open=1)
    with pytest.raises(EngineDown) as refused:
        await second.open(collection)
    assert not isinstance(refused.value, Unusable)
    await second.close()
    assert await edge.count(collection) == 0


def test_a_forked_child_is_refused_instead_of_hanging(tmp_path):
    code = """
engine = EdgeEngine(folder, max_open=1)
asyncio.run(engine.open(collection))
child = os.fork()
if child == 0:
    try:
        asyncio.run(engine.count(collection))
    except EngineDown as refused:
        print("refused" if "fork" in str(refused) else refused, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(asyncio.run(engine.count(collection)))
"""
    assert run(code, tmp_path) == (0, ["refused", "0"])


async def test_a_spawned_process_opens_what_this_one_has_closed(tmp_path, make):
    engine = EdgeEngine(tmp_path, max_open=1)
    await engine.open(KILLED)
    await engine.upsert(KILLED, [make.point(1)])
    await engine.close()
    code = "print(asyncio.run(EdgeEngine(folder, max_open=1).count(collection)))"
    assert run(code, tmp_path) == (0, ["1"])


def test_the_embedded_engine_does_not_load_the_servers_client(tmp_path):
    assert run("print('qdrant_client' in sys.modules, 'qdrant_edge' in sys.modules)", tmp_path) == (
        0,
        ["False", "True"],
    )


async def test_a_creation_killed_half_way_leaves_nothing_behind(tmp_path):
    code = """
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(EdgeEngine(folder, max_open=1).open(collection))
"""
    assert run(code, tmp_path) == (-9, [])
    assert [path.name[:5] for path in tmp_path.iterdir()] == [".new-"]
    engine = EdgeEngine(tmp_path, max_open=1)
    assert not await engine.exists(KILLED)
    assert await engine.open(KILLED)
    assert [path.name for path in tmp_path.iterdir()] == ["killed"]
    await engine.close()


async def test_a_removal_killed_half_way_is_finished_at_the_next_start(tmp_path):
    code = """
import shutil
async def main():
    engine = EdgeEngine(folder, max_open=1)
    await engine.open(collection)
    shutil.rmtree = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    await engine.drop(collection)
asyncio.run(main())
"""
    assert run(code, tmp_path) == (-9, [])
    engine = EdgeEngine(tmp_path, max_open=1)
    assert not await engine.exists(KILLED)
    assert await engine.count(KILLED) == 0
    assert list(tmp_path.iterdir()) == []
    await engine.close()


WRITTEN = """
async def main():
    engine = EdgeEngine(folder, max_open=1)
    await engine.open(collection)
    await engine.upsert(collection, [point(1)])
    await engine.flush(collection)
    await engine.upsert(collection, [point(2)])
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_a_kill_loses_nothing_that_was_written(tmp_path):
    assert run(WRITTEN, tmp_path) == (-9, [])
    engine = EdgeEngine(tmp_path, max_open=1)
    assert await engine.count(KILLED) == 2
    await engine.close()


async def test_what_was_flushed_is_there_without_the_log(tmp_path):
    assert run(WRITTEN, tmp_path) == (-9, [])
    for log in (tmp_path / KILLED.name / "wal").iterdir():
        log.unlink()
    engine = EdgeEngine(tmp_path, max_open=1)
    assert "00000001-0000-4000-8000-000000000000" in await engine.ids(KILLED)
    await engine.close()


async def test_an_empty_folder_is_no_shard_and_can_be_dropped(tmp_path):
    (tmp_path / KILLED.name).mkdir()
    engine = EdgeEngine(tmp_path, max_open=1)
    with pytest.raises(Unusable, match="killed does not open"):
        await engine.open(KILLED)
    await engine.drop(KILLED)
    assert await engine.open(KILLED)
    await engine.close()


async def test_a_folder_that_cannot_be_made_is_engine_down(tmp_path, make):
    (tmp_path / "file").write_text("in the way")
    engine = EdgeEngine(tmp_path / "file", max_open=1)
    with pytest.raises(EngineDown):
        await engine.open(make.collection())
    await engine.close()


def test_at_least_one_shard_may_be_open(tmp_path):
    with pytest.raises(ValueError, match="at least one shard"):
        EdgeEngine(tmp_path, max_open=0)


async def test_the_embedded_engine_has_no_tenants(edge, make):
    with pytest.raises(ValueError, match="collection of its own"):
        await edge.open(make.collection(tenant="workspace-1"))
