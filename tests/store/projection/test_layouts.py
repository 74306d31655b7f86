"""Where a workspace's points are: in a collection of its own or a shared one, in this store or in the other one."""

import asyncio

import pytest
from qdrant_client import AsyncQdrantClient

from server.progress import ignore_progress
from server.store.projection.placement import Home, name_collection
from server.store.projection.projection import Projection
from server.store.projection.upkeep import moving
from server.store.projection.upkeep.moving import MoveFailed, move_collections
from server.store.search.qdrant.server import ServerEngine
from server.store.search.seam import Point, SparseVector
from tests.helpers.engines import imitate_server
from tests.helpers.points import read_ids
from tests.store.conftest import words

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")]

SHARED, APART = Home("server", "shared"), Home("server", "workspace")


@pytest.fixture
async def client():
    made = AsyncQdrantClient(":memory:")
    yield made
    await made.close()


@pytest.fixture
def server(client, watch_engine):
    """Makes an engine of one Qdrant server."""
    return lambda: watch_engine(ServerEngine(imitate_server(client)))


@pytest.fixture
async def bobs(lite, clock, make_ledger):
    return await make_ledger(lite, clock, "bob")


async def find(projection, book, text):
    return {point.id for point in (await projection.search_points(book.workspace, words(text))).text}


async def list_collections(client):
    return {each.name for each in (await client.get_collections()).collections}


async def test_workspaces_in_a_shared_collection_find_their_own_memories_alone(lite, book, bobs, server, client):
    projection = Projection(lite, server(), shared=True, home=SHARED)
    (mine,), (theirs,) = await book.store("heron of ann"), await bobs.store("heron of bob")
    for each in (book, bobs):
        assert await projection.project(each.workspace)
    assert await find(projection, book, "heron") == {mine}
    assert await find(projection, bobs, "heron") == {theirs}
    assert await list_collections(client) == {name_collection(book.workspace, 0, 0, layout="shared").name}
    await projection.forget(bobs.workspace)
    assert await find(projection, book, "heron") == {mine}


@pytest.mark.parametrize(("old", "new"), [(APART, SHARED), (SHARED, APART)])
async def test_the_old_layout_serves_until_the_new_one_is_whole(lite, book, server, gate, old, new):
    before = Projection(lite, server(), shared=True, home=old)
    ids = {*await book.store("heron one", "heron two")}
    assert await before.project(book.workspace)
    engine = server()
    engine.before["upsert_points"] = gate
    moved = Projection(lite, engine, shared=True, home=new)
    moving_now = asyncio.create_task(move_collections(lite, moved, ignore_progress))
    await gate.reached.wait()
    assert await find(before, book, "heron") == ids
    assert await find(moved, book, "heron") == ids
    assert await book.row("layout") == (old.layout,)
    gate.opened.set()
    assert (await moving_now).workspaces == 1
    assert await book.row("layout") == (new.layout,)
    left = name_collection(book.workspace, 0, 0, layout=old.layout)
    assert await read_ids(engine, left) == set()
    assert await find(moved, book, "heron") == ids
    # the other process still has the old one open
    assert await find(before, book, "heron") == ids


async def test_a_layout_is_for_new_workspaces_and_others_stay_where_they_are(lite, book, bobs, server):
    await book.store("heron")
    await Projection(lite, server(), shared=True, home=APART).project(book.workspace)
    later = Projection(lite, server(), shared=True, home=SHARED)
    await bobs.store("grebe")
    assert await later.project(bobs.workspace)
    assert await later.project(book.workspace)
    assert (await book.row("layout"), await bobs.row("layout")) == (("workspace",), ("shared",))


async def test_what_was_deleted_while_the_points_were_in_another_store_does_not_come_back(
    lite, book, projection, engine, server
):
    kept, deleted = await book.store("heron one", "heron two")
    assert await projection.project(book.workspace)
    await projection.flush()
    served = Projection(lite, server(), shared=True, home=SHARED)
    assert (await move_collections(lite, served, ignore_progress)).repaired == 0
    assert await find(served, book, "heron") == {kept, deleted}
    await book.delete(deleted)
    assert await served.project(book.workspace)
    await served.flush()
    back = Projection(lite, engine, shared=False)
    assert (await move_collections(lite, back, ignore_progress)).repaired == 0
    assert await read_ids(engine, name_collection(book.workspace, 0, 0)) == {kept}
    assert await book.row("layout", "search_store") == ("workspace", "embedded")


async def test_two_processes_that_settle_one_workspace_at_once_lose_no_point(lite, book, server, gate):
    ids = {*await book.store("heron one", "heron two")}
    await book.store("grebe")
    first, second = server(), server()
    first.before["open_collection"] = gate
    pair = [Projection(lite, each, shared=True, home=SHARED) for each in (first, second)]
    slow = asyncio.create_task(pair[0].project(book.workspace))
    await gate.reached.wait()
    assert await pair[1].project(book.workspace)
    gate.opened.set()
    assert await slow
    for each in pair:
        assert await find(each, book, "heron") == ids


async def test_a_move_that_was_cut_off_goes_on_and_makes_no_workspace_again(lite, book, bobs, server):
    for each in (book, bobs):
        await each.store("heron")
        before = Projection(lite, server(), shared=True, home=APART)
        await before.project(each.workspace)
        await before.flush()
    engine = server()
    moved = Projection(lite, engine, shared=True, home=SHARED)

    async def cut_off(_done, _total):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await move_collections(lite, moved, cut_off)
    layouts = [await each.row("layout") for each in (book, bobs)]
    assert sorted(layouts) == [("shared",), ("workspace",)]
    engine.calls.clear()
    assert (await move_collections(lite, moved, ignore_progress)).workspaces == 2
    assert engine.count_calls("upsert_points") == 1


@pytest.mark.parametrize("verb", ["delete_points", "upsert_points"])
async def test_a_collection_that_differs_from_the_record_is_made_again(lite, book, server, make_old, verb):
    engine = server()
    projection = Projection(lite, engine, shared=True, home=SHARED)
    memory_id, _ = await book.store("heron", "grebe")
    assert await projection.project(book.workspace)
    collection = name_collection(book.workspace, 0, 0, layout="shared")
    await engine.engine.delete_points(collection, [memory_id])
    if verb == "upsert_points":
        await engine.engine.upsert_points(collection, [make_old(memory_id)])
    assert (await move_collections(lite, projection, ignore_progress)).repaired == 1
    assert await find(projection, book, "heron") == {memory_id}


async def test_a_store_that_keeps_differing_is_named(lite, book, server, monkeypatch):
    engine = server()
    projection = Projection(lite, engine, shared=True, home=SHARED)
    await book.store("heron")

    async def lie(*_):
        return "the collection has 0 points, and the record 1 memories"

    monkeypatch.setattr(projection, "find_difference", lie)
    with pytest.raises(MoveFailed, match=f"In the workspace {book.workspace} the collection has 0 points"):
        await moving.move_collections(lite, projection, ignore_progress)


async def test_a_store_that_is_down_stops_the_move(lite, book, server):
    await book.store("heron")
    engine = server()
    engine.is_down = True
    projection = Projection(lite, engine, shared=True, home=SHARED)
    with pytest.raises(MoveFailed, match=r"The search store is down: switched off\. Run this again when it is up"):
        await move_collections(lite, projection, ignore_progress)
    engine.is_down = False
    assert (await move_collections(lite, projection, ignore_progress)).workspaces == 1


@pytest.fixture
def make_old():
    """Makes a point of an older revision."""
    return lambda memory_id: Point(memory_id, 0, SparseVector([1], [1.0]), {})
