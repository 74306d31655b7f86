"""What both engines agree on about points: the payload keys with a meaning of their own, and the dense arm."""

from . import Hit

REVISION = "_revision"
"""The payload key that holds a point's revision."""
WORKSPACE = "workspace_id"
"""The payload key that says whose a point is."""
INDEXED_KEYS = ("type", "tags", "scope")
"""The payload keys that queries filter by."""


def nearest(whole: list[Hit], parts: list[Hit], limit: int) -> list[Hit]:
    """The dense arm's one list, from what was near as a whole and in its best part: each id once, best first."""
    if not parts:
        return whole
    best: dict[str, Hit] = {}
    for hit in (*whole, *parts):
        if hit.id not in best or best[hit.id].score < hit.score:
            best[hit.id] = hit
    return sorted(best.values(), key=lambda hit: hit.score, reverse=True)[:limit]
