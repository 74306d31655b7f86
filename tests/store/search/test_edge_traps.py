"""The embedded engine's traps: each one shown as it is, and then closed."""

import math
import resource
from uuid import UUID

import numpy as np
import pytest
import qdrant_edge as raw

from server.store.search import checks
from server.store.search.edge.engine import INDEXED_FROM, EdgeEngine
from server.store.search.edge.shard_files import call_engine, close_shard, load_shard
from server.store.search.seam import EngineDown, FieldMatch, Filter, Query, SparseVector, UnusableCollection
from tests.helpers.points import read_ids, read_point

pytestmark = pytest.mark.anyio

ROOMY, FULL = 10**12, 1024


@pytest.fixture
async def collection(edge, make):
    made = make.collection()
    assert await edge.open_collection(made)
    return made


@pytest.fixture
def bare(tmp_path):
    """A shard without our engine around it, at `tmp_path / "bare"`."""
    path = tmp_path / "bare"
    path.mkdir()
    config = raw.EdgeConfig(vectors={"dense": raw.EdgeVectorParams(size=4, distance=raw.Distance.Cosine)})
    shard = raw.EdgeShard.create(str(path), config)
    yield shard
    shard.close()


def upsert(*points):
    return raw.UpdateOperation.upsert_points(
        [raw.Point(UUID(int=number), vectors, payload) for number, vectors, payload in points]
    )


def payload_of(shard, number):
    (record,) = shard.retrieve([UUID(int=number)], True, True)
    return record.payload, record.vector


async def test_bare_a_rejected_update_comes_back_and_destroys_a_point(bare, tmp_path):
    bare.update(upsert((1, {"dense": [1, 0, 0, 0]}, {"kept": 1})))
    with pytest.raises(Exception, match="Not existing vector name"):
        bare.update(upsert((1, {"nope": [1, 0, 0, 0]}, {"hacked": 1})))
    assert payload_of(bare, 1)[0] == {"kept": 1}
    bare.close()
    again = raw.EdgeShard.load(str(tmp_path / "bare"))
    assert payload_of(again, 1) == ({"hacked": 1}, {})
    again.close()


async def test_a_rejected_update_does_not_come_back(edge, collection, make, tmp_path, monkeypatch):
    await edge.upsert_points(collection, [make.point(1, type="fact"), make.point(2, type="fact")])
    monkeypatch.setattr(checks, "check_points", lambda *_: None)
    bad = make.point(2, revision=2, type="hacked")
    object.__setattr__(bad, "dense", np.ones(9, dtype=np.float32))
    with pytest.raises(EngineDown, match="dimension"):
        await edge.upsert_points(collection, [bad, make.point(3, revision=2)])
    assert await read_ids(edge, collection) == {make.id(1)}
    await edge.close()
    again = EdgeEngine(tmp_path, max_open=1)
    assert [point.payload for point in await again.read_points(collection)] == [{"type": "fact"}]
    await again.upsert_points(collection, [make.point(2, revision=2, type="fact")])
    assert await again.count_points(collection) == 2
    await again.close()


async def test_bare_a_boolean_is_never_found(bare):
    bare.update(upsert((1, {}, {"pinned": True})))
    match = raw.FieldCondition("pinned", match=raw.MatchValue(value=True))
    assert bare.count(raw.CountRequest(filter=raw.Filter(must=[match]))) == 0


async def test_a_boolean_can_be_neither_stored_nor_asked_for(edge, collection, make):
    with pytest.raises(ValueError, match="booleans"):
        await edge.upsert_points(collection, [make.point(1, pinned=True)])
    pinned = FieldMatch("pinned", (True,))  # pyright: ignore[reportArgumentType] - it is no string
    with pytest.raises(ValueError, match="pinned"):
        await edge.search_points(collection, Query(make.vector(1), None, 1, Filter(must=(pinned,))))


async def test_bare_a_patch_with_a_missing_id_fails_with_half_of_it_done(bare):
    bare.update(upsert((1, {}, {"relevance": 1.0})))
    with pytest.raises(Exception, match="No point with id"):
        bare.update(raw.UpdateOperation.set_payload([UUID(int=1), UUID(int=9)], {"relevance": 0.5}))
    assert payload_of(bare, 1)[0] == {"relevance": 0.5}


async def test_a_patch_with_a_missing_id_changes_the_others(edge, collection, make):
    await edge.upsert_points(collection, [make.point(1, relevance=1.0)])
    await edge.set_payload(collection, {make.id(9): {"relevance": 0.5}, make.id(1): {"relevance": 0.5}})
    stored = await read_point(edge, collection, make.id(1))
    assert stored.payload == {"relevance": 0.5}


async def test_bare_vectors_of_nan_and_of_zeros_are_taken(bare):
    bare.update(upsert((1, {"dense": [math.nan, 0, 0, 0]}, {}), (2, {"dense": [0, 0, 0, 0]}, {})))
    assert bare.count(raw.CountRequest()) == 2


