"""Translates filters, points and queries into those of a Qdrant server, and its answers back.

Each recall and each write sends and reads JSON as the server documents it: with the models of the Qdrant client
a search costs half as much processor time again. All else is in the client's models. Every filter made here contains
the tenant's condition, and filters are made nowhere else.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from qdrant_client import models

from server.store.search.query_arms import (
    INDEXED_KEYS,
    REVISION,
    WORKSPACE,
    VectorSearch,
    compute_idf,
    group_by_revision,
    list_searches,
    read_dense,
    read_text,
)
from server.store.search.seam import Collection, FieldMatch, Filter, FoundPoint, Point, Query, SparseVector

ID = "_id"
"""The payload key of a memory's own id, if the point's id is made for a tenant."""


Json = dict[str, Any]


def make_owner_filter(collection: Collection) -> models.Filter:
    """Make the filter for every point of the collection, or of the tenant."""
    return models.Filter.model_validate(_make_owner_filter(collection))


def make_ids_filter(collection: Collection, ids: Sequence[str]) -> models.Filter:
    """Make the filter for the points with these ids in the collection, or of the tenant."""
    return models.Filter.model_validate(_make_ids_filter(collection, ids))


def make_upserts(collection: Collection, points: list[Point]) -> list[Json]:
    """Return one operation for each revision. It changes no point of a higher revision or of another tenant."""
    operations: list[Json] = []
    for revision, batch in group_by_revision(points).items():
        structs = [_make_struct(collection, point) for point in batch]
        not_above = [{"key": REVISION, "range": {"lte": revision}}, *_make_tenant_conditions(collection)]
        operations.append({"upsert": {"points": structs, "update_filter": {"must": not_above}}})
    return operations


def make_patches(collection: Collection, patches: dict[str, Json]) -> list[Json]:
    """Return one operation for each different patch, by a filter, so that an id without a point is no error.

    Most patches are small counts, so many points have the same one.
    """
    ids_by_patch: dict[str, list[str]] = {}
    for id_, patch in patches.items():
        ids_by_patch.setdefault(json.dumps(patch, sort_keys=True), []).append(id_)
    return [
        {"set_payload": {"payload": patches[ids[0]], "filter": _make_ids_filter(collection, ids)}}
        for ids in ids_by_patch.values()
    ]


def make_searches(collection: Collection, query: Query) -> list[Json]:
    """Return the searches of `list_searches`, in its order."""
    query_filter = _make_filter(collection, query.filter)
    keys = True if query.keys is None else [*query.keys, WORKSPACE, ID]
    asked = {"filter": query_filter, "limit": query.limit, "with_payload": keys}
    return [_make_nearest(collection, search) | asked for search in list_searches(query)]


def make_searches_of_ids(collection: Collection, searches: Sequence[VectorSearch]) -> list[Json]:
    """Return searches among the points that they name."""
    keys = [WORKSPACE, ID]
    return [
        _make_nearest(collection, search)
        | {"filter": _make_ids_filter(collection, search.ids), "limit": len(search.ids), "with_payload": keys}
        for search in searches
    ]


def _make_nearest(collection: Collection, search: VectorSearch) -> Json:
    params = _make_idf_params(collection) if search.using == "text" else None
    return {"query": {"nearest": _to_wire_vector(search.vector)}, "using": search.using, "params": params}


def make_rarity_searches(collection: Collection, terms: Sequence[int]) -> list[Json]:
    """Return for each term the search for its best point, with the text vector of that."""
    return [
        {
            "query": {"nearest": {"indices": [term], "values": [1.0]}},
            "using": "text",
            "filter": _make_filter(collection, Filter()),
            "params": _make_idf_params(collection),
            "limit": 1,
            "with_payload": False,
            "with_vector": ["text"],
        }
        for term in terms
    ]


def read_found_points(points: list[Json]) -> list[FoundPoint]:
    """Return the points that one search found."""
    return [_read_found_point(point, point.get("payload") or {}) for point in points]


def _read_found_point(point: Json, payload: Json) -> FoundPoint:
    return FoundPoint(str(payload.get(ID, point["id"])), point["score"], _remove_own_keys(payload))


def read_rarity(term: int, points: list[Json]) -> float | None:
    """Return the idf of a term from the answer to its search; None if no point has it."""
    if not points:
        return None
    (best,) = points
    text = best["vector"]["text"]
    return compute_idf(term, best["score"], SparseVector(text["indices"], text["values"]))


def point_from_record(record: models.Record) -> Point:
    """Return a point as it is stored, its vector at unit length, without its windows."""
    return Point(
        id=find_memory_id(record),
        revision=read_revision(record),
        text=read_text(record.vector),
        payload=read_payload(record),
        dense=read_dense(record.vector),
    )


def find_memory_id(record: models.Record) -> str:
    """Return the memory's own id."""
    return str((record.payload or {}).get(ID, record.id))


