"""Recall over HTTP (`POST /v1/context`) in workspaces of 1,000, 10,000 and 100,000 memories, beside its floor.

The floor is what nobody can do without: embedding the query alone, and numpy's exact scan of the same vectors. Both are
measured in the same run, in turns of twenty, with the same queries, each text asked once, by one client over a
connection that is kept alive, and each after the same two small requests: an embedding right after another one finds
the processor's caches full of the model, and no recall does. Targets: p50 ≤ floor + 3 ms at 1,000 and 10,000 and + 6 ms
at 100,000; p95 ≤ 2 x p50.

Where the rest goes, from requests that do less: `/healthz` is the transport; a context that asks for no memories adds
authorization and validation; the engine's search is timed by itself afterwards, on the same shard. The server's memory
at each size is read on the way. Vectors and texts are seeded and made up, and the queries' embeddings are real.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from helpers.client import Client
from helpers.common import (
    MODELS,
    Figure,
    Process,
    Site,
    Words,
    find_median,
    find_percentile,
    has_model,
    make_chance,
    make_temporary_folder,
    show_progress,
)
from helpers.filling import Filled, fill_workspaces, measure_folder
from numpy.typing import NDArray

SIZES = (1_000, 10_000, 100_000)
LARGE = 100_000
ALLOWED = {1_000: 3.0, 10_000: 3.0, LARGE: 6.0}
SPREAD = 2.0
NEAREST = 100
TURN = 20
UNANSWERED = 0.05
PAUSE = 0.05  # the model's threads spin for a moment after their work, and would disturb the other's turn

Embed = Callable[[str], NDArray[np.float32]]


@dataclass
class Times:
    """Milliseconds, request by request."""

    context: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    embedding: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    unanswered: int = 0


def measure(*, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for size in SIZES[:2] if quick else SIZES:
        with make_temporary_folder() as folder:
            figures += _measure_size(folder / "data", size, 150 if quick else 400)
            shutil.rmtree(folder, ignore_errors=True)
    return figures


def _measure_size(folder: Path, size: int, asked: int) -> list[Figure]:
    site = Site(folder, model="auto" if has_model() else "none")
    (filled,) = fill_workspaces(site, ["default"], size)
    words, chance = Words(seed=23), make_chance(29)
    queries = list(dict.fromkeys(words.make_query(chance.choice(filled.texts)) for _ in range(asked + TURN)))
    embed = _load_embedder()
    times = Times()
    vectors: list[NDArray[np.float32]] = []
    with site.serving(with_model=has_model()) as process, site.client() as client:
        for first in show_progress(range(0, len(queries), TURN), f"recall at {size:,}"):
            some = queries[first : first + TURN]
            if first == TURN:  # the first turn warms up
                times = Times()
            for query in some:
                _time_small_requests(client, query, times)
                _time_recalls(client, query, times)
            time.sleep(PAUSE)
            for query in some:
                _time_small_requests(client, query, times)
                vectors.append(_time_floor(query, filled, times, embed))
            time.sleep(PAUSE)
        rss = _describe_memory(process)
    _time_engine_alone(site, filled, queries, vectors, times)
    assert times.unanswered <= len(times.context) * UNANSWERED, "too many questions were not answered at all"
    n = f"{len(times.context)} queries, {size:,} x {filled.vectors.shape[1]}"
    return [
        *_make_figures(size, n, times),
        Figure(f"RSS at {size:,}", rss, "after those", f"data {measure_folder(folder)} MB"),
    ]


def _time_recalls(client: Client, query: str, times: Times) -> None:
    answer = client.post("/v1/context", {"message": query})
    times.context.append(client.took)
    times.unanswered += not answer["memories"]["matches"]  # a question of made-up words may be about nothing
    assert answer["memories"]["ranking"] == ("hybrid" if has_model() else "keyword")


def _time_small_requests(client: Client, query: str, times: Times) -> None:
    client.get("/healthz")
    times.health.append(client.took)
    client.post("/v1/context", {"message": query, "include": []})
    times.empty.append(client.took)


def _time_floor(query: str, filled: Filled, times: Times, embed: Embed | None) -> NDArray[np.float32]:
    """The query's embedding, and the exact scan for it."""
    if embed is None:
        times.floor.append(0.0)
        return np.ones(filled.vectors.shape[1], np.float32)
    started = time.perf_counter()
    vector = embed(query)
    times.embedding.append((time.perf_counter() - started) * 1000)
    scores = filled.vectors @ vector
    np.argpartition(scores, -NEAREST)[-NEAREST:]
    times.floor.append((time.perf_counter() - started) * 1000)
    return vector


