"""Does a background work now: in this process, or by filing a run for the server that owns the data folder."""

import asyncio
from collections.abc import Callable, Sequence

from server.background.runs import do_work
from server.background.work import Outcome, Work
from server.background.works import find_work
from server.cli.common import find_store_outage, make_bar
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.logs import configure_logs
from server.services import open_services
from server.store.db import Database
from server.store.record.works import runs
from server.store.search.folder_ownership import AlreadyOwned, FolderOwnership

POLL_SECONDS = 0.5

#: Called as the runs go on, with the number of the run (from 0), its state, the steps done, and all steps if known.
Show = Callable[[int, str, int, int | None], None]


async def do_works(
    settings: Settings, db: Database, name: str, arguments: Sequence[str | None], show: Show
) -> list[Outcome]:
    """Do a work once for each argument, one after the other, and return the outcomes in this order.

    Raises:
        Failure: it failed; the message says what to do.
    """
    work = find_work(name)
    if _is_served(settings):
        return await _file_runs(db, work, arguments, show)
    return await _do_here(settings, work, arguments, show)


async def do_work_with_bar(
    settings: Settings, db: Database, name: str, title: str, argument: str | None = None
) -> Outcome:
    """Do a work once, with a progress bar of this title, and return its outcome. Raises Failure as `do_works` does."""
    with make_bar() as bar:
        task = bar.add_task(title, total=None)

        def show(_number: int, state: str, done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, description=f"{title} ({state})")

        (outcome,) = await do_works(settings, db, name, [argument], show)
    return outcome


def _is_served(settings: Settings) -> bool:
    """Whether a server owns the embedded engine. If there is a Qdrant server, every process can do the work."""
    if settings.qdrant_url:
        return False
    try:
        with FolderOwnership.acquire(settings.data_dir):
            return False
    except AlreadyOwned:
        return True


async def _do_here(settings: Settings, work: Work, arguments: Sequence[str | None], show: Show) -> list[Outcome]:
    # otherwise log lines would stand on stdout, among the command's results
    configure_logs(settings.log_format, find_store_outage)
    outcomes: list[Outcome] = []
    async with open_services(settings) as (services, _):
        if work.needs_models:
            await services.start_models()
        for number, argument in enumerate(arguments):

            async def show_progress(done: int, total: int, number: int = number) -> None:
                show(number, "running", done, total)

            outcomes.append(await do_work(services, work, argument, show_progress))
    return outcomes


async def _file_runs(db: Database, work: Work, arguments: Sequence[str | None], show: Show) -> list[Outcome]:
    """File a run for each argument, follow them to their ends, and return their outcomes."""
    async with db.write() as connection:
        filed = [await runs.file_run(connection, work.name, argument, utc_now()) for argument in arguments]
    return [await _follow_run(db, number, run_id, show) for number, run_id in enumerate(filed)]


async def _follow_run(db: Database, number: int, run_id: str, show: Show) -> Outcome:
    while True:
        async with db.read() as connection:
            run = await runs.find_run(connection, run_id)
        show(number, run.state, run.done, run.total)
        if run.state == "failed":
            raise Failure("unavailable", run.problem or "The server could not do it; its log says why.")
        if run.state == "done":
            async with db.write() as connection:
                report = await runs.take_result(connection, run_id)
            return Outcome(workspaces=run.done, report=report)
        await asyncio.sleep(POLL_SECONDS)
