"""The tricks of the fast path that lie in the requests to a Qdrant server.

Not a benchmark by itself: see `fast_path.py`. The server is the REST double of the tests, in a process of its own.
"""

import asyncio
from pathlib import Path
from uuid import UUID

from helpers.ab import Trick, compare_async_ways
from helpers.common import make_chance
from helpers.store_double import serve_store

POINTS, TERMS, ASKED = 300, 200, 6


def measure_qdrant(folder: Path) -> list[Trick]:
    """Ask a store in our way, and in the way that the client of Qdrant has by default."""
    with serve_store(folder) as url:
        return asyncio.run(_compare_searches(url))


async def _compare_searches(url: str) -> list[Trick]:
    import httpx  # noqa: PLC0415 - only after ROOT is importable, with the other imports of the store
    from qdrant_client import AsyncQdrantClient, models  # noqa: PLC0415 - as above

    from server.store.search.qdrant import wire  # noqa: PLC0415 - as above
    from server.store.search.qdrant.server import ServerEngine  # noqa: PLC0415 - as above
    from server.store.search.seam import Collection, FoundPoint, Point, Query, SparseVector  # noqa: PLC0415 - as above

    collection, chance = Collection("bench", 0, "tenant"), make_chance(3)
    keeping = AsyncQdrantClient(url=url, check_compatibility=False, limits=httpx.Limits())
    closing = AsyncQdrantClient(url=url, check_compatibility=False)
    quick, plain = ServerEngine(keeping), ServerEngine(closing)
    payload = {"workspace_id": "tenant", "memory": "x" * 400, "traits": "a|b", "access_count": 0}
    texts = [SparseVector(chance.sample(range(TERMS), 20), [1.0] * 20) for _ in range(POINTS)]
    query = Query(None, SparseVector(list(range(ASKED)), [1.0] * ASKED), 40, keys=("memory", "traits", "access_count"))

    async def search_by_models() -> list[FoundPoint]:
        requests = [models.QueryRequest.model_validate(each) for each in wire.make_searches(collection, query)]
        (found,) = await keeping.query_batch_points(collection.name, requests)
        return [FoundPoint(str(each.id), each.score, each.payload or {}) for each in found.points]

    try:
        await quick.open_collection(collection)
        points = [Point(str(UUID(int=number)), 1, text, payload) for number, text in enumerate(texts, 1)]
        await quick.upsert_points(collection, points)
        assert len(await search_by_models()) == len((await quick.search_points(collection, query)).text) == query.limit
        return [
            await compare_async_ways(
                "the connections to a Qdrant server are kept",
                "a request",
                lambda: quick.count_points(collection),
                lambda: plain.count_points(collection),
            ),
            await compare_async_ways(
                "searches of a Qdrant server are sent and read as JSON",
                "a search with 40 hits",
                lambda: quick.search_points(collection, query),
                search_by_models,
            ),
        ]
    finally:
        await quick.close()
        await plain.close()
