"""Filed runs: work that a command line has asked for, done by the process that owns the search store."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from server.background.work import Outcome, Queue, Work
from server.background.works import find_work, list_works
from server.errors import Failure
from server.progress import Progress
from server.store.projection.upkeep.backfill import BackfillFailed
from server.store.projection.upkeep.moving import MoveFailed
from server.store.projection.upkeep.reindex import ReindexFailed
from server.store.record.works import runs
from server.store.record.works.runs import Run
from tools.core.services import Services

#: The pause between two notes that a run is being done. It is well below `runs.LOST`.
ALIVE_SECONDS = 20

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def do_filed_runs(services: Services, queue: Queue) -> None:
    """Do the runs that wait in a queue, one after the other. Return when none waits."""
    works = list_works(queue)
    while True:
        async with services.db.read() as connection:
            if not await runs.is_any_filed(connection, works, services.now()):
                return
        async with services.db.write() as connection:
            claimed = await runs.claim_run(connection, works, services.now())
        if claimed is None:
            return
        await _do_claimed_run(services, claimed)


async def do_work(services: Services, work: Work, argument: str | None, progress: Progress) -> Outcome:
    """Do a work once, in this process.

    Raises:
        Failure: it failed in a way that a person can do something about; the message says what.
    """
    try:
        outcome = await work.handler(services, argument, progress) or Outcome()
    except (ReindexFailed, BackfillFailed, MoveFailed) as error:
        raise Failure("unavailable", str(error)) from None
    if problem := outcome.describe_failure():
        raise Failure("unavailable", problem)
    return outcome


async def _do_claimed_run(services: Services, run: Run) -> None:
    """Do a run that this process has claimed, and write its end to SQL."""

    async def note_progress(done: int, total: int) -> None:
        async with services.db.write() as connection:
            await runs.note_progress(connection, run.id, done, total)

    outcome, problem = Outcome(), None
    watching = asyncio.create_task(_note_alive(services, run.id))
    try:
        outcome = await do_work(services, find_work(run.work), run.argument, note_progress)
    except Failure as error:
        problem = str(error)
    except Exception:
        log.exception("run.failed", run=run.id, work=run.work)
        problem = "It failed; the server's log says why."
    finally:
        watching.cancel()
    async with services.db.write() as connection:
        if outcome.report is not None:
            await runs.keep_result(connection, run.id, outcome.report)
        await runs.finish_run(connection, run.id, services.now(), problem)


async def _note_alive(services: Services, run_id: str) -> None:
    """Say again and again that this process does a run, so that no other one takes it."""
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        try:
            async with services.db.write() as connection:
                await runs.note_alive(connection, run_id, services.now())
        except (SQLAlchemyError, OSError) as error:  # the next time, perhaps
            log.warning("run.not_noted", run=run_id, error=type(error).__name__)
