"""The embedded engine: Qdrant's own segments in this process, a shard for each collection.

Its calls hold the interpreter and mostly take less than a millisecond, so they are made on the event
loop, one for each of its turns, and large writes in slices; only what works on files goes to a thread.
Two vectors stand for a memory's meaning, `dense` for the whole and `windows` for the parts of a long
text; a query over `windows` costs 5 µs where no point has them, so it is always asked.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from qdrant_edge import (
    CountRequest,
    EdgeShard,
    FieldCondition,
    KeywordIndexParams,
    MatchAny,
    QuantizationSearchParams,
    QueryBatchRequest,
    QueryRequest,
    RangeFloat,
    Record,
    ScoredPoint,
    ScrollRequest,
    SearchParams,
    UpdateOperation,
)
from qdrant_edge import Filter as EdgeFilter
from qdrant_edge import Memory as Placement
from qdrant_edge import Point as EdgePoint
from qdrant_edge import Query as EdgeQuery
from qdrant_edge import SparseVector as EdgeSparseVector

from server.store.search import checks
from server.store.search.edge.shard_files import call, free_bytes
from server.store.search.edge.shards import Shards
from server.store.search.edge.turns import Turns
from server.store.search.points import INDEXED_KEYS, REVISION, WORKSPACE, nearest, ordered, rarity
from server.store.search.seam import Collection, EngineDown, FieldMatch, Filter, Hit, Hits, Point, Query, SparseVector

T = TypeVar("T")

INDEXED_FROM = 2_000
"""Points from which on a filter by one of `INDEXED_KEYS` costs more without an index (2 µs a point) than with one."""

_SLICE = 64
_TOUCHED = 16  # points patched in one turn: half a millisecond
_PAGE = 2_000
_EXACT = SearchParams(exact=True)
# The nearest by the codes of four bits, three times as many as are asked for, and of these by the vectors themselves.
_NEAREST = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=3.0))


class EdgeEngine:
    """The `Engine` for one process and one folder; the caller owns the folder (`owner.Owner`).

    Args:
        folder: holds one folder per collection; made where it is not there.
        max_open: how many shards may be open at once; the least recently used is flushed and closed for another.
        free_bytes: tells how many bytes are free on a folder's disk; below 64 MiB writes are refused.
        owns: whether a collection is this engine's, by its name, where several processes share the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_open: int,
        free_bytes: Callable[[Path], int] = free_bytes,
        owns: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._shards = Shards(folder, max_open, free_bytes, owns)
        self._turns = Turns()

    async def open(self, collection: Collection) -> bool:
        _check(collection)
        return await self._shards.make(collection)

    async def exists(self, collection: Collection) -> bool:
        _check(collection)
        return self._shards.exists(collection.name)

    async def upsert(self, collection: Collection, points: list[Point]) -> None:
        # In slices: a failure in one leaves those before it written.
        _check(collection)
        checks.check_points(collection, points)
        async with self._shards.pinned(collection) as shard:
            if shard is None:
                raise EngineDown(f"the collection {collection.name} is not there")
            for some in _slices(points):
                async with self._turns:
                    self._shards.check_space()
                    _write(shard, some)
            _index(shard)

    async def delete(self, collection: Collection, ids: list[str]) -> None:
        _check(collection)
        checks.check_ids(ids)
        async with self._shards.pinned(collection) as shard:
            if shard is not None:
                self._shards.check_space()
                call(shard.update, UpdateOperation.delete_points(list(ids)))

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        # In slices, as `upsert`.
        _check(collection)
        checks.check_ids(patches)
        for patch in patches.values():
            checks.check_payload(patch)
        async with self._shards.pinned(collection) as shard:
            if shard is None:
                return
            for some in _slices(list(patches), _TOUCHED):
                async with self._turns:
                    self._shards.check_space()
                    # One id that is not there fails the call with half of it done, so those are left out.
                    for record in call(shard.retrieve, cast("list[Any]", some), False, False):
                        id_ = str(record.id)
                        call(shard.update, UpdateOperation.set_payload([id_], patches[id_]))

    async def search(self, collection: Collection, query: Query) -> Hits:
        _check(collection)
        checks.check_query(collection, query)
        async with self._shards.pinned(collection) as shard:
            if shard is None:
                return Hits([], [])
            asked = _requests(query)
            async with self._turns:
                answers = call(shard.query_batch, QueryBatchRequest(asked)) if asked else []
                text = ordered(_hits(answers.pop())) if _has_text(query) else []
                dense = nearest(_hits(answers[0]), _hits(answers[1]), query.limit) if answers else []
        checks.check_owner(collection, (hit.payload for hit in [*dense, *text]))
        return Hits(dense, text)

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        _check(collection)
        async with self._shards.pinned(collection) as shard:
            if shard is None or not terms:
                return [None] * len(terms)
            asked = [_best_for(term) for term in terms]
            async with self._turns:
                answers = call(shard.query_batch, QueryBatchRequest(asked))
        return [
            rarity(term, best[0].score, _text(best[0].vector)) if best else None
            for term, best in zip(terms, answers, strict=True)
        ]

    async def read_points(self, collection: Collection) -> list[Point]:
        _check(collection)
        vectors = ["dense", "text"] if collection.dims else ["text"]
        points: list[Point] = []
        async with self._shards.pinned(collection) as shard:
            offset = None
            while shard is not None:
                request = ScrollRequest(offset=offset, limit=_PAGE, with_payload=True, with_vector=vectors)
                async with self._turns:
                    records, offset = call(shard.scroll, request)
                points += map(_point, records)
                if offset is None:
                    break
        checks.check_owner(collection, (point.payload for point in points))
        return points

    async def count(self, collection: Collection) -> int:
        _check(collection)
        async with self._shards.pinned(collection) as shard:
            # Without a filter the estimate is the number itself, and an exact count would visit every point.
            return 0 if shard is None else call(shard.count, CountRequest(exact=False))

    async def flush(self, collection: Collection) -> None:
        _check(collection)
        await self._shards.flush(collection)

    async def drop(self, collection: Collection) -> None:
        _check(collection)
        await self._shards.drop(collection.name)

    async def list_names(self) -> set[str]:
        return await self._shards.names()

    async def ping(self) -> None:
        self._shards.check()
        self._shards.check_space()

    async def close(self) -> None:
        await self._shards.close()