def _make_figures(size: int, n: str, times: Times) -> list[Figure]:
    p50, floor, p95 = find_median(times.context), find_median(times.floor), find_percentile(times.context, 0.95)
    health, empty, engine = find_median(times.health), find_median(times.empty), find_median(times.engine)
    embedding = find_median(times.embedding) if times.embedding else 0.0
    rest = p50 - empty - embedding - engine
    shares = (
        f"transport {health:.1f}, authorization {empty - health:.1f}, embedding {embedding:.1f}, "
        f"engine {engine:.1f}, rest {rest:.1f} ms"
    )
    return [
        Figure(
            f"recall p50 at {size:,}",
            f"{p50:.1f} ms",
            n,
            f"floor {floor:.1f} ms; {p50 - floor:+.1f} ms",
            f"floor + {ALLOWED[size]:.0f} ms",
            p50 <= floor + ALLOWED[size],
        ),
        Figure(
            f"recall p95 at {size:,}",
            f"{p95:.1f} ms",
            n,
            f"floor's own p95/p50 {find_percentile(times.floor, 0.95) / floor:.1f}" if floor > 0.1 else "",
            f"≤ {SPREAD:.0f} x p50",
            p95 <= SPREAD * p50,
        ),
        Figure(f"its shares at {size:,}", shares, "p50 of each"),
    ]


def _load_embedder() -> Embed | None:
    from server.store.embedding.models.loaded_model import Embedder  # noqa: PLC0415 - only after ROOT is importable
    from server.store.embedding.models.model_folder import find_model, find_model_folder  # noqa: PLC0415 - as above

    model = find_model(MODELS, "auto")
    if model is None:
        return None
    embedder = Embedder(find_model_folder(MODELS, model.name), model, 0)
    return lambda text: embedder.embed_query(text).whole


def _time_engine_alone(
    site: Site, filled: Filled, queries: list[str], vectors: list[NDArray[np.float32]], times: Times
) -> None:
    """The engine's own search, as a recall asks for it, on the shard that the server has left behind."""
    from server.memory.recall.question import Question  # noqa: PLC0415 - only after ROOT is importable
    from server.store.projection.placement import name_collection  # noqa: PLC0415 - as above
    from server.store.search.edge.engine import EdgeEngine  # noqa: PLC0415 - as above
    from server.store.search.seam import Query, SparseVector  # noqa: PLC0415 - as above
    from tools.recall.model import CANDIDATES  # noqa: PLC0415 - as above
    from tools.recall.workspace_search import KEYS  # noqa: PLC0415 - as above

    async def search() -> None:
        engine = EdgeEngine(site.folder / "shards", max_open=1)
        dims = filled.vectors.shape[1] if filled.generation else 0
        collection = name_collection(filled.id, filled.generation, dims)
        for text, vector in zip(queries, vectors, strict=True):
            ids = Question(text).term_ids
            words = SparseVector(ids, [1.0] * len(ids))
            query = Query(vector if dims else None, words, CANDIDATES, keys=KEYS)
            started = time.perf_counter()
            found = await engine.search_points(collection, query)
            times.engine.append((time.perf_counter() - started) * 1000)
            assert found.text
        await engine.close()

    asyncio.run(search())
    del times.engine[:TURN]


def _describe_memory(process: Process) -> str:
    resident, anonymous = process.megabytes()
    return f"{resident} MB, {anonymous} of it anonymous"
