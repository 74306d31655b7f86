"""The proof of an erasure in the search store, on every engine."""

import pytest

from server.store.lifecycle.proof import find_in_collection

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]


async def test_points_of_erased_memories_and_words_of_a_payload_are_found(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, type="fact"), make.point(2, author="Blue Stone")])
    one, two = (f"point {make.id(number)} of {collection.name}" for number in (1, 2))
    assert await find_in_collection(engine, collection, [make.id(1)], "") == (2, [one])
    assert await find_in_collection(engine, collection, [], "blue stone") == (2, [two])
    await engine.delete_points(collection, [make.id(1), make.id(2)])
    assert await find_in_collection(engine, collection, [make.id(1)], "blue stone") == (0, [])
