"""`tick`: what the background does at set times, now."""

from enum import Enum
from typing import Annotated

import typer
from rich.progress import Progress

from server.background.ticks import consolidate_all, decay_all
from server.cli.common import record, run, stderr
from server.cli.store import have_it_done
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.store.consolidation.carry_out import ConsolidationDeps
from server.store.consolidation.llm import Llm
from server.store.search.owner import AlreadyOwned
from server.wiring import open_projection


class What(Enum):
    """What can be done now."""

    DECAY = "decay"
    CONSOLIDATE = "consolidate"


WORK = {What.DECAY: decay_all, What.CONSOLIDATE: consolidate_all}


def tick(what: Annotated[What, typer.Argument(help="What to do in every workspace.")]) -> None:
    """Let memories fade, or merge those that belong together, in every workspace, now and not at its time.

    Where a server runs on the data folder, it does the work, and this follows its progress.
    """

    async def command(settings: Settings) -> None:
        with Progress(console=stderr, transient=True) as bar:
            task = bar.add_task(what.value.capitalize(), total=None)

            async def progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            async with record(settings) as db:
                try:
                    async with open_projection(settings, db) as projection, Llm.opened(settings) as llm:
                        tally = await WORK[what](ConsolidationDeps(db, projection, llm=llm), utc_now, progress)
                        if tally.failed:
                            raise Failure("unavailable", tally.told())
                        done = tally.done
                except AlreadyOwned:
                    done = await have_it_done(db, what.value, None, bar, task)
        stderr.print(f"{done} workspace(s) done.")

    run(command)
