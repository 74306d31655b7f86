"""The searches in one open shard: those of a query, and those that tell how rare a word is."""

from collections.abc import Sequence
from typing import Any

from qdrant_edge import (
    FieldCondition,
    HasIdCondition,
    MatchAny,
    QuantizationSearchParams,
    QueryBatchRequest,
    QueryRequest,
    ScoredPoint,
    SearchParams,
)
from qdrant_edge import Filter as EdgeFilter
from qdrant_edge import Query as EdgeQuery
from qdrant_edge import SparseVector as EdgeSparseVector

from server.store.search.edge.shard_files import OpenShard, read_engine
from server.store.search.query_arms import (
    REVISION,
    WORKSPACE,
    VectorSearch,
    add_other_scores,
    list_other_searches,
    list_searches,
    merge_answers,
)
from server.store.search.seam import FieldMatch, Filter, FoundPoint, FoundPoints, Query, SparseVector

_EXACT = SearchParams(exact=True)
# The nearest by the codes of four bits, three times as many as are asked for, and of these by the vectors themselves.
_NEAREST = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=3.0))


def search_shard(opened: OpenShard, query: Query) -> FoundPoints:
    """Return the points that both arms find, with the scores that each has in the other arm."""
    keys = True if query.keys is None else [*query.keys, WORKSPACE]
    searches = _leave_out_windows(opened, list_searches(query))
    requests = [
        QueryRequest(
            query.limit,
            query=_make_nearest(opened, search),
            filter=_make_filter(query.filter),
            with_payload=keys,
            params=_NEAREST if search.using == "dense" else _EXACT,
        )
        for search in searches
    ]
    answers = send_batch(opened, requests)
    found = _merge_found(opened, query, [_read_found_points(each) for each in answers])
    others = _leave_out_windows(opened, list_other_searches(query, found))
    more = send_batch(opened, [_make_request_of_ids(opened, search) for search in others])
    return add_other_scores(found, others, [[(str(one.id), one.score) for one in answer] for answer in more])


def send_batch(opened: OpenShard, requests: list[QueryRequest]) -> list[list[ScoredPoint]]:
    """Return the answer to each request; to none of them, none. Raises as `read_engine` does."""
    return read_engine(opened.shard.query_batch, QueryBatchRequest(requests)) if requests else []


def _leave_out_windows(opened: OpenShard, searches: list[VectorSearch]) -> list[VectorSearch]:
    return [search for search in searches if search.using != "windows" or opened.has_windows_apart]


def _make_request_of_ids(opened: OpenShard, search: VectorSearch) -> QueryRequest:
    return QueryRequest(
        len(search.ids),
        query=_make_nearest(opened, search),
        filter=EdgeFilter(must=[HasIdCondition(set(search.ids))]),
        with_payload=False,
        params=_EXACT,
    )


def _make_nearest(opened: OpenShard, search: VectorSearch) -> EdgeQuery:
    return EdgeQuery.Nearest(_to_edge_vector(opened, search), using=search.using)


def _to_edge_vector(opened: OpenShard, search: VectorSearch) -> Any:
    if isinstance(search.vector, SparseVector):
        return EdgeSparseVector(search.vector.indices, search.vector.values)
    # A point's nearest vector counts, as in a search of windows.
    return [search.vector] if search.using == "dense" and not opened.has_windows_apart else search.vector


def _merge_found(opened: OpenShard, query: Query, answers: list[list[FoundPoint]]) -> FoundPoints:
    if query.dense is not None and not opened.has_windows_apart:
        answers.insert(1, [])
    return merge_answers(query, answers)


def make_rarity_request(term: int) -> QueryRequest:
    """Return the search for the best point of one term alone, with its words: its score tells the idf."""
    alone = EdgeQuery.Nearest(EdgeSparseVector([term], [1.0]), using="text")
    return QueryRequest(1, query=alone, with_payload=False, with_vector=["text"])


def _make_filter(chosen: Filter) -> EdgeFilter | None:
    conditions: list[Any] = _make_conditions(chosen.must)
    if chosen.either:
        conditions.append(EdgeFilter(should=[EdgeFilter(must=_make_conditions(branch)) for branch in chosen.either]))
    return EdgeFilter(must=conditions) if conditions else None


def _make_conditions(matches: Sequence[FieldMatch]) -> list[Any]:
    return [FieldCondition(match.key, match=MatchAny(list(match.any_of))) for match in matches]


def _read_found_points(scored: list[ScoredPoint]) -> list[FoundPoint]:
    points = [FoundPoint(str(one.id), one.score, one.payload or {}) for one in scored]
    for point in points:
        point.payload.pop(REVISION, None)
    return points
