"""The points of an earlier time: what a collection no longer has, because other memories took its place.

A collection has only memories that hold now. The newest of the others are read from the record and weighed here, if a
recall asks for them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from server.memory.languages import Language
from server.memory.vector import Vector
from server.store.db import Database
from server.store.projection.points.payload import build_point, read_origins_of, select_replaced, split_rows
from server.store.projection.record_words import RecordWords
from server.store.record.relations.current import Past, is_current
from server.store.search.seam import Collection, FoundPoint, FoundPoints, Point, Query
from server.store.tables.memories import memories

#: The replaced memories that are read, those that changed last; older ones are not found.
MOST_READ = 1_000


async def add_past(
    db: Database,
    workspace_id: str,
    query: Query,
    found: FoundPoints,
    past: Past,
    *,
    rarities: Sequence[float],
    generation: int,
    language: Language,
) -> FoundPoints:
    """Return the points that a query found, as it was in the past: with replaced ones, without what came later.

    Args:
        db: the record.
        workspace_id: the workspace.
        query: the query.
        found: the points of the collection.
        past: what is asked for.
        rarities: the idf of each term of the query, in the collection.
        generation: the generation of the collection's vectors; 0 if it has none.
        language: the language of its search texts.
    """
    dims = 0 if query.dense is None else len(query.dense)
    collection = Collection("", dims)
    async with db.read() as connection:
        rows = await select_replaced(connection, workspace_id, generation if dims else 0, past, MOST_READ)
        origins = await read_origins_of(connection, rows)
    points: list[Point] = []
    for part in split_rows(rows):
        points += [build_point(collection, language, row, origins) for row in part]
        await asyncio.sleep(0)
    found = RecordWords(language, points).add_to(found, query, rarities)
    found = _add_nearest(found, query, points)
    return found if past.as_of is None else await _keep_known(db, found, past)


def _add_nearest(found: FoundPoints, query: Query, points: Sequence[Point]) -> FoundPoints:
    """Return the points with the dense arm's points of these memories, and their scores in the other arm."""
    if query.dense is None:
        return found
    asked = query.dense / np.float32(np.linalg.norm(query.dense))
    admitted = [each for each in points if query.filter.admits(each.payload) and each.dense is not None]
    nearest = [FoundPoint(each.id, _find_cosine(each, asked), each.payload) for each in admitted]
    dense = sorted([*found.dense, *nearest], key=lambda point: (point.score, point.id), reverse=True)[: query.limit]
    others = {each.id: each.score for each in nearest}
    return replace(found, dense=dense, other_dense=found.other_dense | others)


def _find_cosine(point: Point, asked: Vector) -> float:
    vectors = point.windows if point.windows is not None else point.dense
    return 0.0 if vectors is None else float(np.max(np.atleast_2d(vectors) @ asked))


async def _keep_known(db: Database, found: FoundPoints, past: Past) -> FoundPoints:
    ids = {point.id for point in [*found.dense, *found.text]}
    query = sa.select(memories.c.id).where(memories.c.id.in_(ids), is_current(past))
    async with db.read() as connection:
        known = set((await connection.execute(query)).scalars())
    dense = [point for point in found.dense if point.id in known]
    return replace(found, dense=dense, text=[point for point in found.text if point.id in known])
