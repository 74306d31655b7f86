"""Writing the rows of the record that changed, as points, into a collection."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from server.store.db import Database
from server.store.projection.placement import Target
from server.store.projection.points.payload import Origins, build_point, read_origins_of, select_changed, split_rows
from server.store.search.seam import Engine

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BATCH = 500


class PointWriter:
    """Brings collections up to the record. The caller sees to it that a collection has one writer at a time.

    Args:
        db: the record.
        engine: the search store.
        shared: whether other processes write to the same collections.
    """

    def __init__(self, db: Database, engine: Engine, *, shared: bool) -> None:
        self._db = db
        self._engine = engine
        self._shared = shared

    async def write_changes(self, target: Target, after: int) -> int:
        """Write every row above the revision `after`, and return the revision that was reached.

        Raises:
            EngineDown: the engine cannot be reached.
            Unusable: the collection is damaged or lost.
        """
        while True:
            async with self._db.read() as connection:
                rows = await select_changed(connection, target.workspace_id, target.generation, after, BATCH)
                live = [row for row in rows if _is_current(row)]
                origins = await read_origins_of(connection, live)
            if rows:
                await self._write_rows(target, rows, live, origins)
                after = rows[-1].revision
            # Another process may have changed a row between our read and our write: look again until nothing is new.
            if len(rows) < BATCH and not (self._shared and rows):
                return after

    async def _write_rows(
        self, target: Target, rows: Sequence[sa.Row[Any]], live: Sequence[sa.Row[Any]], origins: Origins
    ) -> None:
        kept = {row.id for row in live}
        gone = [row.id for row in rows if row.id not in kept]
        for part in split_rows(live):
            gone += await self._upsert_points(target, part, origins)
        if gone:
            await self._engine.delete_points(target.collection, gone)

    async def _upsert_points(self, target: Target, rows: Sequence[sa.Row[Any]], origins: Origins) -> list[str]:
        """Write the points of some rows, and return the ids of the rows that make no valid point.

        Such a row has no point, so that it does not stop all others.
        """
        try:
            points = [build_point(target.collection, target.language, row, origins) for row in rows]
            await self._engine.upsert_points(target.collection, points)
        except ValueError:
            if len(rows) == 1:
                log.exception("projection.row_refused", workspace=target.workspace_id, memory=rows[0].id)
                return [rows[0].id]
            return [bad for row in rows for bad in await self._upsert_points(target, [row], origins)]
        return []


def _is_current(row: sa.Row[Any]) -> bool:
    """Whether a memory is neither deleted, replaced by another one, nor buried."""
    return row.deleted_at is None and not row.consolidated and row.superseded_by is None and row.buried_at is None