def _check(collection: Collection) -> None:
    checks.check_collection(collection)
    if collection.tenant is not None:
        raise ValueError("the embedded engine gives each workspace a collection of its own")


def _slices(items: list[T], size: int = _SLICE) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _write(shard: EdgeShard, points: list[Point]) -> None:
    """Upsert, a revision at a time, whatever does not replace a higher one; after a failure none of them is there."""
    by_revision: dict[int, list[EdgePoint]] = {}
    for point in points:
        by_revision.setdefault(point.revision, []).append(_edge_point(point))
    try:
        for revision, some in by_revision.items():
            not_above = EdgeFilter(must=[FieldCondition(REVISION, range=RangeFloat(lte=revision))])
            call(shard.update, UpdateOperation.upsert_points(some, condition=not_above))
    except EngineDown:
        # What was refused is in the log already and would come back, half applied, at the next load.
        with contextlib.suppress(EngineDown):
            call(shard.update, UpdateOperation.delete_points([point.id for point in points]))
            call(shard.flush)
        raise


def _index(shard: EdgeShard) -> None:
    info = call(shard.info)
    if info.points_count >= INDEXED_FROM:
        for key in INDEXED_KEYS:
            if key not in info.payload_schema:
                schema = KeywordIndexParams(memory=Placement.Cold)
                call(shard.update, UpdateOperation.create_field_index(key, schema))


def _edge_point(point: Point) -> EdgePoint:
    vectors: dict[str, Any] = {}
    if point.dense is not None:
        vectors["dense"] = point.dense.tolist()
    if point.windows is not None:
        vectors["windows"] = point.windows.tolist()
    if point.text.indices:
        vectors["text"] = EdgeSparseVector(point.text.indices, point.text.values)
    return EdgePoint(point.id, vectors, {**point.payload, REVISION: point.revision})


def _point(record: Record) -> Point:
    payload = record.payload or {}
    vectors = cast("dict[str, Any]", record.vector or {})
    dense = vectors.get("dense")
    return Point(
        id=str(record.id),
        revision=payload.pop(REVISION),
        text=_text(vectors),
        payload=payload,
        dense=np.array(dense, dtype=np.float32) if dense is not None else None,
    )


def _has_text(query: Query) -> bool:
    return query.text is not None and bool(query.text.indices)


def _requests(query: Query) -> list[QueryRequest]:
    """The dense arm's two questions, where it is asked, and then the text arm's one."""
    asked: list[tuple[EdgeQuery, SearchParams, float | None]] = []
    least_text, least_dense = query.floors or (None, None)
    if query.dense is not None:
        vector: list[float] = query.dense.tolist()
        asked.append((EdgeQuery.Nearest(vector, using="dense"), _NEAREST, least_dense))
        asked.append((EdgeQuery.Nearest([vector], using="windows"), _EXACT, least_dense))
    if query.text is not None and query.text.indices:
        text = EdgeSparseVector(query.text.indices, query.text.values)
        asked.append((EdgeQuery.Nearest(text, using="text"), _EXACT, least_text))
    where = _filter(query.filter)
    keys = True if query.keys is None else [*query.keys, WORKSPACE]
    return [
        QueryRequest(query.limit, query=one, filter=where, with_payload=keys, params=params, score_threshold=least)
        for one, params, least in asked
    ]


def _best_for(term: int) -> QueryRequest:
    alone = EdgeQuery.Nearest(EdgeSparseVector([term], [1.0]), using="text")
    return QueryRequest(1, query=alone, with_payload=False, with_vector=["text"])


def _text(vectors: Any) -> SparseVector:
    text: Any = cast("dict[str, Any]", vectors or {}).get("text")
    return SparseVector(text.indices, text.values) if text is not None else SparseVector([], [])


def _filter(where: Filter) -> EdgeFilter | None:
    conditions: list[Any] = _all(where.must)
    if where.either:
        conditions.append(EdgeFilter(should=[EdgeFilter(must=_all(branch)) for branch in where.either]))
    return EdgeFilter(must=conditions) if conditions else None


def _all(matches: Sequence[FieldMatch]) -> list[Any]:
    return [FieldCondition(match.key, match=MatchAny(list(match.any_of))) for match in matches]


def _hits(scored: list[ScoredPoint]) -> list[Hit]:
    hits = [Hit(str(one.id), one.score, one.payload or {}) for one in scored]
    for hit in hits:
        hit.payload.pop(REVISION, None)
    return hits
