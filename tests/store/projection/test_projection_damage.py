"""A lost, torn or old index costs a re-projection; what was acknowledged is found again, whatever happened."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from server.memory.text import hash_term
from server.store.projection import projection as projection_module
from server.store.projection.placement import name_collection
from server.store.projection.points import point_writer
from server.store.projection.projection import Projection
from server.store.search.edge.engine import EdgeEngine
from server.store.search.seam import EngineDown, Query, SparseVector, UnusableCollection
from tests.helpers.points import list_terms, read_ids, read_terms

pytestmark = pytest.mark.anyio


@pytest.fixture
def collection(book):
    return name_collection(book.workspace, 0, 0)


@pytest.fixture
def shard(tmp_path, collection):
    return tmp_path / "shards" / collection.name


async def agree(book, engine, *ids):
    """Whether the engine holds these memories, as their rows are, and no others."""
    collection = name_collection(book.workspace, 0, 0)
    points = await engine.read_points(collection)
    rows = [await book.get(memory_id) for memory_id in ids]
    return read_terms(points) == {row.id: list_terms(row) for row in rows}


@pytest.fixture
async def restarted(lite, tmp_path, watch_engine):
    """A projection as a new process has it, on the same record and folder."""
    opened = []

    def start():
        opened.append(watch_engine(EdgeEngine(tmp_path / "shards", max_open=4)))
        return Projection(lite, opened[-1], shared=False), opened[-1]

    yield start
    for engine in opened:
        await engine.close()


async def test_what_was_forgotten_is_rebuilt_to_the_same_points(book, projection, engine, collection):
    ids = await book.store(*map(str, range(20)))
    await book.delete(ids[0])
    await projection.project(book.workspace)
    await projection.flush()
    assert await book.row("flushed_revision") == (21,)
    await projection.forget(book.workspace)
    assert await book.row("flushed_revision") == (0,)
    assert not await engine.has_collection(collection)
    assert await projection.project(book.workspace)
    assert await agree(book, engine, *ids[1:])


async def test_who_projects_while_a_workspace_is_forgotten_never_writes_past_the_lock(book, projection, engine, gate):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    forgetting = asyncio.create_task(projection.forget(book.workspace))
    await asyncio.sleep(0)
    engine.before["upsert_points"] = gate
    early = asyncio.create_task(projection.project(book.workspace))  # waits until it is forgotten
    await forgetting
    await gate.reached.wait()
    await book.delete(memory_id)
    late = asyncio.create_task(projection.project(book.workspace))
    for _ in range(10):  # time enough for it to come first, had it a lock of its own
        await book.row("revision")
    gate.opened.set()
    await asyncio.gather(early, late)
    assert await read_ids(engine, name_collection(book.workspace, 0, 0)) == set()


async def test_flushed_revision_follows_the_flush_and_not_the_write(book, projection, engine):
    await book.store("a", "b")
    await projection.project(book.workspace)
    assert await book.row("revision", "flushed_revision") == (2, 0)
    await projection.flush()
    assert await book.row("revision", "flushed_revision") == (2, 2)
    await projection.flush()
    assert engine.count_calls("flush_collection") == 1


async def test_what_is_projected_during_a_flush_does_not_count_as_flushed(book, projection, engine, gate):
    await book.store("a")
    await projection.project(book.workspace)
    engine.after["flush_collection"] = gate
    flushing = asyncio.create_task(projection.flush())
    await gate.reached.wait()
    await book.store("b")
    second = asyncio.create_task(projection.project(book.workspace))
    gate.opened.set()
    await asyncio.gather(flushing, second)
    assert await book.row("revision", "flushed_revision") == (2, 1)


async def test_a_flush_that_fails_is_not_noted(book, projection, engine):
    await book.store("a")
    await projection.project(book.workspace)

    async def fail(*_):
        raise EngineDown("disk full")

    engine.before["flush_collection"] = fail
    await projection.flush()
    assert await book.row("flushed_revision") == (0,)
    del engine.before["flush_collection"]
    await projection.flush()
    assert await book.row("flushed_revision") == (1,)


async def test_a_crash_between_the_flush_and_its_note_costs_a_projection(book, projection, engine, restarted):
    ids = await book.store("a", "b")
    await projection.project(book.workspace)
    await engine.flush_collection(name_collection(book.workspace, 0, 0))
    await engine.close()
    after, fresh = restarted()
    await after.open_collection(book.workspace)
    assert fresh.count_calls("upsert_points") == 1
    assert await agree(book, fresh, *ids)


async def test_an_engine_that_is_held_up_does_not_hold_up_the_end_and_nothing_is_lost(
    book, projection, engine, restarted, gate, monkeypatch
):
    monkeypatch.setattr(projection_module, "CLOSE_SECONDS", 2)  # time enough to reach the gate
    ids = await book.store("a")
    await projection.project(book.workspace)
    ids += await book.store("b", "c")
    engine.before["upsert_points"] = engine.before["flush_collection"] = gate  # it is never opened
    async with asyncio.timeout(60):
        await projection.close()
    assert (gate.reached.is_set(), engine.count_calls("close")) == (True, 1)
    after, fresh = restarted()
    assert await after.project(book.workspace)
    assert await agree(book, fresh, *ids)


async def test_a_restart_after_a_note_projects_nothing_again(book, projection, restarted):
    ids = await book.store("a", "b")
    await projection.project(book.workspace)
    await projection.close()
    after, fresh = restarted()
    await after.open_collection(book.workspace)
    assert fresh.count_calls("upsert_points") == 0
    assert await agree(book, fresh, *ids)


async def test_a_shard_folder_that_is_gone_is_built_anew(book, projection, restarted, shard):
    ids = await book.store("a", "b", "c")
    await projection.project(book.workspace)
    await projection.close()
    shutil.rmtree(shard)
    after, fresh = restarted()
    assert await after.project(book.workspace)
    assert await agree(book, fresh, *ids)


async def test_a_crash_while_a_lost_index_is_built_anew_loses_nothing(book, projection, restarted, shard, monkeypatch):
    monkeypatch.setattr(point_writer, "BATCH", 2)
    ids = await book.store(*map(str, range(7)))
    await projection.project(book.workspace)
    await projection.close()
    shutil.rmtree(shard)
    halfway, dying = restarted()

    async def die(_collection, points):
        if points[0].id == ids[4]:
            raise ZeroDivisionError

    dying.before["upsert_points"] = die
    with pytest.raises(ZeroDivisionError):
        await halfway.project(book.workspace)
    await dying.close()
    after, fresh = restarted()
    await after.open_collection(book.workspace)
    assert await agree(book, fresh, *ids)


async def test_a_crash_right_after_a_lost_index_was_made_anew_loses_nothing(book, projection, restarted, shard):
    ids = await book.store("a", "b")
    await projection.project(book.workspace)
    await projection.close()
    shutil.rmtree(shard)
    _, dying = restarted()
    halfway = Projection(book.db, dying, shared=False)

    async def die(*_):
        raise ZeroDivisionError

    dying.after["open_collection"] = die
    with pytest.raises(ZeroDivisionError):
        await halfway.open_collection(book.workspace)
    await dying.close()
    after, fresh = restarted()
    await after.open_collection(book.workspace)
    assert await agree(book, fresh, *ids)


async def test_a_damaged_shard_is_built_anew(book, projection, restarted, shard):
    ids = await book.store("heron", "grebe")
    await projection.project(book.workspace)
    await projection.close()
    for file in shard.glob("segments/*/segment.json"):
        file.unlink()
    after, fresh = restarted()
    assert await after.project(book.workspace)
    assert await agree(book, fresh, *ids)


def damage_start(file):
    with file.open("r+b") as opened:
        opened.write(b"\xa5" * min(32768, file.stat().st_size))


def damage_rest(file):
    os.truncate(file, file.stat().st_size // 3)


@pytest.mark.parametrize("damage", [damage_start, damage_rest, Path.unlink])
@pytest.mark.parametrize(
    "name",
    [
        "payload_storage/page_0.dat",
        "payload_storage/tracker.dat",
        "vector_storage-text/store/page_0.dat",
        "vector_storage-text/store/bitmask.dat",
        "vector_storage-text/deleted/flags_a.dat",
        "mutable_id_tracker.mappings",
        "mutable_id_tracker.versions",
        "segment.json",
    ],
)
async def test_every_memory_is_found_whatever_file_of_a_shard_is_damaged(
    book, projection, restarted, shard, name, damage
):
    ids = await book.store(*(f"heron {number}" for number in range(20)))
    await projection.project(book.workspace)
    await projection.close()
    files = list(shard.glob(f"segments/*/{name}"))
    assert files
    for file in files:
        damage(file)
    after, _ = restarted()
    terms = [hash_term("heron"), hash_term("7")]
    await after.open_collection(book.workspace)
    await after.find_rarities(book.workspace, terms)
    found = await after.search_points(book.workspace, Query(None, SparseVector(terms, [1.0, 1.0]), 50))
    assert {point.id for point in found.text} == set(ids)


async def test_a_collection_that_turns_out_damaged_in_a_search_is_built_anew(book, projection, engine, find_words):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    once = iter([True])

    async def damaged(*_):
        if next(once, False):
            raise UnusableCollection("torn")

    engine.before["search_points"] = damaged
    assert await find_words("heron") == [memory_id]
    assert engine.count_calls("drop_collection") == 1


async def test_a_collection_that_stays_damaged_is_reported_and_not_built_for_ever(book, projection, engine):
    await book.store("heron")
    await projection.project(book.workspace)

    async def damaged(*_):
        raise UnusableCollection("torn")

    engine.before["search_points"] = damaged
    with pytest.raises(UnusableCollection):
        await projection.search_points(book.workspace, Query(None, None, 1))


async def test_a_collection_that_vanished_under_an_open_projection_is_made_again(book, projection, engine, collection):
    ids = await book.store("heron")
    await projection.project(book.workspace)
    await engine.engine.drop_collection(collection)
    ids += await book.store("grebe")
    await projection.project(book.workspace)
    await projection.flush()
    assert await agree(book, engine, *ids)


WRITER = """
import asyncio, os, sys
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.search.edge.engine import EdgeEngine
async def main(url, folder, workspace):
    projection = Projection(Database(url), EdgeEngine(folder, max_open=4), shared=False)
    await projection.open_collection(workspace)
    await projection.flush()
    print("flushed", flush=True)
    sys.stdin.readline()
    assert await projection.project(workspace)
    print("acknowledged", flush=True)
    sys.stdin.readline()
    os._exit(9)
from pathlib import Path
asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
"""


@pytest.mark.parametrize("end", ["kill -9", "power loss"])
async def test_what_was_acknowledged_and_not_flushed_survives(book, lite, restarted, shard, tmp_path, end):
    kept, changed, deleted = await book.store("kept", "old", "gone")
    url = lite.url.render_as_string()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", WRITER, url, str(tmp_path / "shards"), book.workspace),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.getcwd()},  # noqa: PTH109 - a path for the environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"flushed\n"
    at_flush = tmp_path / "at-flush"
    shutil.copytree(shard, at_flush)
    (new,) = await book.store("new")
    await book.change(changed, content="changed")
    await book.delete(deleted)
    process.stdin.write(b"\n")
    assert await process.stdout.readline() == b"acknowledged\n"
    process.stdin.write(b"\n")
    assert await process.wait() == 9
    if end == "power loss":  # nothing that came after the flush has reached the disk
        shutil.rmtree(shard)
        shutil.copytree(at_flush, shard)
    after, fresh = restarted()
    await after.open_collection(book.workspace)
    assert await agree(book, fresh, kept, changed, new)
    assert (await book.get(changed)).content == "changed"