def read_revision(record: models.Record) -> int:
    """Return the revision of a stored point."""
    return (record.payload or {})[REVISION]


def make_vector_params(collection: Collection, *, is_on_disk: bool) -> dict[str, models.VectorParams]:
    """Return the parameters of a collection's dense vectors; none if it has no dimensions."""
    if not collection.dims:
        return {}
    dense = models.VectorParams(
        size=collection.dims, distance=models.Distance.COSINE, on_disk=True if is_on_disk else None
    )
    best_part = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    return {"dense": dense, "windows": dense.model_copy(update={"multivector_config": best_part})}


def make_index_params(collection: Collection) -> dict[str, models.KeywordIndexParams]:
    """Return the payload indexes that the collection needs, by key."""
    keyword = models.KeywordIndexType.KEYWORD
    wanted = {key: models.KeywordIndexParams(type=keyword) for key in INDEXED_KEYS}
    if collection.tenant is not None:
        wanted[WORKSPACE] = models.KeywordIndexParams(type=keyword, is_tenant=True)
    return wanted


def find_dims(info: models.CollectionInfo) -> int:
    """Return the dimensions of the dense vectors that a collection was made with; 0 if it has none."""
    made_with = info.config.params.vectors
    dense = made_with.get("dense") if isinstance(made_with, dict) else None
    return dense.size if dense is not None else 0


def _make_tenant_conditions(collection: Collection) -> list[Json]:
    if collection.tenant is None:
        return []
    return [{"key": WORKSPACE, "match": {"value": collection.tenant}}]


def _make_owner_filter(collection: Collection) -> Json:
    return {"must": _make_tenant_conditions(collection)}


def _make_ids_filter(collection: Collection, ids: Sequence[str]) -> Json:
    return {"must": [{"has_id": _make_point_ids(collection, ids)}, *_make_tenant_conditions(collection)]}


def _make_filter(collection: Collection, chosen: Filter) -> Json | None:
    conditions = [*_make_tenant_conditions(collection), *_make_conditions(chosen.must)]
    if chosen.either:
        conditions.append({"should": [{"must": _make_conditions(branch)} for branch in chosen.either]})
    return {"must": conditions} if conditions else None


def _make_conditions(matches: Sequence[FieldMatch]) -> list[Json]:
    return [{"key": match.key, "match": {"any": list(match.any_of)}} for match in matches]


def _make_idf_params(collection: Collection) -> Json | None:
    # Counted over all tenants, a word's rarity would tell one tenant about the texts of the others.
    if collection.tenant is None:
        return None
    return {"idf": {"corpus": _make_owner_filter(collection)}}


def _make_struct(collection: Collection, point: Point) -> Json:
    vectors: Json = {}
    if point.dense is not None:
        vectors["dense"] = point.dense.tolist()
    if point.windows is not None:
        vectors["windows"] = point.windows.tolist()
    if point.text.indices:
        vectors["text"] = _to_wire_vector(point.text)
    payload = {**point.payload, REVISION: point.revision}
    if collection.tenant is not None:
        payload |= {ID: point.id, WORKSPACE: collection.tenant}
    return {"id": _make_point_ids(collection, [point.id])[0], "vector": vectors, "payload": payload}


def _to_wire_vector(vector: Any) -> Any:
    if isinstance(vector, SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    return vector


def read_payload(record: models.Record) -> Json:
    """Return a point's payload without the keys that are the engine's own."""
    return _remove_own_keys(record.payload or {})


def _remove_own_keys(payload: Json) -> Json:
    return {key: value for key, value in payload.items() if key not in (ID, REVISION)}


def _make_point_ids(collection: Collection, ids: Sequence[str]) -> list[str]:
    if collection.tenant is None:
        return list(ids)
    return [str(uuid5(_make_namespace(collection.tenant), id_)) for id_ in ids]


@lru_cache(maxsize=1024)
def _make_namespace(tenant: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"loci:{tenant}")
