"""Collections come and go with their workspaces, and what is known of idle ones is let go."""

import asyncio

import pytest
import structlog

from server.store.projection import catch_up
from server.store.projection.placement import name_collection
from server.store.projection.projection import Projection
from server.store.record import workspaces
from server.store.search.seam import EngineDown, Query
from tests.helpers.points import read_ids

pytestmark = pytest.mark.anyio


@pytest.fixture
def collection(book):
    return name_collection(book.workspace, 0, 0)


async def hide(book, clock):
    async with book.db.write() as connection:
        await workspaces.delete_workspace(connection, book.workspace, clock())


async def test_a_deleted_workspaces_collection_goes(book, projection, engine, collection, clock, find_words):
    await book.store("heron")
    await projection.project(book.workspace)
    await hide(book, clock)
    await projection.forget(book.workspace)
    assert not await engine.has_collection(collection)
    assert await find_words("heron") == []


async def test_a_writer_that_comes_after_the_deletion_does_not_bring_the_collection_back(
    book, projection, engine, collection, clock
):
    await book.store("heron")
    await projection.project(book.workspace)
    await book.store("grebe")
    await hide(book, clock)
    await projection.forget(book.workspace)
    await projection.project(book.workspace)
    assert not await engine.has_collection(collection)


async def test_a_workspace_deleted_while_it_is_projected_is_gone_afterwards(
    book, projection, engine, collection, clock, gate
):
    await book.store("heron")
    engine.before["upsert_points"] = gate
    writing = asyncio.create_task(projection.project(book.workspace))
    await gate.reached.wait()
    await hide(book, clock)
    forgetting = asyncio.create_task(projection.forget(book.workspace))
    waiting = asyncio.create_task(projection.project(book.workspace))
    gate.opened.set()
    await asyncio.gather(writing, forgetting, waiting)
    assert not await engine.has_collection(collection)


async def test_a_collection_that_could_not_be_dropped_is_dropped_by_the_loop(
    book, projection, engine, collection, clock
):
    await book.store("heron")
    await projection.project(book.workspace)
    await hide(book, clock)
    engine.is_down = True
    with structlog.testing.capture_logs():
        await projection.forget(book.workspace)
    engine.is_down = False
    await projection.flush()
    assert not await engine.has_collection(collection)


async def test_a_search_that_a_rebuild_overtook_is_asked_again(book, projection, engine, gate, find_words):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    engine.before["search_points"] = gate
    asking = asyncio.create_task(find_words("heron"))
    await gate.reached.wait()
    await projection.forget(book.workspace)
    gate.opened.set()
    assert await asking == [memory_id]


async def test_a_projection_that_cannot_ask_the_record_is_tried_again(
    book, projection, engine, find_words, monkeypatch
):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    await book.change(memory_id, content="grebe")
    with monkeypatch.context() as patched:
        patched.setattr("server.store.projection.points.point_writer.select_changed", None)
        with pytest.raises(TypeError):
            await projection.project(book.workspace)
    assert await find_words("grebe") == [memory_id]
    assert engine.count_calls("upsert_points") == 2


async def test_closing_lets_the_engine_go_even_where_the_record_fails(book, projection, engine):
    await book.store("heron")
    await projection.project(book.workspace)

    async def fail(*_):
        raise ZeroDivisionError

    engine.before["flush_collection"] = fail
    with pytest.raises(ZeroDivisionError):
        await projection.close()
    with pytest.raises(EngineDown):
        await engine.ping()


async def test_what_is_known_of_idle_workspaces_is_bounded(lite, engine, clock, make_ledger, monkeypatch):
    monkeypatch.setattr(catch_up, "REMEMBERED", 2)
    projection = Projection(lite, engine, shared=False)
    books = [await make_ledger(lite, clock, f"user{number}") for number in range(5)]
    for number, book in enumerate(books):
        await book.store("heron")
        await projection.project(book.workspace)
        assert await projection.count_memories(book.workspace) == 1, number
    await projection.flush()
    open_now = [await projection.count_memories(book.workspace) for book in books]
    assert open_now == [0, 0, 0, 1, 1]
    for book in books:
        await book.store("heron")
        assert await projection.project(book.workspace)
        found = await projection.search_points(book.workspace, Query(None, None, 1))
        assert found.text == []
        assert len(await read_ids(engine, name_collection(book.workspace, 0, 0))) == 2
