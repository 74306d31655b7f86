"""Our words in the Qdrant client's: filters, points and queries, and how they come back.

The tenant's filter is part of every filter made here, and there is no other way to make one.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
from qdrant_client import models

from server.store.search.points import INDEXED_KEYS, REVISION, WORKSPACE
from server.store.search.seam import Collection, FieldMatch, Filter, Hit, Point, Query, SparseVector

ID = "_id"
"""The payload key that holds a memory's own id where the point has the tenant's."""


def ours(collection: Collection) -> models.Filter:
    """Every point of the collection, or of the tenant."""
    return models.Filter(must=_tenant(collection))


def these(collection: Collection, ids: Sequence[str]) -> models.Filter:
    """The points of these ids, where they are the collection's or the tenant's."""
    return models.Filter(must=[models.HasIdCondition(has_id=_point_ids(collection, ids)), *_tenant(collection)])


def upserts(collection: Collection, points: list[Point]) -> list[models.UpdateOperation]:
    """One operation for each revision, that leaves higher ones and other tenants' points alone."""
    by_revision: dict[int, list[models.PointStruct]] = {}
    for point in points:
        by_revision.setdefault(point.revision, []).append(_struct(collection, point))
    return [
        models.UpsertOperation(upsert=models.PointsList(points=some, update_filter=_not_above(collection, revision)))
        for revision, some in by_revision.items()
    ]


def patches(collection: Collection, patches: dict[str, dict[str, Any]]) -> list[models.UpdateOperation]:
    """One operation for each id, by a filter: an id that is not there then is no error."""
    return [
        models.SetPayloadOperation(set_payload=models.SetPayload(payload=patch, filter=these(collection, [id_])))
        for id_, patch in patches.items()
    ]


def requests(collection: Collection, query: Query) -> list[models.QueryRequest]:
    """The dense arm's two questions, where it is asked, and then the text arm's one."""
    asked: list[tuple[str, Any, models.SearchParams | None, float | None]] = []
    least_text, least_dense = query.floors or (None, None)
    if query.dense is not None:
        vector: list[float] = query.dense.tolist()
        asked += [("dense", vector, None, least_dense), ("windows", [vector], None, least_dense)]
    if has_text(query):
        asked.append(("text", _sparse(cast("SparseVector", query.text)), _rarity(collection), least_text))
    where = _where(collection, query.filter)
    keys = True if query.keys is None else [*query.keys, WORKSPACE, ID]
    return [
        models.QueryRequest(
            query=models.NearestQuery(nearest=vector),
            using=using,
            filter=where,
            params=params,
            limit=query.limit,
            with_payload=keys,
            score_threshold=least,
        )
        for using, vector, params, least in asked
    ]


def best_for(collection: Collection, terms: Sequence[int]) -> list[models.QueryRequest]:
    """For each term, the point that it matters most in, and that point's text vector."""
    return [
        models.QueryRequest(
            query=models.NearestQuery(nearest=models.SparseVector(indices=[term], values=[1.0])),
            using="text",
            filter=_where(collection, Filter()),
            params=_rarity(collection),
            limit=1,
            with_payload=False,
            with_vector=["text"],
        )
        for term in terms
    ]


def text_of(record: models.Record | models.ScoredPoint) -> SparseVector:
    """A point's text vector; empty where it has none."""
    text = cast("dict[str, Any]", record.vector or {}).get("text")
    return SparseVector(text.indices, text.values) if text is not None else SparseVector([], [])


def has_text(query: Query) -> bool:
    """Whether the query's text arm has anything to ask."""
    return query.text is not None and bool(query.text.indices)


def hits(scored: list[models.ScoredPoint]) -> list[Hit]:
    """An arm's answer."""
    return [Hit(memory_id(one), one.score, payload(one)) for one in scored]


