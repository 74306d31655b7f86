"""What both engines agree on about points: the payload keys with a meaning of their own, and the dense arm."""

from collections.abc import Iterable
from operator import attrgetter

from server.store.search.seam import Hit, SparseVector

REVISION = "_revision"
"""The payload key that holds a point's revision."""
WORKSPACE = "workspace_id"
"""The payload key that says whose a point is."""
INDEXED_KEYS = ("type", "tags", "scope")
"""The payload keys that queries filter by."""
_SCORE_AND_ID = attrgetter("score", "id")


def rarity(term: int, score: float, text: SparseVector) -> float:
    """A term's idf, from the best point's score for it alone and that point's vector: the engines do not tell it."""
    return score / text.values[text.indices.index(term)]


def ordered(hits: Iterable[Hit]) -> list[Hit]:
    """An arm's hits, best first, and among equals the newer id: there, engines have orders of their own."""
    return sorted(hits, key=_SCORE_AND_ID, reverse=True)


def nearest(whole: list[Hit], parts: list[Hit], limit: int) -> list[Hit]:
    """The dense arm, from what was near as a whole and in its best part: each point once, by the better score."""
    if not parts:
        return ordered(whole)
    best = {hit.id: hit for hit in sorted([*whole, *parts], key=_SCORE_AND_ID)}  # a point's better hit comes last
    return ordered(best.values())[:limit]
