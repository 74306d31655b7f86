"""Comparing a collection with the record: the number of its points, and a sample of their revisions."""

import random

import sqlalchemy as sa

from server.store.db import Database
from server.store.projection.placement import Target
from server.store.record.relations.current import IN_RECALL
from server.store.search.seam import Engine
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories

SAMPLE = 50


async def find_difference(db: Database, engine: Engine, target: Target) -> str | None:
    """Return how a collection differs from the record, as a clause; None if count and sample agree.

    Call it right after the collection has caught up. Writes that come in between look like a difference.

    Raises:
        EngineDown: the engine cannot be reached.
    """
    theirs = sa.select(memories.c.id).where(*_list_conditions(target))
    async with db.read() as connection:
        ids = list((await connection.execute(theirs)).scalars())
        chosen = random.sample(ids, min(SAMPLE, len(ids)))
        rows = await connection.execute(sa.select(memories.c.id, memories.c.revision).where(memories.c.id.in_(chosen)))
        wanted = {row.id: row.revision for row in rows}
    held = await engine.count_points(target.collection)
    if held != len(ids):
        return f"the collection has {held} points, and the record {len(ids)} memories"
    found = await engine.read_revisions(target.collection, list(wanted))
    differing = sum(found.get(each) != revision for each, revision in wanted.items())
    return f"{differing} of {len(wanted)} points are not as the record says" if differing else None


async def has_lost_points(db: Database, engine: Engine, target: Target, projected: int) -> bool:
    """Whether a collection has fewer or more points than the record has memories, though it has all its changes.

    Call it while nobody else writes to the collection.

    Args:
        db: the record.
        engine: of the collection.
        target: the collection.
        projected: the revision of the workspace that the collection has reached. False if the record is at a later one.

    Raises:
        EngineDown: the engine cannot be reached.
    """
    count = sa.select(sa.func.count()).select_from(memories).where(*_list_conditions(target)).scalar_subquery()
    query = sa.select(workspaces.c.revision, count.label("memories")).where(workspaces.c.id == target.workspace_id)
    async with db.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None or row.revision != projected:
        return False
    return await engine.count_points(target.collection) != row.memories


def _list_conditions(target: Target) -> list[sa.ColumnElement[bool]]:
    """Return the conditions for the memories that have a point in a collection."""
    return [memories.c.workspace_id == target.workspace_id, memories.c.deleted_at.is_(None), IN_RECALL]
