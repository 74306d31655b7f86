"""The embedded engine and the processes around it: forked, spawned, and killed at any moment."""

import subprocess
import sys

import pytest

from server.store.search.edge.engine import EdgeEngine
from server.store.search.seam import Collection, UnusableCollection

pytestmark = pytest.mark.anyio

KILLED = Collection("killed", 4)


def run(code, *arguments):
    """A process of its own; its exit code and what it printed. `collection` and `point()` are ready in it."""
    prelude = """
import asyncio, os, signal, sys
from pathlib import Path
import numpy as np
from server.store.search.seam import Collection, EngineDown, Point, SparseVector
from server.store.search.edge.engine import EdgeEngine
folder, collection = Path(sys.argv[1]), Collection("killed", 4)
def point(number):
    id_, text = f"{number:08d}-0000-4000-8000-000000000000", SparseVector([7], [1.0])
    return Point(id_, 1, text, {}, np.ones(4, dtype=np.float32))
"""
    done = subprocess.run(
        [sys.executable, "-c", prelude + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.split()


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


async def test_a_shard_without_its_log_is_unusable_for_it_would_pass_over_updates(tmp_path):
    assert run(WRITTEN, tmp_path) == (-9, [])
    for log in (tmp_path / KILLED.name / "wal").iterdir():
        log.unlink()
    engine = EdgeEngine(tmp_path, max_open=1)
    with pytest.raises(UnusableCollection, match="has no log"):
        await engine.open(KILLED)
    await engine.drop(KILLED)
    assert await engine.open(KILLED)
    await engine.close()
