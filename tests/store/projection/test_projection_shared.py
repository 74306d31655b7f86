"""Two servers on one record and one Qdrant (the client's in-memory one): neither undoes what the other did."""

import asyncio

import pytest
from qdrant_client import AsyncQdrantClient

from server.store.projection.placement import name_collection
from server.store.projection.projection import Projection
from server.store.record import workspaces
from server.store.search.qdrant.server import ServerEngine
from server.store.search.seam import Query
from tests.helpers.engines import imitate_server
from tests.helpers.points import list_terms, read_ids, read_terms

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")]


@pytest.fixture
async def pair(lite, watch_engine):
    """Two projections, each with its engine, over one Qdrant."""
    client = AsyncQdrantClient(":memory:")
    engines = [watch_engine(ServerEngine(imitate_server(client))) for _ in range(2)]
    yield [(Projection(lite, engine, shared=True), engine) for engine in engines]
    await client.close()


@pytest.fixture
def collection(book):
    return name_collection(book.workspace, 0, 0)


async def held(engine, collection):
    return read_terms(await engine.read_points(collection))


async def test_a_write_that_comes_after_the_others_delete_is_taken_back(book, pair, collection, gate):
    (a, a_engine), (b, b_engine) = pair
    (memory_id,) = await book.store("heron")
    await a.project(book.workspace)
    await b.project(book.workspace)
    await book.change(memory_id, content="grebe")
    a_engine.before["upsert_points"] = gate
    writing = asyncio.create_task(a.project(book.workspace))
    await gate.reached.wait()  # A has read the row that lives
    await book.delete(memory_id)
    assert await b.project(book.workspace)
    assert await read_ids(b_engine, collection) == set()
    gate.opened.set()
    assert await writing
    assert await read_ids(b_engine, collection) == set()


async def test_an_old_row_never_replaces_the_new_one_of_the_other(book, pair, collection, gate):
    (a, a_engine), (b, b_engine) = pair
    (memory_id,) = await book.store("heron")
    a_engine.before["upsert_points"] = gate
    writing = asyncio.create_task(a.project(book.workspace))
    await gate.reached.wait()
    await book.change(memory_id, content="grebe")
    await b.project(book.workspace)
    gate.opened.set()
    await writing
    assert await held(b_engine, collection) == {memory_id: list_terms(await book.get(memory_id))}


async def test_what_one_stored_the_other_finds_without_projecting_it(book, pair, collection):
    (a, _), (b, b_engine) = pair
    await book.store("heron")
    await a.project(book.workspace)
    await b.open_collection(book.workspace)
    await book.store("grebe")
    await a.project(book.workspace)
    b_engine.calls.clear()
    await b.search_points(book.workspace, Query(None, None, 1))
    assert {verb for verb, _ in b_engine.calls} == {"search_points"}
    assert len(await read_ids(b_engine, collection)) == 2


async def test_what_one_could_not_project_the_others_loop_does(book, pair, collection):
    (a, a_engine), (b, b_engine) = pair
    await book.store("heron")
    await b.project(book.workspace)
    a_engine.is_down = True
    (memory_id,) = await book.store("grebe")
    assert not await a.project(book.workspace)
    await b.flush()
    assert memory_id in await read_ids(b_engine, collection)


async def test_a_workspace_that_one_deleted_is_let_go_by_the_other(book, pair, collection, clock):
    (a, _), (b, b_engine) = pair
    await book.store("heron")
    await a.project(book.workspace)
    await b.project(book.workspace)
    async with book.db.write() as connection:
        await workspaces.delete_workspace(connection, book.workspace, clock())
    await a.forget(book.workspace)
    await b.flush()
    await b.project(book.workspace)
    assert not await b_engine.has_collection(collection)
    assert await b.count_memories(book.workspace) == 0


async def test_a_collection_that_one_rebuilt_is_written_to_by_the_other(book, pair, collection):
    (a, _), (b, b_engine) = pair
    await book.store("heron")
    await b.project(book.workspace)
    await a.forget(book.workspace)
    await book.store("grebe")
    assert not await b.project(book.workspace)  # gone under its hands
    assert await b.project(book.workspace)
    assert len(await read_ids(b_engine, collection)) == 2
