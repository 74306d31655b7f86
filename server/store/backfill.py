"""Filling in vectors: for memories that were stored while there was no model, and for a model that is new.

Works through the record in small steps, oldest first, and may be stopped anywhere: what is done stays done.
While a generation is being filled in, a workspace goes on serving the one it has.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import memories, vectors
from server.store.db import Database
from server.store.encoder import Encoder
from server.store.projection import Projection
from server.store.search import Vector
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table
from server.store.vectors import Gap

log = structlog.get_logger(__name__)

STEP = 64


async def backfill(db: Database, encoder: Encoder, projection: Projection, now: Callable[[], datetime]) -> None:
    """Fill every gap there is, then let each workspace serve the model's generation. Returns when there is none."""
    if not encoder.is_ready or not encoder.has_gaps:
        return
    encoder.has_gaps = False
    after, filled = "", 0
    while gaps := await _gaps(db, encoder.generation, after):
        windows = await encoder.documents([gap.content for gap in gaps])
        if windows is None:
            encoder.has_gaps = True
            return
        touched = await _fill(db, encoder.generation, gaps, windows, now())
        for workspace_id in touched:
            await projection.project(workspace_id)
        after, filled = gaps[-1].memory_id, filled + len(gaps)
        log.info("vectors filled in", so_far=filled)
    for workspace_id in await _behind(db, encoder.generation):
        await projection.serve_generation(workspace_id, encoder.generation)


async def _gaps(db: Database, generation: int, after: str) -> Sequence[Gap]:
    async with db.read() as connection:
        return await vectors.missing(connection, generation, after, STEP)


async def _fill(
    db: Database, generation: int, gaps: Sequence[Gap], windows: Sequence[Vector], now: datetime
) -> list[str]:
    """Keep the vectors of those texts that are still what was embedded; the workspaces that changed."""
    by_workspace: dict[str, dict[str, Vector]] = {}
    async with db.write() as connection:
        current = await _contents(connection, [gap.memory_id for gap in gaps])
        for gap, each in zip(gaps, windows, strict=True):
            if current.get(gap.memory_id) == gap.content:
                by_workspace.setdefault(gap.workspace_id, {})[gap.memory_id] = each
        for workspace_id, found in by_workspace.items():
            first = await memories.advance(connection, workspace_id, len(found), now)
            for step, memory_id in enumerate(found):
                await memories.update(connection, memory_id, first + step, {})
            await vectors.put(connection, generation, found)
    return list(by_workspace)


async def _contents(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    query = (
        sa.select(table.c.id, table.c.content)
        .join(workspaces, workspaces.c.id == table.c.workspace_id)
        .where(table.c.id.in_(ids), table.c.deleted_at.is_(None), workspaces.c.deleted_at.is_(None))
    )
    return {row.id: row.content for row in await connection.execute(query)}


async def _behind(db: Database, generation: int) -> list[str]:
    query = sa.select(workspaces.c.id).where(workspaces.c.generation != generation, workspaces.c.deleted_at.is_(None))
    async with db.read() as connection:
        return list((await connection.execute(query)).scalars())