@pytest.mark.parametrize("first", [math.nan, math.inf, 0.0])
async def test_vectors_without_a_direction_are_refused(edge, collection, make, first):
    with pytest.raises(ValueError, match="finite and not zero"):
        await edge.upsert_points(collection, [make.point(1, dense=(first,))])


async def test_a_full_disk_refuses_writes_and_still_answers(make, tmp_path):
    free = [ROOMY]
    engine = EdgeEngine(tmp_path, max_open=1, count_free_bytes=lambda _: free[0])
    collection = make.collection()
    await engine.open_collection(collection)
    await engine.upsert_points(collection, [make.point(1, type="fact")])
    free[0] = FULL
    writes = [
        engine.upsert_points(collection, [make.point(2)]),
        engine.set_payload(collection, {make.id(1): {"type": "task"}}),
        engine.delete_points(collection, [make.id(1)]),
        engine.open_collection(make.collection()),
        engine.ping(),
    ]
    for write in writes:
        with pytest.raises(EngineDown, match="1024 bytes free"):
            await write
    (point,) = (await engine.search_points(collection, Query(make.vector(1), None, 10))).dense
    assert (point.id, point.payload) == (make.id(1), {"type": "fact"})
    free[0] = ROOMY
    await engine.ping()
    await engine.close()


async def test_a_shard_is_not_loaded_on_a_full_disk(edge, collection, tmp_path):
    await edge.close()
    engine = EdgeEngine(tmp_path, max_open=1, count_free_bytes=lambda _: FULL)
    with pytest.raises(EngineDown, match="bytes free"):
        await engine.count_points(collection)
    await engine.close()


async def test_files_are_sparse_so_a_copy_must_be_too(edge, collection, make, tmp_path):
    await edge.upsert_points(collection, [make.point(1)])
    await edge.flush_collection(collection)
    stats = [path.stat() for path in (tmp_path / collection.name).rglob("*") if path.is_file()]
    assert sum(stat.st_size for stat in stats) > 20 * sum(stat.st_blocks * 512 for stat in stats)


async def test_payload_indexes_come_with_the_points_that_need_them(edge, collection, make, tmp_path):
    def indexed():
        shard = raw.EdgeShard.load(str(tmp_path / collection.name))
        keys = set(shard.info().payload_schema)
        shard.close()
        return keys

    points = [make.point(number, type="fact", tags=[str(number % 7)]) for number in range(INDEXED_FROM)]
    await edge.upsert_points(collection, points[1:])
    await edge.close()
    assert indexed() == set()
    again = EdgeEngine(tmp_path, max_open=1)
    await again.upsert_points(collection, points[:1])
    where = Filter(must=(FieldMatch("tags", ("3",)),))
    found = await again.search_points(collection, Query(None, SparseVector([7], [1.0]), 5000, where))
    assert len(found.text) == len(range(3, INDEXED_FROM, 7))
    await again.close()
    assert indexed() == {"type", "tags", "scope"}


async def test_a_damaged_shard_says_that_it_must_be_made_again(edge, collection, make, tmp_path):
    await edge.upsert_points(collection, [make.point(1)])
    await edge.close()
    (status,) = (tmp_path / collection.name).rglob("vector_storage-dense/vectors/status.dat")
    status.write_bytes(b"")
    again = EdgeEngine(tmp_path, max_open=1)
    with pytest.raises(UnusableCollection):  # the engine panics here, with what is no Exception
        await again.open_collection(collection)
    await again.drop_collection(collection)
    assert await again.open_collection(collection)
    await again.upsert_points(collection, [make.point(1)])
    assert await read_ids(again, collection) == {make.id(1)}
    await again.close()


def faults():
    """Return the number of pages that this process has had to wait for, each of them a read of its own."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt


async def test_bare_a_shard_that_is_opened_reads_page_by_page_and_a_read_ahead_spares_it_that(
    edge, collection, make, tmp_path
):
    texts = [np.random.default_rng(number).bytes(1500).hex() for number in range(400)]  # hardly to be compressed
    await edge.upsert_points(collection, [make.point(number, memory=text) for number, text in enumerate(texts)])
    await edge.close()
    everything = raw.ScrollRequest(limit=400, with_payload=True, with_vector=False)

    def waited(shard):
        before = faults()
        records, _ = shard.scroll(everything)
        assert len(records) == 400
        return faults() - before

    path = tmp_path / collection.name
    bare = raw.EdgeShard.load(str(path))
    waits_bare = waited(bare)
    bare.close()
    opened = load_shard(path, collection)
    waits_ahead = waited(opened.shard)
    close_shard(opened, keep=False)
    assert waits_ahead <= waits_bare / 4, "where the folder is on no disk, both are 0"


async def test_a_wrong_argument_that_only_the_binding_sees_is_no_outage(bare):
    with pytest.raises(TypeError):
        call_engine(bare.retrieve, object(), True, True)


@pytest.mark.parametrize("mistake", [TypeError, ValueError, MemoryError])
def test_our_own_mistakes_pass_through_a_call(mistake):
    def fail():
        raise mistake("ours")

    with pytest.raises(mistake, match="ours"):
        call_engine(fail)
