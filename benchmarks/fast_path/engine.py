"""The tricks of the fast path that lie in what a point holds and in how the embedded engine is asked.

Not a benchmark by itself: see `fast_path.py`. Three small collections hold the same memories in different forms, and a
large one has made-up vectors. The memories' texts and embeddings are real if they are there, else made up.
"""

import asyncio
import os
import pickle
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any
from uuid import UUID

import numpy as np
from helpers.ab import AsyncWay, Trick, compare_async_ways
from helpers.common import Words, find_median, make_chance, read_texts
from helpers.filling import CLUSTERS, NO_MODEL_DIMS, STORED
from numpy.typing import NDArray
from qdrant_edge import EdgeShard, QuantizationSearchParams, QueryBatchRequest, QueryRequest, SearchParams
from qdrant_edge import Query as EdgeQuery

from server.memory.models import Memory
from server.memory.recall.question import Question
from server.memory.text import build_search_text, weigh_terms
from server.store.projection.points.payload import StoredTraits, build_payload
from server.store.projection.rarities import Rarities
from server.store.search.edge.engine import EdgeEngine
from server.store.search.edge.shard_files import close_shard, load_shard
from server.store.search.edge.turns import TurnLock
from server.store.search.seam import Collection, FieldMatch, Filter, FoundPoints, Point, Query, SparseVector
from tools.recall.model import CANDIDATES
from tools.recall.workspace_search import KEYS

MEMORIES = 500
MANY = 10_000
ASKED = 20
AT_ONCE = 50
OPENED = 5
MESSAGE_WORDS = 30
#: The names of values that a point of the product holds within a string.
APART = {name: f"trait_{name}" for name in StoredTraits._fields}

