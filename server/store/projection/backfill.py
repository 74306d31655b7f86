"""Filling in vectors: for memories that were stored while there was no model, and for a model that is new.

Works through the record in small steps, oldest first, and may be stopped anywhere: what is done stays done.
Texts that the model fails on are passed over, and tried again with the next gap or by the housekeeping.
While a generation is being filled in, a workspace goes on serving the one it has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.embedding import Vector
from server.progress import Progress
from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.projection.placement import WANTED_RULE
from server.store.projection.projection import Projection
from server.store.record import memories, vectors
from server.store.record.vectors import Filling, Gap
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table

log = structlog.get_logger(__name__)

STEP = 64
FOLLOW_SECONDS = 1.0


class BackfillFailed(Exception):  # noqa: N818 - it says what happened to the person who asked for it
    """Vectors are still missing; the message says why."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast it goes: so many memories a second at most; 0: as fast as the model is. `sleep` makes the pauses."""

    per_second: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def rest(self, done: int) -> None:
        """The pause after a step of so many memories."""
        if self.per_second:
            await self.sleep(done / self.per_second)


async def backfill(
    db: Database, encoder: Encoder, projection: Projection, now: Callable[[], datetime], pace: Pace | None = None
) -> None:
    """Fill every gap there is, then let each workspace serve the model's generation. Returns when there is none.

    Returns at once if another call is filling gaps.
    """
    await encoder.settle()
    await _follow_rules(db, projection)
    if not encoder.is_ready or not encoder.has_gaps or encoder.is_filling:
        return
    encoder.has_gaps, encoder.is_filling = False, True
    try:
        if not await _fill_all(db, encoder, projection, now, pace or Pace()):
            return
        for workspace_id, _, rule in await _behind(db, workspaces.c.generation != encoder.generation):
            await projection.switch_generation(workspace_id, encoder.generation, rule)
        await encoder.let_go()
    except BaseException:
        encoder.has_gaps = True
        raise
    finally:
        encoder.is_filling, encoder.filling = False, None
        encoder.rounds += 1


async def follow(
    encoder: Encoder, progress: Progress, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Have the gaps looked for anew, and return when what was found is filled in.

    Args:
        encoder: the encoder; somebody else has `backfill` done again and again.
        progress: told every second how many memories of how many have vectors, where that is known.
        sleep: waits between two looks.

    Raises:
        BackfillFailed: there is no model, or it has stopped answering.
    """
    encoder.note_missing()
    while not (encoder.is_ready and encoder.is_whole):
        if encoder.embeddings.state in {"absent", "failed"}:
            raise BackfillFailed(f"Vectors are not filled in: {encoder.embeddings.reason}.")
        if (filling := encoder.filling) is not None:
            await progress(filling.filled, filling.filled + filling.missing)
        await sleep(FOLLOW_SECONDS)


async def _fill_all(
    db: Database, encoder: Encoder, projection: Projection, now: Callable[[], datetime], pace: Pace
) -> bool:
    """Fill the gaps; False where the model is at fault, and not single texts."""
    after, filled, failed = "", 0, 0
    while gaps := await _gaps(db, encoder.generation, after):
        if len(gaps) == STEP and encoder.filling is None:
            encoder.filling = await _filling(db, encoder.generation)
        windows = await _embed(encoder, gaps)
        if not encoder.is_ready:
            encoder.has_gaps = True
            return False
        if not windows and len(gaps) == STEP:
            return False
        touched = await _fill(db, encoder.generation, windows, now())
        for workspace_id in touched:
            await projection.project(workspace_id)
        after, filled, failed = gaps[-1].memory_id, filled + len(windows), failed + len(gaps) - len(windows)
        if (before := encoder.filling) is not None:
            encoder.filling = Filling(before.filled + len(windows), max(before.missing - len(windows), 0))
        log.info("vectors filled in", so_far=filled, failed=failed)
        await pace.rest(len(gaps))
    return filled > 0 or not failed


async def _embed(encoder: Encoder, gaps: Sequence[Gap]) -> list[tuple[Gap, Vector]]:
    """The windows of the texts. One that the model fails on stays without, and keeps none of the others from theirs."""
    windows = await encoder.documents([gap.content for gap in gaps])
    if windows is not None:
        return list(zip(gaps, windows, strict=True))
    if len(gaps) == 1:
        return []
    return [pair for gap in gaps for pair in await _embed(encoder, [gap])]


async def _gaps(db: Database, generation: int, after: str) -> Sequence[Gap]:
    async with db.read() as connection:
        return await vectors.missing(connection, generation, after, STEP)


async def _filling(db: Database, generation: int) -> Filling:
    async with db.read() as connection:
        return await vectors.filling(connection, generation)


async def _fill(db: Database, generation: int, windows: Sequence[tuple[Gap, Vector]], now: datetime) -> list[str]:
    """Keep the vectors of those texts that are still what was embedded; the workspaces that changed."""
    by_workspace: dict[str, list[tuple[Gap, Vector]]] = {}
    for gap, each in windows:
        by_workspace.setdefault(gap.workspace_id, []).append((gap, each))
    for workspace_id, pairs in by_workspace.items():
        with suppress(WorkspaceGone):  # the workspace was deleted meanwhile
            await _fill_one(db, workspace_id, generation, pairs, now)
    return list(by_workspace)


async def _fill_one(
    db: Database, workspace_id: str, generation: int, pairs: Sequence[tuple[Gap, Vector]], now: datetime
) -> None:
    async with db.write() as connection:
        # Holds the workspace, so that no text changes between the look at it and the end of the transaction.
        first = await memories.advance(connection, workspace_id, len(pairs), now)
        current = await _contents(connection, [gap.memory_id for gap, _ in pairs])
        found = {gap.memory_id: each for gap, each in pairs if current.get(gap.memory_id) == gap.content}
        for step, memory_id in enumerate(found):
            await memories.update(connection, memory_id, first + step, {})
        await vectors.put(connection, generation, found)


async def _contents(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    query = sa.select(table.c.id, table.c.content).where(table.c.id.in_(ids), table.c.deleted_at.is_(None))
    return {row.id: row.content for row in await connection.execute(query)}


async def _follow_rules(db: Database, projection: Projection) -> None:
    """Build anew the collections whose words were made by a rule that is no longer the workspace's.

    The old one serves meanwhile. Nothing is embedded: vectors are of contents, and no rule is about those.
    """
    for workspace_id, generation, rule in await _behind(db, workspaces.c.key_rule != WANTED_RULE):
        await projection.switch_generation(workspace_id, generation, rule)


async def _behind(db: Database, condition: sa.ColumnElement[bool]) -> Sequence[tuple[str, int, str]]:
    """Which workspaces are so: (id, generation, the rule their collection should be made by)."""
    query = sa.select(workspaces.c.id, workspaces.c.generation, WANTED_RULE)
    async with db.read() as connection:
        rows = await connection.execute(query.where(condition, workspaces.c.deleted_at.is_(None)))
        return [(row[0], row[1], row[2]) for row in rows]
