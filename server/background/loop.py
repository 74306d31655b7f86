"""The clockwork: what goes on in the background while the server runs.

Each job runs by itself, forever, until it is cancelled, which may be in the middle of a step; one that fails is
logged and tried again, and does not stop the others. A read never waits on any of it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from auth.principal import READ, Principal, expand
from server.background.ticks import consolidate_all, decay_all, run_due
from server.errors import Failure
from server.store.embedding.local import EmbeddingFailed
from server.store.lifecycle import erasure
from server.store.projection.backfill import BackfillFailed, Pace, backfill, follow
from server.store.projection.reindex import ReindexFailed, reindex
from server.store.projection.upkeep import vacuum
from server.store.record import runs, skip_list
from server.store.record.memories import Actor
from server.store.record.oauth.garbage import collect_garbage
from server.store.record.people import api_keys
from server.store.record.runs import Run
from tools import golden
from tools.consolidation import means
from tools.core.operation import Call
from tools.core.services import Services
from tools.golden import Progress

log = structlog.get_logger(__name__)

DRAIN = 1.0
FLUSH = 5.0
VACUUM = 60.0
HOUSEKEEPING = 3600.0
TICK_SECONDS = 30.0
#: How long golden cases wait for a model that is being loaded.
MODEL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again, every `seconds`."""

    name: str
    seconds: float
    step: Callable[[], Awaitable[None]]


def jobs(services: Services) -> list[Job]:
    """Everything that is done in the background."""
    pace = Pace(services.settings.backfill_per_second)
    return [
        Job("drain", DRAIN, lambda: drain(services)),
        Job(
            "fill in vectors",
            DRAIN,
            lambda: backfill(services.db, services.encoder, services.projection, services.now, pace),
        ),
        Job("runs", DRAIN, lambda: do_runs(services, ("reindex", "golden", "decay", "consolidate"))),
        Job("runs of the model", DRAIN, lambda: do_runs(services, ("backfill",))),  # hours long, in nobody's way
        Job("vacuum", VACUUM, lambda: clean_up(services)),
        Job("flush", FLUSH, services.projection.flush),
        Job("ticks", TICK_SECONDS, lambda: run_due(means(services), services.now)),
        Job("housekeeping", HOUSEKEEPING, lambda: keep_house(services)),
    ]


async def drain(services: Services) -> None:
    """Write what was counted in memory: accesses, and when keys were used."""
    await services.accesses.drain()
    used = services.authenticator.take_used()
    if used:
        async with services.db.write() as connection:
            await api_keys.mark_used(connection, used)


async def do_runs(services: Services, works: Sequence[str]) -> None:
    """Do what command lines have filed for this process, of these kinds, one after the other."""
    while True:
        async with services.db.read() as connection:
            if not await runs.is_any_filed(connection, works):
                return
        async with services.db.write() as connection:
            claimed = await runs.claim_run(connection, works)
        if claimed is None:
            return
        problem = await _do(services, claimed)
        async with services.db.write() as connection:
            await runs.finish_run(connection, claimed.id, services.now(), problem)


async def _do(services: Services, claimed: Run) -> str | None:
    """Do one run; what went wrong, or None."""

    async def progress(done: int, total: int) -> None:
        async with services.db.write() as connection:
            await runs.note_progress(connection, claimed.id, done, total)

    try:
        match claimed.work:
            case "backfill":
                await follow(services.encoder, progress)
            case "golden":
                await try_golden(services, claimed, progress)
            case "decay" | "consolidate":
                work = decay_all if claimed.work == "decay" else consolidate_all
                tally = await work(means(services), services.now, progress)
                return tally.told() if tally.failed else None
            case _:
                await reindex(services.db, services.projection, claimed.argument, progress)
    except (ReindexFailed, BackfillFailed, Failure) as error:
        return str(error)
    except Exception:
        log.exception("a run failed", run=claimed.id, work=claimed.work)
        return "It failed; the server's log says why."
    return None


async def try_golden(services: Services, claimed: Run, progress: Progress) -> None:
    """Try the golden cases of the workspace that a run names, and leave what came of them with the run."""
    with suppress(EmbeddingFailed, TimeoutError):  # without a model recall ranks by keyword: that is what is tried
        async with asyncio.timeout(MODEL_SECONDS):
            await services.encoder.embeddings.wait_ready()
    workspace = await services.directory.by_id(claimed.argument or "")
    if workspace is None:
        raise Failure("not_found", "The workspace was deleted meanwhile.")
    # Whoever runs the server: no user of it.
    operator = Principal("", workspace.account_id, expand([READ]), "api_key", claimed.id, workspace_id=workspace.id)
    call = Call(operator, workspace, Actor("", claimed.id, "run_golden", claimed.id))
    report = await golden.check(services, call, progress)
    async with services.db.write() as connection:
        await runs.keep_result(connection, claimed.id, report.model_dump(mode="json"))


async def clean_up(services: Services) -> None:
    """Clean the embedded engine's files of what was erased."""
    if not services.settings.qdrant_url:
        await vacuum(services.db, services.projection)


async def keep_house(services: Services) -> None:
    """Erase what was deleted long ago, collect what has ended, and try again where embedding failed."""
    now = services.now()
    services.encoder.note_missing()
    await erasure.erase_due(services.db, now, timedelta(days=services.settings.undo_days))
    async with services.db.write() as connection:
        await collect_garbage(connection, now)
        await skip_list.purge_expired(connection, now)


@asynccontextmanager
async def running(services: Services) -> AsyncGenerator[None]:
    """The jobs, for as long as the block lasts; what was counted is written before it ends."""
    async with services.db.write() as connection:
        await runs.refile_unfinished(connection)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_repeat(job), name=job.name) for job in jobs(services)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await drain(services)


async def _repeat(job: Job) -> None:
    while True:
        try:
            await job.step()
        except Exception:
            log.exception("a background job failed; it will be tried again", job=job.name)
        await asyncio.sleep(job.seconds)
