"""The calls that every engine refuses, and that nothing of them is written."""

from dataclasses import replace

import numpy as np
import pytest

from server.store.search.seam import Collection, FieldMatch, Filter, Query, SparseVector
from tests.helpers.points import read_point

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
]

REFUSED_POINTS = {
    "an id that is no UUID": {"id": "memory-1"},
    "an id in upper case": {"id": "ABCDEF00-0000-4000-8000-000000000000"},
    "a negative revision": {"revision": -1},
    "a vector of other dimensions": {"dense": np.ones(5, dtype=np.float32)},
    "a vector of zeros": {"dense": np.zeros(4, dtype=np.float32)},
    "a vector with NaN": {"dense": np.array([1, np.nan, 0, 0], dtype=np.float32)},
    "a vector with infinity": {"dense": np.array([1, np.inf, 0, 0], dtype=np.float32)},
    "no window at all": {"windows": np.ones((0, 4), dtype=np.float32)},
    "windows of other dimensions": {"windows": np.ones((2, 5), dtype=np.float32)},
    "a window of zeros": {"windows": np.array([[1, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)},
    "a term twice": {"text": SparseVector([7, 7], [1.0, 1.0])},
    "a term without a weight": {"text": SparseVector([7, 8], [1.0])},
    "a term id beyond 32 bits": {"text": SparseVector([2**32], [1.0])},
    "a negative term id": {"text": SparseVector([-1], [1.0])},
    "a weight of NaN": {"text": SparseVector([7], [float("nan")])},
    "a boolean": {"payload": {"pinned": True}},
    "a boolean in a list": {"payload": {"flags": ["a", False]}},
    "a boolean further down": {"payload": {"deep": {"flag": True}}},
    "a number that is not finite": {"payload": {"relevance": float("inf")}},
    "a number beyond 64 bits": {"payload": {"count": 2**63}},
    "a key that is no string": {"payload": {"deep": {1: "x"}}},
    "what is not JSON": {"payload": {"at": object()}},
    "a key of the engine's own": {"payload": {"_revision": 9}},
}


async def test_a_batch_with_a_bad_point_is_refused_and_nothing_of_it_written(engine, collection, make):
    for what, change in REFUSED_POINTS.items():
        with pytest.raises(ValueError):  # noqa: PT011 - the seam promises the type, the message is for people
            await engine.upsert_points(collection, [make.point(1), replace(make.point(2), **change)])
        assert await engine.count_points(collection) == 0, what


async def test_a_bad_patch_is_refused(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, type="fact")])
    for patch in ({"pinned": True}, {"_revision": 0}, {"relevance": float("nan")}):
        with pytest.raises(ValueError):  # noqa: PT011 - the seam promises the type, the message is for people
            await engine.set_payload(collection, {make.id(1): patch})
    stored = await read_point(engine, collection, make.id(1))
    assert (stored.revision, stored.payload) == (1, {"type": "fact"})


async def test_a_query_that_cannot_be_answered_is_refused(engine, collection, make):
    good = Query(make.vector(1), None, 10)
    boolean = FieldMatch("pinned", (True,))  # pyright: ignore[reportArgumentType] - it is no string
    number = FieldMatch("count", (1,))  # pyright: ignore[reportArgumentType] - it is no string
    refused = [
        replace(good, dense=np.ones(5, dtype=np.float32)),
        replace(good, dense=np.zeros(4, dtype=np.float32)),
        replace(good, limit=0),
        replace(good, filter=Filter(must=(boolean,))),
        replace(good, filter=Filter(either=((number,),))),
    ]
    for query in refused:
        with pytest.raises(ValueError):  # noqa: PT011 - the seam promises the type, the message is for people
            await engine.search_points(collection, query)


async def test_a_collection_name_that_is_no_folder_name_is_refused(engine):
    for name in ("", "..", "a/b", ".hidden", "a" * 200):
        with pytest.raises(ValueError, match="no name for a collection"):
            await engine.open_collection(Collection(name, 4))
