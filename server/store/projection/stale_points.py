"""The points of a collection that is behind the record, as the record has them now.

Nothing is answered that was deleted or changed since the points were written: one query asks the record for all points.
Memories that have no point yet are found by their words.
"""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from server.store.db import Database
from server.store.projection.collection_state import OpenedCollection
from server.store.projection.points.neighbours import Origin
from server.store.projection.points.payload import StoredTraits, build_payload, read_origins_of
from server.store.projection.record_words import read_words
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.relations.current import IN_RECALL
from server.store.search.seam import FoundPoint, FoundPoints, Query
from server.store.tables.memories import memories


async def renew_points(db: Database, workspace_id: str, found: FoundPoints) -> FoundPoints:
    """Return those of the points that are still live, each with its present traits if the query had asked for them."""
    ids = {point.id for point in [*found.dense, *found.text]}
    query = sa.select(*(memories.c[name] for name in FIELDS)).where(
        memories.c.id.in_(ids),
        memories.c.workspace_id == workspace_id,
        memories.c.deleted_at.is_(None),
        IN_RECALL,
    )
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
        origins = await read_origins_of(connection, rows)
    live = {row.id: memory_from_row(row) for row in rows}

    def renew(points: list[FoundPoint]) -> list[FoundPoint]:
        renewed: list[FoundPoint] = []
        for point in points:
            if (memory := live.get(point.id)) is None:
                continue
            if (traits := point.payload.get("traits")) is not None:
                before, leaves = StoredTraits.decode(traits).before, origins.get(point.id, Origin()).leaves
                point = point._replace(payload=build_payload(memory, before, leaves))  # noqa: PLW2901 - the same one
            renewed.append(point)
        return renewed

    return replace(found, dense=renew(found.dense), text=renew(found.text))


async def add_unprojected(
    db: Database, opened: OpenedCollection, query: Query, rarities: Sequence[float], found: FoundPoints
) -> FoundPoints:
    """Return the points found in a collection, with the memories that it does not have as they are now.

    Args:
        db: the record.
        opened: the collection, and the revision that it has.
        query: the query that found the points.
        rarities: the idf of each term of the query, in the collection.
        found: the points.
    """
    words = await read_words(db, opened.target, opened.projected)
    return words.add_to(found, query, rarities)
