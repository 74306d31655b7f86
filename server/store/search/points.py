"""What both engines agree on about points: the payload keys with a meaning of their own, and the dense arm."""

from typing import Any

from . import Hit, Sparse

Scores = dict[str, float]
"""Ids and their scores, best first."""

REVISION = "_revision"
"""The payload key that holds a point's revision."""
WORKSPACE = "workspace_id"
"""The payload key that says whose a point is."""
INDEXED_KEYS = ("type", "tags", "scope")
"""The payload keys that queries filter by."""


def rarity(term: int, score: float, text: Sparse) -> float:
    """A term's idf, from the best point's score for it alone and that point's vector: the engines do not tell it."""
    return score / text.values[text.indices.index(term)]


def nearest(whole: Scores, parts: Scores, limit: int) -> Scores:
    """The dense arm's one order, from what was near as a whole and in its best part: each id once, best first."""
    if not parts:
        return whole
    best = {id_: max(whole.get(id_, score), score) for id_, score in parts.items()}
    return dict(sorted((whole | best).items(), key=lambda each: each[1], reverse=True)[:limit])


def hits(scores: Scores, payloads: dict[str, dict[str, Any]]) -> list[Hit]:
    """An arm's hits, from what was found and what was read of it."""
    return [Hit(id_, score, payloads.get(id_, {})) for id_, score in scores.items()]
