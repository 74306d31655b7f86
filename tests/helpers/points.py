"""All that an engine holds, for tests to compare with what it should hold."""

from server.memory.models import Memory
from server.memory.text import build_search_text, weigh_terms
from server.store.search.seam import Collection, Engine, Point


async def read_ids(engine: Engine, collection: Collection) -> set[str]:
    """Return the ids of all points of the collection."""
    points = await engine.read_points(collection)
    ids = {point.id for point in points}
    assert len(ids) == len(points), "an engine holds one point twice"
    return ids


async def read_point(engine: Engine, collection: Collection, point_id: str) -> Point:
    """Return the point with this id, which must be there."""
    (point,) = [point for point in await engine.read_points(collection) if point.id == point_id]
    return point


def read_terms(points: list[Point]) -> dict[str, set[int]]:
    """Return the terms of each point's text, by the point's id."""
    return {point.id: set(point.text.indices) for point in points}


def list_terms(memory: Memory) -> set[int]:
    """Return the terms that the point of a memory without a session should have."""
    return set(weigh_terms(build_search_text(memory, [], "english"))[0])
