"""Building another collection of a workspace, beside the one that serves until the other one is whole.

It is needed if a workspace takes vectors of another generation, words by another rule, or another layout.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from server.store.db import Database
from server.store.projection.placement import Layout, Target, find_placement, name_collection
from server.store.projection.points.point_writer import PointWriter
from server.store.record.works import generations
from server.store.search.seam import Engine, UnusableCollection
from server.store.tables.accounts import workspaces


@dataclass(frozen=True, slots=True)
class Replacement:
    """The collection that serves a workspace, and the one that takes its place."""

    old: Target
    new: Target
    is_empty: bool  # the workspace has no memories


async def plan_replacement(
    db: Database, workspace_id: str, generation: int, rule: str, layout: Layout
) -> Replacement | None:
    """Return which collection takes the place of which; None if the workspace is gone or serves the wanted one."""
    placement = await find_placement(db, workspace_id)
    if placement is None or placement.is_deleted:
        return None
    old = placement.target
    if (old.generation, old.rule, old.layout) == (generation, rule, layout):
        return None
    async with db.read() as connection:
        dims = await generations.find_dims(connection, generation)
    new = Target(workspace_id, name_collection(workspace_id, generation, dims, rule, layout), generation, rule)
    return Replacement(old, new, placement.is_empty)


class Rebuilder:
    """Builds the new collection of a replacement, and puts it in the old one's place."""

    def __init__(self, db: Database, engine: Engine, writer: PointWriter) -> None:
        self._db = db
        self._engine = engine
        self._writer = writer

    async def build_collection(self, replacement: Replacement) -> int:
        """Write the bulk of the new collection, while the old one serves, and return the revision that was reached.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        if replacement.is_empty:
            return 0
        new = replacement.new
        try:
            await self._engine.open_collection(new.collection)
            return await self._writer.write_changes(new, 0)
        except UnusableCollection:
            await self._engine.drop_collection(new.collection)
            raise

    async def switch_collection(self, replacement: Replacement, reached: int) -> bool:
        """Write the changes since `reached`, and have the new collection serve. The caller holds the workspace's lock.

        Returns:
            Whether it serves now; False if the workspace was deleted meanwhile: the new collection is dropped then.

        Raises:
            EngineDown: the engine cannot be reached; the old collection goes on serving.
        """
        new = replacement.new
        placement = await find_placement(self._db, new.workspace_id)
        if placement is None or placement.is_deleted:
            await self._engine.drop_collection(new.collection)
            return False
        reached = reached and await self._writer.write_changes(new, reached)
        await self._engine.flush_collection(new.collection)
        row = sa.update(workspaces).where(workspaces.c.id == new.workspace_id)
        changes = {
            "generation": new.generation,
            "search_text_rule": new.rule,
            "layout": new.layout,
            "flushed_revision": reached,
        }
        async with self._db.write() as connection:
            await connection.execute(row.values(**changes))
        return True
