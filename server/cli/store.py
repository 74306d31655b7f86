"""`migrate`, `reindex` and `backfill`: the record's schema, the search store made of it, and its vectors."""

import asyncio
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from server.cli.common import record, run, stderr
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.embedding.local import EmbeddingFailed
from server.store.projection.backfill import BackfillFailed, Pace
from server.store.projection.backfill import backfill as fill_gaps
from server.store.projection.projection import Projection
from server.store.projection.reindex import ReindexFailed
from server.store.projection.reindex import reindex as rebuild
from server.store.record import runs, vectors
from server.store.record.vectors import Filling
from server.store.search.owner import AlreadyOwned
from server.store.search.seam import EngineDown
from server.wiring import open_encoder, open_projection

POLL_SECONDS = 0.5


def migrate() -> None:
    """Bring the record's schema up to this version. `serve` does it too."""

    async def command(settings: Settings) -> None:
        async with record(settings):
            stderr.print("The record's schema is current.")

    run(command)


def reindex(
    workspace: Annotated[str | None, typer.Option(help="Only the workspace with this id.")] = None,
) -> None:
    """Build the search store anew from the record, without embedding anything again.

    Where a server runs on the data folder, it does the work, and this follows its progress.
    """

    async def command(settings: Settings) -> None:
        with Progress(console=stderr, transient=True) as bar:
            task = bar.add_task("Reindexing", total=None)

            async def progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            async with record(settings) as db:
                try:
                    async with open_projection(settings, db) as projection:
                        done = await rebuild(db, projection, workspace, progress)
                except AlreadyOwned:
                    done = await have_it_done(db, "reindex", workspace, bar, task)
                except ReindexFailed as error:
                    raise Failure("unavailable", str(error)) from None
        stderr.print(f"{done} workspace(s) reindexed.")

    run(command)


def backfill() -> None:
    """Embed what has no vectors of the current model yet, and follow that with a progress bar.

    Where a server runs on the data folder, it does the work, as it would by itself, and this follows its progress.
    """

    async def command(settings: Settings) -> None:
        with Progress(console=stderr, transient=True) as bar:
            task = bar.add_task("Embedding", total=None)
            async with record(settings) as db:
                try:
                    async with (
                        open_projection(settings, db) as projection,
                        open_encoder(settings, db, utc_now) as encoder,
                    ):
                        await _fill_in(settings, db, encoder, projection, bar, task)
                except AlreadyOwned:
                    await have_it_done(db, "backfill", None, bar, task)
                except (BackfillFailed, EmbeddingFailed, EngineDown) as error:
                    raise Failure("unavailable", str(error)) from None
                async with db.read() as connection:
                    left = await vectors.filling(connection, await vectors.newest_generation(connection))
        stderr.print(_outcome(left))

    run(command)


def _outcome(left: Filling) -> str:
    if not left.missing:
        return f"Each of {left.filled} memories has its vectors."
    return f"{left.missing} of {left.filled + left.missing} memories are still without vectors; the log says why."


async def _fill_in(
    settings: Settings, db: Database, encoder: Encoder, projection: Projection, bar: Progress, task: TaskID
) -> None:
    """Do it here, where no server does."""
    await encoder.start()
    await encoder.embeddings.wait_ready()
    pace = Pace(settings.backfill_per_second)
    work = asyncio.create_task(fill_gaps(db, encoder, projection, utc_now, pace))
    try:
        while not work.done():
            if (at := encoder.filling) is not None:
                bar.update(task, completed=at.filled, total=at.filled + at.missing)
            await asyncio.wait({work}, timeout=POLL_SECONDS)
    finally:
        work.cancel()
    await work
    if not encoder.is_whole:
        raise BackfillFailed(f"Vectors are not filled in: {encoder.embeddings.reason}.")


async def have_it_done(db: Database, work: str, argument: str | None, bar: Progress, task: TaskID) -> int:
    """File the work for the process that owns the search store, and follow it to its end."""
    name = bar.tasks[task].description
    async with db.write() as connection:
        run_id = await runs.file_run(connection, work, argument, utc_now())
    while True:
        async with db.read() as connection:
            at = await runs.find_run(connection, run_id)
        bar.update(task, completed=at.done, total=at.total, description=f"{name} ({at.state})")
        if at.state == "failed":
            raise Failure("unavailable", at.problem or "The server could not do it; its log says why.")
        if at.state == "done":
            return at.done
        await asyncio.sleep(POLL_SECONDS)