def point(record: models.Record) -> Point:
    """A point as it was stored, its vector at unit length, without its windows."""
    dense = cast("dict[str, Any]", record.vector or {}).get("dense")
    return Point(
        id=memory_id(record),
        revision=(record.payload or {})[REVISION],
        text=text_of(record),
        payload=payload(record),
        dense=np.array(dense, dtype=np.float32) if dense is not None else None,
    )


def memory_id(record: models.Record | models.ScoredPoint) -> str:
    """The memory's own id."""
    return str((record.payload or {}).get(ID, record.id))


def vectors(collection: Collection) -> dict[str, models.VectorParams]:
    """The dense vectors that the collection is made with; none where it has no dimensions."""
    if not collection.dims:
        return {}
    cosine = models.Distance.COSINE
    best_part = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    return {
        "dense": models.VectorParams(size=collection.dims, distance=cosine),
        "windows": models.VectorParams(size=collection.dims, distance=cosine, multivector_config=best_part),
    }


def indexes(collection: Collection) -> dict[str, models.KeywordIndexParams]:
    """The payload indexes that the collection needs, by key."""
    keyword = models.KeywordIndexType.KEYWORD
    wanted = {key: models.KeywordIndexParams(type=keyword) for key in INDEXED_KEYS}
    if collection.tenant is not None:
        wanted[WORKSPACE] = models.KeywordIndexParams(type=keyword, is_tenant=True)
    return wanted


def dims(info: models.CollectionInfo) -> int:
    """The dimensions of the dense vector that a collection was made with, 0 where it has none."""
    made_with = info.config.params.vectors
    dense = made_with.get("dense") if isinstance(made_with, dict) else None
    return dense.size if dense is not None else 0


def _tenant(collection: Collection) -> list[models.Condition]:
    if collection.tenant is None:
        return []
    return [models.FieldCondition(key=WORKSPACE, match=models.MatchValue(value=collection.tenant))]


def _not_above(collection: Collection, revision: int) -> models.Filter:
    return models.Filter(
        must=[models.FieldCondition(key=REVISION, range=models.Range(lte=revision)), *_tenant(collection)]
    )


def _where(collection: Collection, where: Filter) -> models.Filter | None:
    conditions = [*_tenant(collection), *_all(where.must)]
    if where.either:
        conditions.append(models.Filter(should=[models.Filter(must=_all(branch)) for branch in where.either]))
    return models.Filter(must=conditions) if conditions else None


def _all(matches: Sequence[FieldMatch]) -> list[models.Condition]:
    return [models.FieldCondition(key=match.key, match=models.MatchAny(any=list(match.any_of))) for match in matches]


def _rarity(collection: Collection) -> models.SearchParams | None:
    # Counted over all tenants, a word's rarity would tell one what the others write about.
    if collection.tenant is None:
        return None
    return models.SearchParams(idf=models.IdfCorpusParams(corpus=ours(collection)))


def _struct(collection: Collection, point: Point) -> models.PointStruct:
    vectors: dict[str, Any] = {}
    if point.dense is not None:
        vectors["dense"] = point.dense.tolist()
    if point.windows is not None:
        vectors["windows"] = point.windows.tolist()
    if point.text.indices:
        vectors["text"] = _sparse(point.text)
    payload = {**point.payload, REVISION: point.revision}
    if collection.tenant is not None:
        payload |= {ID: point.id, WORKSPACE: collection.tenant}
    return models.PointStruct(id=_point_ids(collection, [point.id])[0], vector=vectors, payload=payload)


def _sparse(sparse: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=sparse.indices, values=sparse.values)


def payload(record: models.Record | models.ScoredPoint) -> dict[str, Any]:
    """What a point carries, without the keys that are the engine's own."""
    return {key: value for key, value in (record.payload or {}).items() if key not in (ID, REVISION)}


def _point_ids(collection: Collection, ids: Sequence[str]) -> list[int | str | UUID]:
    if collection.tenant is None:
        return list(ids)
    return [str(uuid5(_namespace(collection.tenant), id_)) for id_ in ids]


@lru_cache(maxsize=1024)
def _namespace(tenant: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"loci:{tenant}")
