"""The projection: points are what the rows say now, whoever raced whom, and whatever happened to the engine."""

import asyncio

import pytest
import structlog
from sqlalchemy.exc import TimeoutError  # noqa: A004 - of the pool

from server.store.projection.placement import name_collection
from server.store.projection.points import payload, point_writer
from server.store.projection.points.payload import build_payload
from server.store.projection.projection import Projection, Serving
from server.store.projection.upkeep.lag import Lag, measure_lag
from server.store.search.seam import EngineDown, Query
from tests.helpers.points import read_ids, read_point

pytestmark = pytest.mark.anyio


@pytest.fixture
def collection(book):
    return name_collection(book.workspace, 0, 0)


async def test_a_stored_memory_is_found_and_its_point_is_its_row(book, projection, engine, collection, find_words):
    (memory_id,) = await book.store("The heron database", tags=["x"], project="p", scope="project")
    assert await projection.project(book.workspace)
    assert await find_words("heron") == [memory_id]
    point = await read_point(engine, collection, memory_id)
    assert point.payload == build_payload(await book.get(memory_id), [])
    assert point.revision == 1


@pytest.mark.parametrize("last", ["first", "second"])
async def test_of_two_updates_that_race_the_last_row_wins(book, projection, engine, gate, find_words, last):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    engine.before["upsert_points"] = gate
    await book.change(memory_id, content="grebe")
    one = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()  # it has read "grebe" and is about to write it
    await book.change(memory_id, content="bittern")
    two = asyncio.create_task(projection.project(book.workspace))
    gate.opened.set()
    assert await (one if last == "first" else two)
    assert await (two if last == "first" else one)
    assert (await find_words("bittern"), await find_words("grebe"), await find_words("heron")) == ([memory_id], [], [])


async def test_a_projection_that_comes_late_writes_the_row_as_it_is_by_then(book, projection, engine, find_words):
    (memory_id,) = await book.store("heron")
    await book.change(memory_id, content="grebe")
    await projection.project(book.workspace)  # the second writer's, before the first one's
    await projection.project(book.workspace)
    assert engine.count_calls("upsert_points") == 1
    assert (await find_words("grebe"), await find_words("heron")) == ([memory_id], [])


async def test_a_delete_that_races_an_update_is_never_undone(book, projection, engine, collection, gate):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    engine.before["upsert_points"] = gate
    await book.change(memory_id, content="grebe")
    update = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()
    await book.delete(memory_id)
    delete = asyncio.create_task(projection.project(book.workspace))
    gate.opened.set()
    await asyncio.gather(update, delete)
    assert await read_ids(engine, collection) == set()


async def test_an_update_that_comes_after_a_delete_does_not_bring_it_back(book, projection, engine, collection):
    (memory_id,) = await book.store("heron")
    await book.delete(memory_id)
    await book.change(memory_id, content="grebe")
    await projection.project(book.workspace)
    assert await read_ids(engine, collection) == set()


async def test_a_consolidated_memory_has_no_point_until_it_is_one_again(book, projection, engine, collection):
    merged, kept = await book.store("a", "b")
    await projection.project(book.workspace)
    await book.change(merged, consolidated=True, consolidated_into=kept)
    await projection.project(book.workspace)
    assert await read_ids(engine, collection) == {kept}
    await book.change(merged, consolidated=False, consolidated_into=None)
    await projection.project(book.workspace)
    assert await read_ids(engine, collection) == {merged, kept}


async def test_a_restored_memory_has_its_point_again(book, projection, find_words):
    (memory_id,) = await book.store("heron")
    await book.delete(memory_id)
    await projection.project(book.workspace)
    assert await find_words("heron") == []
    await book.change(memory_id, deleted_at=None)
    await projection.project(book.workspace)
    assert await find_words("heron") == [memory_id]


async def test_a_workspace_without_memories_makes_no_shard_and_finds_nothing(book, projection, engine, find_words):
    assert await projection.project(book.workspace)
    assert await find_words("heron") == []
    assert (await projection.open_collection(book.workspace)).generation == 0
    assert await projection.count_memories(book.workspace) == 0
    assert {verb for verb, _ in engine.calls} == set()


