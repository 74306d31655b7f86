"""The embedded engine: Qdrant's own segments in this process, a shard for each collection.

Its calls hold the interpreter and mostly take less than a millisecond, so they are made on the event
loop, one for each of its turns, and large writes in slices. Only the work on files is done in a thread.
"""

import contextlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from qdrant_edge import (
    CountRequest,
    EdgeShard,
    FieldCondition,
    KeywordIndexParams,
    RangeFloat,
    Record,
    ScrollRequest,
    UpdateOperation,
)
from qdrant_edge import Filter as EdgeFilter
from qdrant_edge import Memory as Placement
from qdrant_edge import Point as EdgePoint
from qdrant_edge import SparseVector as EdgeSparseVector

from server.store.search import checks
from server.store.search.edge.searches import make_rarity_request, search_shard, send_batch
from server.store.search.edge.shard_files import OpenShard, call_engine, count_free_bytes, read_engine
from server.store.search.edge.shards import Shards
from server.store.search.edge.turns import TurnLock
from server.store.search.query_arms import INDEXED_KEYS, REVISION, compute_idf, group_by_revision, read_dense, read_text
from server.store.search.seam import Collection, EngineDown, FoundPoints, Point, Query, UnusableCollection

T = TypeVar("T")

INDEXED_FROM = 2_000
"""From this number of points, a filter by one of `INDEXED_KEYS` costs more without an index (2 µs a point)."""

_SLICE = 64
_PATCHES_A_TURN = 16  # points patched in one turn: half a millisecond
_PAGE = 2_000


