"""All that an engine holds, for tests to compare with what it should hold."""

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
