"""The loop: starts each background work at its interval while the server runs.

Each work runs on its own until it is cancelled, which may happen in the middle of a step. A work that fails is logged
and tried again, and does not stop the others. No request waits for any of it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog

from server.background.runs import do_filed_runs
from server.background.ticks import do_due_ticks
from server.background.upkeep import write_counts
from server.background.work import QUEUES
from server.background.works import WORKS
from server.observer import NOBODY, Observer
from server.progress import ignore_progress
from server.store.record.capture import jobs
from server.store.record.works import runs
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The time between two looks for filed runs, and between two looks for due ticks.
RUN_INTERVAL, TICK_INTERVAL = timedelta(seconds=1), timedelta(seconds=30)

Step = Callable[[], Awaitable[object]]


@asynccontextmanager
async def run_background(services: Services) -> AsyncGenerator[None]:
    """Do the background work while the block lasts. The counts in memory are written before it ends."""
    if services.is_search_embedded:  # no other process does runs on it; on a Qdrant server others may be doing them
        async with services.db.write() as connection:
            await runs.refile_unfinished(connection)
            await jobs.requeue_unfinished(connection, services.now())
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(repeat(*each, services.observer), name=each[0]) for each in _list_steps(services)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await write_counts(services)


async def repeat(name: str, interval: timedelta, step: Step, observer: Observer = NOBODY) -> None:
    """Do a step again and again, with a pause of `interval` in between, until the task is cancelled."""
    while True:
        try:
            with observer.watch("work", name):
                await step()
        except Exception:
            log.exception("work.failed", work=name)
        await asyncio.sleep(interval.total_seconds())


def _list_steps(services: Services) -> list[tuple[str, timedelta, Step]]:
    """Return the name, the interval and the step of each task of the loop."""
    works = [
        (work.name, work.interval, partial(work.handler, services, None, ignore_progress))
        for work in WORKS.values()
        if work.interval is not None and work.after_midnight is None
    ]
    queues = [(f"{queue} runs", RUN_INTERVAL, partial(do_filed_runs, services, queue)) for queue in QUEUES]
    return [*works, *queues, ("ticks", TICK_INTERVAL, partial(do_due_ticks, services))]