class EdgeEngine:
    """The `Engine` for one process and one folder; the caller owns the folder (`owner.FolderOwnership`).

    Args:
        folder: the folder of the collections' folders; made if it is not there.
        max_open: the most shards that may be open; for another, the least recently used is flushed and closed.
        count_free_bytes: returns the bytes free on a folder's disk; below 64 MiB writes are refused.
        is_ours: whether a collection is this engine's, by its name, if several processes share the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_open: int,
        count_free_bytes: Callable[[Path], int] = count_free_bytes,
        is_ours: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._shards = Shards(folder, max_open, count_free_bytes, is_ours)
        self._turn = TurnLock()

    async def open_collection(self, collection: Collection) -> bool:
        _check_collection(collection)
        return await self._shards.ensure_shard(collection)

    async def has_collection(self, collection: Collection) -> bool:
        _check_collection(collection)
        return self._shards.has_shard(collection.name)

    async def upsert_points(self, collection: Collection, points: list[Point]) -> None:
        # In slices: a failure in one leaves those before it written.
        _check_collection(collection)
        checks.check_points(collection, points)
        async with self._shards.pin(collection) as opened:
            if opened is None:
                raise EngineDown(f"the collection {collection.name} is not there")
            self._shards.check_files(collection.name)
            for batch in _split(points):
                async with self._turn:
                    self._shards.check_space()
                    _write_slice(opened, batch)
            _create_missing_indexes(opened.shard)

    async def delete_points(self, collection: Collection, ids: list[str]) -> None:
        _check_collection(collection)
        checks.check_ids(ids)
        async with self._shards.pin(collection) as opened:
            if opened is not None:
                self._shards.check_files(collection.name)
                self._shards.check_space()
                call_engine(opened.shard.update, UpdateOperation.delete_points(list(ids)))

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        # In slices, as `upsert`.
        _check_collection(collection)
        checks.check_ids(patches)
        for patch in patches.values():
            checks.check_payload(patch)
        async with self._shards.pin(collection) as opened:
            if opened is None:
                return
            for batch in _split(list(patches), _PATCHES_A_TURN):
                async with self._turn:
                    self._shards.check_space()
                    # One id that is not there fails the call with half of it done, so those are left out.
                    for record in read_engine(opened.shard.retrieve, cast("list[Any]", batch), False, False):
                        id_ = str(record.id)
                        call_engine(opened.shard.update, UpdateOperation.set_payload([id_], patches[id_]))

    async def search_points(self, collection: Collection, query: Query) -> FoundPoints:
        _check_collection(collection)
        checks.check_query(collection, query)
        async with self._shards.pin(collection) as opened:
            if opened is None:
                return FoundPoints([], [])
            async with self._turn:
                points = search_shard(opened, query)
        checks.check_owner(collection, (point.payload for point in [*points.dense, *points.text]))
        return points

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        _check_collection(collection)
        async with self._shards.pin(collection) as opened:
            if opened is None or not terms:
                return [None] * len(terms)
            requests = [make_rarity_request(term) for term in terms]
            async with self._turn:
                answers = send_batch(opened, requests)
        return [
            compute_idf(term, best[0].score, read_text(best[0].vector)) if best else None
            for term, best in zip(terms, answers, strict=True)
        ]

    async def read_points(self, collection: Collection) -> list[Point]:
        _check_collection(collection)
        vectors = ["dense", "text"] if collection.dims else ["text"]
        points: list[Point] = []
        async with self._shards.pin(collection) as opened:
            offset = None
            while opened is not None:
                request = ScrollRequest(offset=offset, limit=_PAGE, with_payload=True, with_vector=vectors)
                async with self._turn:
                    records, offset = read_engine(opened.shard.scroll, request)
                points += map(_point_from_record, records)
                if offset is None:
                    break
        checks.check_owner(collection, (point.payload for point in points))
        return points

    async def read_revisions(self, collection: Collection, ids: list[str]) -> dict[str, int]:
        _check_collection(collection)
        checks.check_ids(ids)
        async with self._shards.pin(collection) as opened:
            if opened is None:
                return {}
            records = read_engine(opened.shard.retrieve, cast("list[Any]", ids), True, False)
        return {str(record.id): _take_revision(record.payload or {}) for record in records}

    async def count_points(self, collection: Collection) -> int:
        _check_collection(collection)
        async with self._shards.pin(collection) as opened:
            # Without a filter the estimate is the number itself, and an exact count would visit every point.
            return 0 if opened is None else read_engine(opened.shard.count, CountRequest(exact=False))

    async def flush_collection(self, collection: Collection) -> None:
        _check_collection(collection)
        await self._shards.flush_shard(collection)

    async def drop_collection(self, collection: Collection) -> None:
        _check_collection(collection)
        await self._shards.drop_shard(collection.name)

    async def list_names(self) -> set[str]:
        return await self._shards.list_names()

    async def ping(self) -> None:
        self._shards.check_usable()
        self._shards.check_space()

    async def close(self) -> None:
        await self._shards.close()


def _check_collection(collection: Collection) -> None:
    checks.check_collection(collection)
    if collection.tenant is not None:
        raise ValueError("the embedded engine gives each workspace a collection of its own")


def _split(items: list[T], size: int = _SLICE) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _write_slice(opened: OpenShard, points: list[Point]) -> None:
    """Upsert the points that replace no higher revision, by revision. After a failure, none of them is stored."""
    try:
        for revision, batch in group_by_revision(points).items():
            not_above = EdgeFilter(must=[FieldCondition(REVISION, range=RangeFloat(lte=revision))])
            edge_points = [_make_edge_point(opened, point) for point in batch]
            call_engine(opened.shard.update, UpdateOperation.upsert_points(edge_points, condition=not_above))
    except EngineDown:
        # The refused update may be applied in part. If the shard has a log, it would be so at the next load, too.
        with contextlib.suppress(EngineDown):
            call_engine(opened.shard.update, UpdateOperation.delete_points([point.id for point in points]))
            call_engine(opened.shard.flush)
        raise


def _create_missing_indexes(shard: EdgeShard) -> None:
    info = call_engine(shard.info)
    if info.points_count >= INDEXED_FROM:
        for key in INDEXED_KEYS:
            if key not in info.payload_schema:
                schema = KeywordIndexParams(memory=Placement.Cold)
                call_engine(shard.update, UpdateOperation.create_field_index(key, schema))


def _make_edge_point(opened: OpenShard, point: Point) -> EdgePoint:
    vectors: dict[str, Any] = {}
    if opened.has_windows_apart:
        if point.dense is not None:
            vectors["dense"] = point.dense.tolist()
        if point.windows is not None:
            vectors["windows"] = point.windows.tolist()
    elif dense := _list_vectors(point):
        vectors["dense"] = dense
    if point.text.indices:
        vectors["text"] = EdgeSparseVector(point.text.indices, point.text.values)
    return EdgePoint(point.id, vectors, {**point.payload, REVISION: point.revision})


def _list_vectors(point: Point) -> list[list[float]]:
    """Return the vector of the whole text, if it has one, and those of its windows, each once."""
    vectors: list[list[float]] = [] if point.dense is None else [point.dense.tolist()]
    windows: list[list[float]] = [] if point.windows is None else point.windows.tolist()
    return vectors + [window for window in windows if window not in vectors]


def _point_from_record(record: Record) -> Point:
    payload = record.payload or {}
    return Point(
        id=str(record.id),
        revision=_take_revision(payload),
        text=read_text(record.vector),
        payload=payload,
        dense=read_dense(record.vector),
    )


def _take_revision(payload: dict[str, Any]) -> int:
    """Take a point's revision out of its payload. Without one, the payload was lost: every point is written with it."""
    revision: int | None = payload.pop(REVISION, None)
    if revision is None:
        raise UnusableCollection("a point has no revision")
    return revision
