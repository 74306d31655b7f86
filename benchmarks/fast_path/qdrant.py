"""The trick of the fast path that lies in the connection to a Qdrant server.

Not a benchmark by itself: see `fast_path.py`. The server is the REST double of the tests, in a process of its own.
"""

import asyncio
from pathlib import Path

from helpers.ab import Trick, compare_async
from helpers.store_double import serve_store


def measure_qdrant(folder: Path) -> Trick:
    """Ask a store over the transport of ours, and over the one that the client of Qdrant has by default."""
    with serve_store(folder) as url:
        return asyncio.run(_compare(url))


async def _compare(url: str) -> Trick:
    import httpx  # noqa: PLC0415 - only after ROOT is importable, with the other imports of the store
    from qdrant_client import AsyncQdrantClient  # noqa: PLC0415 - as above

    from server.store.search.qdrant.server import ServerEngine  # noqa: PLC0415 - as above
    from server.store.search.seam import Collection  # noqa: PLC0415 - as above

    collection = Collection("bench", 0)
    keeping = AsyncQdrantClient(url=url, check_compatibility=False, limits=httpx.Limits())
    quick, plain = ServerEngine.from_url(url), ServerEngine(keeping)
    await quick.open(collection)
    try:
        return await compare_async(
            "aiohttp carries the requests to a Qdrant server",
            "a request",
            lambda: quick.count(collection),
            lambda: plain.count(collection),
        )
    finally:
        await quick.close()
        await plain.close()