async def test_more_rows_than_a_batch_are_all_projected(book, projection, engine, collection, monkeypatch):
    monkeypatch.setattr(point_writer, "BATCH", 7)
    monkeypatch.setattr(payload, "PART_ROWS", 3)
    for count in (7, 14, 6, 1):
        await book.store(*map(str, range(count)))
        await projection.project(book.workspace)
    assert await projection.count_memories(book.workspace) == 28
    await projection.forget(book.workspace)
    await projection.project(book.workspace)
    assert len(await read_ids(engine, collection)) == 28


async def test_more_than_500_rows_are_projected_in_one_go(book, projection, engine, collection):
    await book.store(*(f"heron {number}" for number in range(1201)))
    await projection.project(book.workspace)
    assert len(await read_ids(engine, collection)) == 1201


async def test_long_memories_are_projected_one_by_one_so_that_others_have_their_turn(book, projection, engine):
    await book.store(*(f"heron {number} " * 3000 for number in range(3)), *map(str, range(40)))
    await projection.project(book.workspace)
    sizes = [len(args[1]) for verb, args in engine.calls if verb == "upsert_points"]
    assert sizes == [1, 1, 1, 40]


async def test_stores_at_once_are_served_by_one_projection(book, projection, engine, gate):
    await book.store("first")
    engine.before["upsert_points"] = gate
    leader = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()

    stored, all_stored = [], asyncio.Event()

    async def store():
        stored.extend(await book.store("another"))
        if len(stored) == 20:
            all_stored.set()
        return await projection.project(book.workspace)

    others = [asyncio.create_task(store()) for _ in range(20)]
    await all_stored.wait()
    gate.opened.set()
    assert await asyncio.gather(leader, *others) == [True] * 21
    assert engine.count_calls("upsert_points") == 2
    assert await projection.count_memories(book.workspace) == 21


async def test_an_engine_that_is_down_is_asked_once_for_all_who_wait(book, projection, engine, gate):
    (memory_id,) = await book.store("first")
    await projection.project(book.workspace)

    async def down(*_):
        await gate()
        raise EngineDown("gone")

    engine.before["upsert_points"] = engine.before["open_collection"] = down
    await book.change(memory_id, content="second")
    leader = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()
    others = [asyncio.create_task(projection.project(book.workspace)) for _ in range(20)]
    await asyncio.sleep(0)  # each of them now waits for the lock
    engine.calls.clear()
    gate.opened.set()
    assert await asyncio.gather(leader, *others) == [False] * 21
    assert engine.count_calls("open_collection") + engine.count_calls("upsert_points") == 1


async def test_what_was_stored_while_the_engine_was_down_is_caught_up_by_the_loop(book, projection, engine, collection):
    engine.is_down = True
    (memory_id,) = await book.store("heron")
    assert not await projection.project(book.workspace)
    await projection.flush()
    with pytest.raises(EngineDown):
        await projection.search_points(book.workspace, Query(None, None, 1))
    engine.is_down = False
    await projection.flush()
    assert await read_ids(engine, collection) == {memory_id}
    assert await book.row("revision", "flushed_revision") == (1, 1)


async def test_what_was_stored_while_the_engine_was_down_is_found_by_the_next_search(
    book, projection, engine, find_words
):
    await book.store("heron")
    await projection.project(book.workspace)
    engine.is_down = True
    (memory_id,) = await book.store("grebe")
    assert not await projection.project(book.workspace)
    engine.is_down = False
    assert await find_words("grebe") == [memory_id]


async def test_what_was_deleted_while_the_engine_was_down_is_not_found_afterwards(book, projection, engine, find_words):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    engine.is_down = True
    await book.delete(memory_id)
    assert not await projection.project(book.workspace)
    engine.is_down = False
    assert await find_words("heron") == []