Vectors = NDArray[np.float32]
Embed = Callable[[list[str]], Vectors]
Shape = Callable[[Memory], dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """An engine, and the questions that it is asked."""

    engine: EdgeEngine
    queries: list[Query]

    def make_recall(
        self,
        collection: Collection,
        keys: tuple[str, ...] | None,
        read: Callable[[FoundPoints], object],
    ) -> AsyncWay:
        """Return a way that searches for the next question and reads the points."""
        queries = cycle([replace(query, keys=keys) for query in self.queries])

        async def search() -> None:
            read(await self.engine.search_points(collection, next(queries)))

        return search


async def measure_engine(folder: Path, embed: Embed | None) -> list[Trick]:
    """Return every trick of this file."""
    engine = EdgeEngine(folder, max_open=8)
    texts, _ = read_texts(MEMORIES)
    memories = [_make_memory(place, text) for place, text in enumerate(texts)]
    vectors = _make_vectors(MEMORIES) if embed is None else embed(texts)
    dims = vectors.shape[1]
    product, traits = (Collection(name, dims) for name in ("product", "traits"))
    await _fill_collection(engine, product, memories, vectors, _build_product_payload)
    await _fill_collection(engine, traits, memories, vectors, _build_apart_payload)
    words, chance = Words(seed=23), make_chance(29)
    questions = [words.make_query(chance.choice(texts)) for _ in range(ASKED)]
    asked = vectors[:ASKED] if embed is None else embed(questions)
    queries = [_make_query(*each) for each in zip(questions, asked, strict=True)]
    bench = Bench(engine, queries)
    tricks = [*await _compare_payloads(bench, product, traits), await _compare_rarities(engine, product)]
    large = Collection("large", NO_MODEL_DIMS)
    vectors = _make_vectors(MANY)
    await _fill_collection(
        engine, large, [_make_memory(place, "") for place in range(MANY)], vectors, _build_filter_payload
    )
    tricks.append(await _compare_index(engine, large))
    await engine.close()
    opened = load_shard(folder / large.name, large)
    tricks += [await _compare_codes(opened.shard, vectors), await _compare_turns(opened.shard, vectors)]
    close_shard(opened, keep=False)
    return [*tricks, _compare_reading_ahead(folder / large.name, large, vectors)]


async def _compare_payloads(bench: Bench, product: Collection, traits: Collection) -> list[Trick]:
    found = [await bench.engine.search_points(product, replace(query, keys=KEYS)) for query in bench.queries]
    points = sum(len({point.id for point in [*each.dense, *each.text]}) for each in found) // len(found)
    unit = f"recall of {points} points"
    of_product = bench.make_recall(product, KEYS, _decode_traits)
    apart = bench.make_recall(traits, ("access_count", *APART.values()), _read_traits)
    needed = bench.make_recall(product, KEYS, _count_points)
    every = bench.make_recall(product, None, _count_points)
    sent, all_sent = bench.make_recall(product, KEYS, _send_points), bench.make_recall(product, None, _send_points)
    calls = len(bench.queries)
    return [
        await compare_async_ways("traits in one string", unit, of_product, apart, calls=calls, turns=40),
        await compare_async_ways("only the payload that is needed", unit, needed, every, calls=calls, turns=40),
        await compare_async_ways("the same from an engine process", unit, sent, all_sent, calls=calls, turns=40),
    ]


def _count_points(found: FoundPoints) -> int:
    """Return the number of points. Nothing more is read."""
    return len(found.dense) + len(found.text)


def _send_points(found: FoundPoints) -> object:
    return pickle.loads(pickle.dumps(found))  # noqa: S301 - our own


def _list_payloads(found: FoundPoints) -> list[dict[str, Any]]:
    return list({point.id: point.payload for point in [*found.dense, *found.text]}.values())


def _decode_traits(found: FoundPoints) -> object:
    return [StoredTraits.decode(each["traits"]) for each in _list_payloads(found)]


def _read_traits(found: FoundPoints) -> object:
    return [StoredTraits(*[each.get(name) for name in APART.values()]) for each in _list_payloads(found)]  # pyright: ignore[reportArgumentType] - as stored


async def _compare_rarities(engine: EdgeEngine, collection: Collection) -> Trick:
    message = Words(seed=31).text(MESSAGE_WORDS, MESSAGE_WORDS)
    terms = Question(message).term_ids
    known = Rarities(1, MEMORIES)

    def ask(rarities: Callable[[], Rarities]) -> AsyncWay:
        async def read() -> None:
            await rarities().find_rarities(engine, collection, terms)

        return read

    quick, plain = ask(lambda: known), ask(lambda: Rarities(1, MEMORIES))
    return await compare_async_ways("rarities remembered", f"recall for {len(terms)} words", quick, plain)


async def _compare_index(engine: EdgeEngine, collection: Collection) -> Trick:
    vectors = _make_vectors(ASKED)

    def ask(key: str) -> AsyncWay:
        queries = cycle(
            [Query(vectors[n], None, CANDIDATES, Filter((FieldMatch(key, (f"{n}",)),))) for n in range(ASKED)]
        )

        async def search() -> None:
            await engine.search_points(collection, next(queries))

        return search

    quick, plain = ask("type"), ask("author")  # with the same values, and only one has an index
    return await compare_async_ways(
        "an index for filters", f"filtered search of {MANY:,}", quick, plain, calls=5, turns=3
    )


async def _compare_codes(shard: EdgeShard, vectors: Vectors) -> Trick:
    def ask(params: QuantizationSearchParams) -> AsyncWay:
        requests = cycle([_make_request(vector, params) for vector in vectors[:ASKED]])

        async def search() -> None:
            shard.query_batch(next(requests))

        return search

    quick = ask(QuantizationSearchParams(rescore=True, oversampling=3.0))
    plain = ask(QuantizationSearchParams(ignore=True))
    return await compare_async_ways("codes of 4 bits", f"search of {MANY:,}", quick, plain, calls=ASKED)


def _make_request(vector: Vectors, params: QuantizationSearchParams) -> QueryBatchRequest:
    query = EdgeQuery.Nearest([vector.tolist()], using="dense")
    return QueryBatchRequest([QueryRequest(CANDIDATES, query=query, params=SearchParams(quantization=params))])


async def _compare_turns(shard: EdgeShard, vectors: Vectors) -> Trick:
    """Return the longest time that the loop is held while fifty searches become ready together."""
    requests = [_make_request(vector, QuantizationSearchParams(ignore=True)) for vector in vectors[:AT_ONCE]]

    async def time_longest_hold(turns: AbstractAsyncContextManager[object]) -> float:
        async def search(request: QueryBatchRequest) -> None:
            async with turns:
                shard.query_batch(request)

        longest, seen = 0.0, time.thread_time()
        tasks = asyncio.gather(*[search(request) for request in requests])
        while not tasks.done():
            await asyncio.sleep(0)
            longest, seen = max(longest, time.thread_time() - seen), time.thread_time()
        return longest * 1e6

    quick, plain = [], []
    for _ in range(OPENED):
        quick.append(await time_longest_hold(TurnLock()))
        plain.append(await time_longest_hold(nullcontext()))
    unit = f"longest hold by {AT_ONCE} searches"
    return Trick(
        "turns of the loop", unit, find_median(quick), find_median(plain), OPENED, saves=25_000
    )  # 28 November: 25 ms


def _compare_reading_ahead(path: Path, collection: Collection, vectors: Vectors) -> Trick:
    """Compare the first searches in a shard whose files are not in the system's cache: this is about waiting."""
    spent: dict[str, list[tuple[float, int]]] = {"quick": [], "plain": []}
    for _ in range(OPENED):
        for name in ("quick", "plain"):
            _drop_cached(path)
            opened = load_shard(path, collection) if name == "quick" else None
            shard = EdgeShard.load(str(path)) if opened is None else opened.shard
            started, faults = time.perf_counter(), getrusage(RUSAGE_SELF).ru_majflt
            for vector in vectors[:ASKED]:
                shard.query_batch(_make_request(vector, QuantizationSearchParams(rescore=True, oversampling=3.0)))
            took = (time.perf_counter() - started) * 1e6
            spent[name].append((took, getrusage(RUSAGE_SELF).ru_majflt - faults))
            if opened is None:
                shard.close()
            else:
                close_shard(opened, keep=False)
    quick, plain = (find_median([took for took, _ in spent[name]]) for name in ("quick", "plain"))
    waits = [f"{find_median([waits for _, waits in spent[name]]):.0f}" for name in ("quick", "plain")]
    name = f"read ahead ({waits[0]} pages waited for; plain {waits[1]})"
    # shard_files.py: the first search takes 1 instead of 30 ms, the next ones 0.3 instead of 3.5.
    return Trick(name, f"first {ASKED} searches, by the clock", quick, plain, OPENED, saves=90_000)


def _drop_cached(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as raw:
                os.fsync(raw.fileno())
                os.posix_fadvise(raw.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _make_memory(place: int, text: str) -> Memory:
    at = STORED + timedelta(minutes=place)
    return Memory(
        id=_make_id(place),
        content=text,
        type="observation",
        tags=[f"tag{place % 20}"],
        scope="global",
        author=f"author{place % 7}",
        session=f"session{place // 20}",
        occurred_at=at,
        created_at=at,
        updated_at=at,
        linkages=[],
        relevance=1.0,
        access_count=0,
        consolidated=0,
        metadata={},
    )


def _make_id(place: int) -> str:
    return str(UUID(int=(place + 1) << 80, version=4))


def _list_before(memory: Memory) -> list[str]:
    place = (UUID(memory.id).int >> 80) - 1
    return [_make_id(place - back) for back in (1, 2) if place >= back]


def _build_product_payload(memory: Memory) -> dict[str, Any]:
    return build_payload(memory, _list_before(memory))


def _build_apart_payload(memory: Memory) -> dict[str, Any]:
    held = _build_product_payload(memory)
    traits = StoredTraits.decode(held.pop("traits"))
    values = {APART[name]: value for name, value in traits._asdict().items() if value is not None}
    return held | values | {APART["before"]: list(traits.before)}


def _build_filter_payload(memory: Memory) -> dict[str, Any]:
    kind = str(((UUID(memory.id).int >> 80) - 1) % ASKED)
    return _build_product_payload(memory) | {"type": kind, "author": kind}


def _make_vectors(count: int) -> Vectors:
    """Return vectors that lie together as embeddings do."""
    chance = np.random.default_rng(11)
    centres = chance.standard_normal((CLUSTERS, NO_MODEL_DIMS), dtype=np.float32)
    vectors = centres[chance.integers(0, CLUSTERS, count)]
    vectors += chance.standard_normal((count, NO_MODEL_DIMS), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


async def _fill_collection(
    engine: EdgeEngine, collection: Collection, memories: Sequence[Memory], vectors: Vectors, shape: Shape
) -> None:
    await engine.open_collection(collection)
    points = [
        Point(
            memory.id,
            place + 1,
            SparseVector(*weigh_terms(build_search_text(memory, []))) if memory.content else SparseVector([], []),
            shape(memory),
            vector,
        )
        for place, (memory, vector) in enumerate(zip(memories, vectors, strict=True))
    ]
    await engine.upsert_points(collection, points)
    await engine.flush_collection(collection)


def _make_query(question: str, vector: Vectors) -> Query:
    ids = Question(question).term_ids
    return Query(vector, SparseVector(ids, [1.0] * len(ids)), CANDIDATES, keys=KEYS)
