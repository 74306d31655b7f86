"""The embedded engine and the processes around it: forked, spawned, and killed at any moment."""

import subprocess
import sys

import pytest

from server.store.search.edge.engine import EdgeEngine
from server.store.search.seam import Collection, Query, SparseVector

pytestmark = pytest.mark.anyio

KILLED = Collection("killed", 4)


def run(code, *arguments):
    """A process of its own; its exit code and what it printed. `collection` and `point()` are ready in it."""
    prelude = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
import numpy as np
from server.store.search.seam import Collection, EngineDown, Point, SparseVector
from server.store.search.edge.engine import EdgeEngine
folder, collection = Path(sys.argv[1]), Collection("killed", 4)
def point(number, revision=1):
    id_, text = str(UUID(int=number)), SparseVector([7], [1.0])
    return Point(id_, revision, text, {}, np.ones(4, dtype=np.float32))
"""
    done = subprocess.run(
        [sys.executable, "-c", prelude + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.split()


def test_a_forked_child_is_refused_instead_of_hanging(tmp_path):
    code = """
engine = EdgeEngine(folder, max_open=1)
asyncio.run(engine.open_collection(collection))
child = os.fork()
if child == 0:
    try:
        asyncio.run(engine.count_points(collection))
    except EngineDown as refused:
        print("refused" if "fork" in str(refused) else refused, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(asyncio.run(engine.count_points(collection)))
"""
    assert run(code, tmp_path) == (0, ["refused", "0"])


async def test_a_spawned_process_opens_what_this_one_has_closed(tmp_path, make):
    engine = EdgeEngine(tmp_path, max_open=1)
    await engine.open_collection(KILLED)
    await engine.upsert_points(KILLED, [make.point(1)])
    await engine.close()
    code = "print(asyncio.run(EdgeEngine(folder, max_open=1).count_points(collection)))"
    assert run(code, tmp_path) == (0, ["1"])


def test_the_embedded_engine_does_not_load_the_servers_client(tmp_path):
    assert run("print('qdrant_client' in sys.modules, 'qdrant_edge' in sys.modules)", tmp_path) == (
        0,
        ["False", "True"],
    )


async def test_a_creation_killed_half_way_leaves_nothing_behind(tmp_path):
    code = """
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(EdgeEngine(folder, max_open=1).open_collection(collection))
"""
    assert run(code, tmp_path) == (-9, [])
    assert [path.name[:5] for path in tmp_path.iterdir()] == [".new-"]
    engine = EdgeEngine(tmp_path, max_open=1)
    assert not await engine.has_collection(KILLED)
    assert await engine.open_collection(KILLED)
    assert [path.name for path in tmp_path.iterdir()] == ["killed"]
    await engine.close()


async def test_a_removal_killed_half_way_is_finished_at_the_next_start(tmp_path):
    code = """
import shutil
async def main():
    engine = EdgeEngine(folder, max_open=1)
    await engine.open_collection(collection)
    shutil.rmtree = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    await engine.drop_collection(collection)
asyncio.run(main())
"""
    assert run(code, tmp_path) == (-9, [])
    engine = EdgeEngine(tmp_path, max_open=1)
    assert not await engine.has_collection(KILLED)
    assert await engine.count_points(KILLED) == 0
    assert list(tmp_path.iterdir()) == []
    await engine.close()


WRITTEN = """
async def main():
    engine = EdgeEngine(folder, max_open=1)
    await engine.open_collection(collection)
    await engine.upsert_points(collection, [point(1), point(3)])
    await engine.flush_collection(collection)
    await engine.upsert_points(collection, [point(1, 2), point(2, 2)])
    await engine.delete_points(collection, [point(3).id])
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_a_kill_loses_only_what_was_not_flushed_and_what_is_written_again_is_taken(tmp_path, make):
    assert run(WRITTEN, tmp_path) == (-9, [])
    engine = EdgeEngine(tmp_path, max_open=1)
    assert not await engine.open_collection(KILLED)
    assert await engine.read_revisions(KILLED, [make.id(n) for n in range(4)]) == {make.id(1): 1, make.id(3): 1}
    await engine.upsert_points(KILLED, [make.point(n, revision=3) for n in (1, 2)])
    await engine.delete_points(KILLED, [make.id(3)])
    await engine.close()
    again = EdgeEngine(tmp_path, max_open=1)
    assert await again.read_revisions(KILLED, [make.id(n) for n in range(4)]) == {make.id(1): 3, make.id(2): 3}
    hits = await again.search_points(KILLED, Query(make.vector(1), SparseVector([7], [1.0]), 9))
    assert {hit.id for hit in hits.dense} == {hit.id for hit in hits.text} == {make.id(1), make.id(2)}
    await again.close()