async def test_a_caller_cut_off_after_its_commit_is_caught_up_by_the_loop(book, projection, find_words):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    await book.delete(memory_id)  # and its caller never came to project
    await projection.flush()
    assert await find_words("heron") == []


async def test_a_caller_cut_off_while_it_projects_holds_up_nobody(book, projection, engine, gate, find_words):
    (memory_id,) = await book.store("heron")
    engine.before["upsert_points"] = gate
    cut = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()
    other = asyncio.create_task(projection.project(book.workspace))
    await asyncio.sleep(0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert await other
    assert await find_words("heron") == [memory_id]


async def test_a_search_does_not_wait_for_a_writer(book, projection, engine, gate, find_words):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    await book.store("heron again")
    engine.before["upsert_points"] = gate
    writing = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()
    assert await find_words("heron") == [memory_id]
    gate.opened.set()
    await writing


async def test_searches_that_open_a_workspace_together_all_find(book, lite, engine):
    (memory_id,) = await book.store("heron")
    fresh = Projection(lite, engine, shared=False)
    found = await asyncio.gather(*(fresh.open_collection(book.workspace) for _ in range(5)))
    assert found == [Serving(generation=0, language="english", revision=1)] * 5
    assert engine.count_calls("open_collection") == 1
    assert await read_ids(engine, name_collection(book.workspace, 0, 0)) == {memory_id}


async def test_the_lag_counts_the_changes_that_the_search_store_lacks(book, lite, projection, engine):
    await book.store("heron")
    await projection.project(book.workspace)
    assert await measure_lag(lite, projection.list_projected()) == Lag(0, 0)
    await book.store("grebe", "bittern")
    assert await measure_lag(lite, projection.list_projected()) == Lag(1, 2)
    engine.is_down = True
    assert not await projection.project(book.workspace)
    assert projection.list_projected() == {book.workspace: None}
    assert await measure_lag(lite, projection.list_projected()) == Lag(1, 3)  # the first is not on the disk either
    engine.is_down = False
    assert await projection.project(book.workspace)
    assert await measure_lag(lite, projection.list_projected()) == Lag(0, 0)


async def test_a_row_that_no_engine_takes_stops_none_of_the_others(book, projection, engine, collection):
    good, bad, late = await book.store("heron", "grebe", "bittern")

    async def refuse(_collection, points):
        if any(point.id == bad for point in points):
            raise ValueError("not this one")

    engine.before["upsert_points"] = refuse
    with structlog.testing.capture_logs() as logs:
        assert await projection.project(book.workspace)
    assert await read_ids(engine, collection) == {good, late}
    assert [entry["memory"] for entry in logs if entry["log_level"] == "error"] == [bad]


async def test_touching_changes_points_that_exist_and_makes_none(book, projection, engine, collection):
    here, gone = await book.store("a", "b")
    await book.delete(gone)
    await projection.project(book.workspace)
    await projection.patch_points(book.workspace, {here: {"access_count": 7}, gone: {"access_count": 7}})
    (point,) = await engine.read_points(collection)
    assert (point.id, point.payload["access_count"]) == (here, 7)
    assert await book.row("revision") == (3,)


async def test_touching_a_workspace_that_is_not_open_or_was_dropped_does_nothing(book, projection, engine):
    (memory_id,) = await book.store("a")
    await projection.patch_points(book.workspace, {memory_id: {"access_count": 7}})
    await projection.project(book.workspace)
    await projection.forget(book.workspace)
    await projection.patch_points(book.workspace, {memory_id: {"access_count": 7}})
    assert engine.count_calls("set_payload") == 0


async def test_where_the_record_cannot_be_read_a_projection_waits_and_the_write_stands(
    book, projection, monkeypatch, find_words
):
    (memory_id,) = await book.store("heron")

    async def full(*_):
        raise TimeoutError("QueuePool limit reached")

    with monkeypatch.context() as patch:
        patch.setattr("server.store.projection.points.point_writer.select_changed", full)
        assert not await projection.project(book.workspace)
    assert await find_words("heron") == [memory_id]
