"""The embedded engine looks through short codes of the vectors: what it finds is what the vectors themselves say."""

from dataclasses import replace

import numpy as np
import pytest
import qdrant_edge as raw

from server.store.search.edge.engine import EdgeEngine
from server.store.search.seam import Collection, Point, Query, SparseVector, UnusableCollection

pytestmark = pytest.mark.anyio

DIMS, POINTS, ASKED = 384, 2_000, 50
ROUNDED = 5e-4  # the most that a cosine changes if each number is kept in sixteen bits


@pytest.fixture(scope="module")
def vectors():
    """Clustered as embeddings are, of length 1."""
    chance = np.random.default_rng(5)
    centres = chance.standard_normal((40, DIMS), dtype=np.float32)
    made = centres[chance.integers(0, len(centres), POINTS)] + chance.standard_normal((POINTS, DIMS), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture
def collection(make):
    return Collection(make.collection().name, DIMS)


def points(make, vectors, numbers, revision=1):
    return [Point(make.id(n), revision, SparseVector([], []), {}, dense=vectors[n]) for n in numbers]


async def assert_nearest(engine, collection, make, vectors, numbers):
    """For a vector near each twentieth one: the scores, and so the points, are those of a look at every vector."""
    for near in vectors[::20] + vectors[1::20] * np.float32(0.1):
        query = near / np.linalg.norm(near)
        cosines = {make.id(n): float(vectors[n] @ query) for n in numbers}
        found = (await engine.search_points(collection, Query(query, None, ASKED))).dense
        assert [point.score for point in found] == pytest.approx([cosines[point.id] for point in found], abs=ROUNDED)
        assert [point.score for point in found] == pytest.approx(
            sorted(cosines.values())[: -ASKED - 1 : -1], abs=ROUNDED
        )


async def test_the_nearest_by_their_codes_are_the_nearest(edge, collection, make, vectors):
    await edge.open_collection(collection)
    await edge.upsert_points(collection, points(make, vectors, range(POINTS)))
    await assert_nearest(edge, collection, make, vectors, range(POINTS))


async def test_codes_follow_what_is_rewritten_removed_and_opened_again(edge, collection, make, vectors, tmp_path):
    await edge.open_collection(collection)
    await edge.upsert_points(collection, points(make, vectors[::-1], range(POINTS)))
    await edge.upsert_points(collection, points(make, vectors, range(POINTS), revision=2))
    await edge.delete_points(collection, [make.id(n) for n in range(0, POINTS, 3)])
    kept = [n for n in range(POINTS) if n % 3]
    await assert_nearest(edge, collection, make, vectors, kept)
    await edge.close()
    again = EdgeEngine(tmp_path, max_open=1)
    await assert_nearest(again, collection, make, vectors, kept)
    await again.close()


async def test_a_collection_of_an_earlier_version_is_searched_and_written_to(edge, collection, make, vectors, tmp_path):
    several = raw.MultiVectorConfig(raw.MultiVectorComparator.MaxSim)
    without_codes = raw.EdgeConfig(
        vectors={
            "dense": raw.EdgeVectorParams(size=DIMS, distance=raw.Distance.Cosine),
            "windows": raw.EdgeVectorParams(size=DIMS, distance=raw.Distance.Cosine, multivector_config=several),
        },
        sparse_vectors={"text": raw.EdgeSparseVectorParams(modifier=raw.Modifier.Idf)},
    )
    path = tmp_path / collection.name
    path.mkdir()
    raw.EdgeShard.create(str(path), without_codes).close()
    assert not await edge.open_collection(collection)
    await edge.upsert_points(collection, points(make, vectors, range(POINTS)))
    await assert_nearest(edge, collection, make, vectors, range(POINTS))
    long = replace(points(make, vectors, [3], revision=2)[0], windows=vectors[[3, 5]])
    await edge.upsert_points(collection, [long])
    nearest = (await edge.search_points(collection, Query(vectors[5], None, 2))).dense
    assert {hit.id for hit in nearest} == {make.id(3), make.id(5)}
    assert [hit.score for hit in nearest] == pytest.approx([1, 1], abs=ROUNDED)


async def test_an_earlier_collection_without_its_log_is_unusable_for_it_would_pass_over_updates(
    edge, collection, tmp_path
):
    dense = raw.EdgeVectorParams(size=DIMS, distance=raw.Distance.Cosine)
    path = tmp_path / collection.name
    path.mkdir()
    raw.EdgeShard.create(str(path), raw.EdgeConfig(vectors={"dense": dense})).close()
    for log in (path / "wal").iterdir():
        log.unlink()
    with pytest.raises(UnusableCollection, match="has no log"):
        await edge.open_collection(collection)
