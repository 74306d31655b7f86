"""What both engines agree on about points: the payload keys with a meaning of their own, and the dense arm."""

import math
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from . import Found, Hit, Query, Sparse

Id = TypeVar("Id", str, UUID)
"""A memory's id, as the engine has it."""
Scores = dict[Id, float]
"""Ids and their scores, best first."""

REVISION = "_revision"
"""The payload key that holds a point's revision."""
WORKSPACE = "workspace_id"
"""The payload key that says whose a point is."""
INDEXED_KEYS = ("type", "tags", "scope")
"""The payload keys that queries filter by."""
_SCORE_AND_ID = attrgetter("score", "id")


def rarity(term: int, score: float, text: Sparse) -> float:
    """A term's idf, from the best point's score for it alone and that point's vector: the engines do not tell it."""
    return score / text.values[text.indices.index(term)]


def nearest(whole: Scores[Id], parts: Scores[Id], limit: int) -> Scores[Id]:
    """The dense arm's one order, from what was near as a whole and in its best part: each id once, best first."""
    if not parts:
        return whole
    best = {id_: max(whole.get(id_, score), score) for id_, score in parts.items()}
    return dict(sorted((whole | best).items(), key=lambda each: each[1], reverse=True)[:limit])


def worth_reading(query: Query, dense: Scores[Id], text: Scores[Id]) -> list[Id]:
    """The ids of what reaches its floor in an arm, in no order."""
    least_text, least_dense = query.floors or (-math.inf, -math.inf)
    worth = dict.fromkeys(id_ for id_, score in text.items() if score >= least_text)
    worth.update(dict.fromkeys(id_ for id_, score in dense.items() if score >= least_dense))
    return list(worth)


def found(query: Query, dense: Scores[Id], text: Scores[Id], payloads: dict[Id, dict[str, Any]]) -> Found:
    """What was read of what the arms found."""
    return Found(_hits(dense, payloads), _hits(text, payloads), is_cut=len(dense) == query.limit)


def _hits(scores: Scores[Id], payloads: dict[Id, dict[str, Any]]) -> list[Hit]:
    # A hundred ids are found for each recall, a dozen are worth reading: only these are written out.
    read = [
        Hit(str(id_), score, payload) for id_, payload in payloads.items() if (score := scores.get(id_)) is not None
    ]
    return sorted(read, key=_SCORE_AND_ID, reverse=True)  # the engines have orders of their own among equals
