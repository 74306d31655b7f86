"""The common part of the engines: the searches of a query's two arms, their merged answers, and known payload keys."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple, cast

import numpy as np

from server.memory.vector import Vector
from server.store.search.seam import FoundPoint, FoundPoints, Point, Query, SparseVector, UnusableCollection

REVISION = "_revision"
"""The payload key that holds a point's revision."""
WORKSPACE = "workspace_id"
"""The payload key that holds the id of a point's workspace."""
INDEXED_KEYS = ("type", "tags", "scope")
"""The payload keys that queries filter by."""
_SCORE_AND_ID = attrgetter("score", "id")


class VectorSearch(NamedTuple):
    """One search for the nearest points: the vectors that it looks through, and its own vector.

    With `ids` it is a search among these points alone; `is_of_names` if it tells which of them have a name.
    """

    using: str
    vector: list[float] | list[list[float]] | SparseVector
    ids: tuple[str, ...] = ()
    is_of_names: bool = False


def list_searches(query: Query) -> list[VectorSearch]:
    """Return the searches that answer a query: two of the dense arm if it has a vector, then one of the text arm."""
    return _list_dense_searches(query) + _list_text_searches(query)


def _list_dense_searches(query: Query, ids: tuple[str, ...] = ()) -> list[VectorSearch]:
    if query.dense is None:
        return []
    vector: list[float] = query.dense.tolist()
    return [VectorSearch("dense", vector, ids), VectorSearch("windows", [vector], ids)]


def _list_text_searches(query: Query, ids: tuple[str, ...] = ()) -> list[VectorSearch]:
    return [VectorSearch("text", query.text, ids)] if query.text is not None and query.has_text else []


def merge_answers(query: Query, answers: list[list[FoundPoint]]) -> FoundPoints:
    """Return the points of both arms from the answers to `list_searches`, which are in the same order."""
    text = order_points(answers.pop()) if query.has_text else []
    dense = merge_dense_points(answers[0], answers[1], query.limit) if answers else []
    return FoundPoints(dense, text)


def list_other_searches(query: Query, found: FoundPoints) -> list[VectorSearch]:
    """Return the searches for what is not known of the points yet; none if all is known.

    These are the scores in the other arm, and which of the points have names.
    """
    dense, text = {point.id for point in found.dense}, {point.id for point in found.text}
    only_text, only_dense = tuple(sorted(text - dense)), tuple(sorted(dense - text))
    searches = _list_dense_searches(query, only_text) if only_text else []
    searches += _list_text_searches(query, only_dense) if only_dense else []
    if query.names is not None and (text or dense):
        searches.append(VectorSearch("text", query.names, tuple(sorted(text | dense)), is_of_names=True))
    return searches


def add_other_scores(
    found: FoundPoints, searches: Sequence[VectorSearch], answers: Sequence[Iterable[tuple[str, float]]]
) -> FoundPoints:
    """Return the points with the scores that they have in the other arm, and with those that have names.

    Args:
        found: the points of both arms.
        searches: those of `list_other_searches`.
        answers: the answer to each search: ids and scores.
    """
    dense: dict[str, float] = {}
    text: dict[str, float] = {}
    named: frozenset[str] | None = None
    for search, answer in zip(searches, answers, strict=True):
        if search.is_of_names:
            named = frozenset(id_ for id_, _ in answer)
            continue
        scores = text if search.using == "text" else dense
        for id_, score in answer:
            scores[id_] = max(score, scores.get(id_, score))
    return replace(found, other_dense=dense, other_text=text, named=named)


def group_by_revision(points: Iterable[Point]) -> dict[int, list[Point]]:
    """Return the points by their revision: an engine writes those of one revision under one condition."""
    by_revision: dict[int, list[Point]] = {}
    for point in points:
        by_revision.setdefault(point.revision, []).append(point)
    return by_revision


def read_text(vectors: Any) -> SparseVector:
    """Return the text vector among a stored point's vectors; an empty one if it has none."""
    text: Any = cast("dict[str, Any]", vectors or {}).get("text")
    return SparseVector(text.indices, text.values) if text is not None else SparseVector([], [])


def read_dense(vectors: Any) -> Vector | None:
    """Return the dense vector among a stored point's vectors, of several the first; None if it has none."""
    dense: Any = cast("dict[str, Any]", vectors or {}).get("dense")
    return np.atleast_2d(np.array(dense, dtype=np.float32))[0] if dense is not None else None


def compute_idf(term: int, score: float, text: SparseVector) -> float:
    """Return a term's idf, computed from a score, as the engines do not return it.

    Args:
        term: the term's id.
        score: the score of the best point for this term alone.
        text: the text vector of that point.

    Raises:
        UnusableCollection: the point has not the term by which it was found.
    """
    try:
        return score / text.values[text.indices.index(term)]
    except (ValueError, ZeroDivisionError) as error:
        raise UnusableCollection("a point was found by a word that it does not have") from error


def order_points(points: Iterable[FoundPoint]) -> list[FoundPoint]:
    """Return an arm's points, best first; among equal scores the newer id is first, since engines differ there."""
    return sorted(points, key=_SCORE_AND_ID, reverse=True)


def merge_dense_points(whole: list[FoundPoint], parts: list[FoundPoint], limit: int) -> list[FoundPoint]:
    """Return the dense arm's points, each point once with its better score.

    Args:
        whole: the points by the vector of the whole text.
        parts: the points by the vector of the nearest window.
        limit: the most points to return.
    """
    if not parts:
        return order_points(whole)
    best = {
        point.id: point for point in sorted([*whole, *parts], key=_SCORE_AND_ID)
    }  # a point's better point comes last
    return order_points(best.values())[:limit]
