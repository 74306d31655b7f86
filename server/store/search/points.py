"""What both engines agree on about points: the payload keys with a meaning of their own, and the dense arm."""

from . import Hit, Sparse

REVISION = "_revision"
"""The payload key that holds a point's revision."""
WORKSPACE = "workspace_id"
"""The payload key that says whose a point is."""
INDEXED_KEYS = ("type", "tags", "scope")
"""The payload keys that queries filter by."""


def rarity(term: int, score: float, text: Sparse) -> float:
    """A term's idf, from the best point's score for it alone and that point's vector: the engines do not tell it."""
    return score / text.values[text.indices.index(term)]


def nearest(whole: list[Hit], parts: list[Hit], limit: int) -> list[Hit]:
    """The dense arm's one list, from what was near as a whole and in its best part: each id once, best first."""
    if not parts:
        return whole
    best: dict[str, Hit] = {}
    for hit in (*whole, *parts):
        if hit.id not in best or best[hit.id].score < hit.score:
            best[hit.id] = hit
    return sorted(best.values(), key=lambda hit: hit.score, reverse=True)[:limit]
