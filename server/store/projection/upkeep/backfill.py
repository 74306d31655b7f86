"""Filling in vectors: for memories that were stored while there was no model, and for a model that is new.

It works through the record in small steps, oldest first, and may be stopped anywhere: each step that is done stays
done. Texts that the model fails on are passed over, and tried again with the next gap or by the housekeeping. While a
generation is being filled in, a workspace goes on serving the one it has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.memory.vector import TextVectors
from server.progress import Progress
from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.projection.placement import WANTED_RULE
from server.store.projection.projection import Projection
from server.store.record import memories, vectors
from server.store.record.vectors import Gap, VectorCoverage
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories as table

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

STEP = 64
FOLLOW_SECONDS = 1.0


class BackfillFailed(Exception):  # noqa: N818 - it names the outcome for the person who asked for it
    """Vectors are still missing; the message says why."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed at which gaps are filled.

    Attributes:
        per_second: the memories filled in a second at most; 0: as many as the model can.
        sleep: makes the pauses; the tests have their own.
    """

    per_second: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def wait_after_step(self, done: int) -> None:
        """Pause after a step of so many memories."""
        if self.per_second:
            await self.sleep(done / self.per_second)


async def fill_gaps(
    db: Database, encoder: Encoder, projection: Projection, now: Clock, pace: Pace | None = None
) -> None:
    """Fill every gap there is, then have each workspace serve the model's generation.

    It returns when there is no gap left, or none that can be filled now; at once, if another call is filling gaps.
    """
    await encoder.settle()
    await _switch_rules(db, projection)
    filling = encoder.filling
    if not encoder.is_ready or not filling.has_gaps or filling.is_running:
        return
    filling.begin()
    try:
        if not await _fill_generation(db, encoder, projection, now, pace or Pace()):
            return
        for workspace_id, _, rule in await _find_workspaces(db, workspaces.c.generation != encoder.generation):
            await projection.switch_generation(workspace_id, encoder.generation, rule)
        await encoder.close_earlier()
    except BaseException:
        filling.note_gaps()
        raise
    finally:
        filling.end()


async def follow_backfill(
    encoder: Encoder, progress: Progress, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Have another task look for gaps anew, and return when they are filled.

    Args:
        encoder: the encoder; another task calls `backfill` with it again and again.
        progress: called every second with the number of memories that have vectors, and of all, if they are known.
        sleep: waits between two looks.

    Raises:
        BackfillFailed: there is no model, or it has stopped answering.
    """
    encoder.filling.note_gaps()
    while not (encoder.is_ready and encoder.filling.is_whole):
        if encoder.source.state in {"absent", "failed"}:
            raise BackfillFailed(f"Vectors are not filled in: {encoder.source.reason}.")
        if (counts := encoder.filling.counts) is not None:
            await progress(counts.filled, counts.filled + counts.missing)
        await sleep(FOLLOW_SECONDS)


async def _fill_generation(db: Database, encoder: Encoder, projection: Projection, now: Clock, pace: Pace) -> bool:
    """Fill the gaps. Return False if the model is at fault, and not single texts."""
    after, filled, failed = "", 0, 0
    while gaps := await _find_gaps(db, encoder.generation, after):
        if len(gaps) == STEP and encoder.filling.counts is None:
            encoder.filling.count(await _count_vectors(db, encoder.generation))
        windows = await _embed_gaps(encoder, gaps)
        if not encoder.is_ready:
            encoder.filling.note_gaps()
            return False
        if not windows and len(gaps) == STEP:
            return False
        touched = await _keep_vectors(db, encoder.generation, windows, now())
        for workspace_id in touched:
            await projection.project(workspace_id)
        after, filled, failed = gaps[-1].memory_id, filled + len(windows), failed + len(gaps) - len(windows)
        encoder.filling.advance(len(windows))
        log.info("backfill.step", filled=filled, failed=failed)
        await pace.wait_after_step(len(gaps))
    return filled > 0 or not failed


async def _embed_gaps(encoder: Encoder, gaps: Sequence[Gap]) -> list[tuple[Gap, TextVectors]]:
    """Embed the texts of the gaps, and return the vectors of those that the model did not fail on.

    If it fails, each text is tried alone, so that one text does not keep the others from their vectors.
    """
    windows = await encoder.embed_documents([gap.content for gap in gaps])
    if windows is not None:
        return list(zip(gaps, windows, strict=True))
    if len(gaps) == 1:
        return []
    return [pair for gap in gaps for pair in await _embed_gaps(encoder, [gap])]


async def _find_gaps(db: Database, generation: int, after: str) -> Sequence[Gap]:
    async with db.read() as connection:
        return await vectors.list_gaps(connection, generation, after, STEP)


async def _count_vectors(db: Database, generation: int) -> VectorCoverage:
    async with db.read() as connection:
        return await vectors.count_vectors(connection, generation)


async def _keep_vectors(
    db: Database, generation: int, windows: Sequence[tuple[Gap, TextVectors]], now: datetime
) -> list[str]:
    """Keep the vectors of the texts that have not changed since, and return the ids of the workspaces that changed."""
    by_workspace: dict[str, list[tuple[Gap, TextVectors]]] = {}
    for gap, each in windows:
        by_workspace.setdefault(gap.workspace_id, []).append((gap, each))
    for workspace_id, pairs in by_workspace.items():
        with suppress(WorkspaceGone):  # the workspace was deleted meanwhile
            await _keep_workspace_vectors(db, workspace_id, generation, pairs, now)
    return list(by_workspace)


async def _keep_workspace_vectors(
    db: Database, workspace_id: str, generation: int, pairs: Sequence[tuple[Gap, TextVectors]], now: datetime
) -> None:
    async with db.write() as connection:
        # Holds the workspace, so that no text changes between the look at it and the end of the transaction.
        first = await memories.advance_revision(connection, workspace_id, len(pairs), now)
        current = await _read_contents(connection, [gap.memory_id for gap, _ in pairs])
        found = {gap.memory_id: each for gap, each in pairs if current.get(gap.memory_id) == gap.content}
        for step, memory_id in enumerate(found):
            await memories.update_memory(connection, memory_id, first + step, {})
        await vectors.put_vectors(connection, generation, found)


async def _read_contents(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    query = sa.select(table.c.id, table.c.content).where(table.c.id.in_(ids), table.c.deleted_at.is_(None))
    return {row.id: row.content for row in await connection.execute(query)}


async def _switch_rules(db: Database, projection: Projection) -> None:
    """Rebuild the collections whose words were made by a rule that is no longer the workspace's.

    The old one serves meanwhile. Nothing is embedded: vectors are of contents, and the rule is about words only.
    """
    for workspace_id, generation, rule in await _find_workspaces(db, workspaces.c.search_text_rule != WANTED_RULE):
        await projection.switch_generation(workspace_id, generation, rule)


async def _find_workspaces(db: Database, condition: sa.ColumnElement[bool]) -> Sequence[tuple[str, int, str]]:
    """Return the workspaces that meet a condition: (id, generation, the rule their collection should be made by)."""
    query = sa.select(workspaces.c.id, workspaces.c.generation, WANTED_RULE)
    async with db.read() as connection:
        rows = await connection.execute(query.where(condition, workspaces.c.deleted_at.is_(None)))
        return [(row[0], row[1], row[2]) for row in rows]
