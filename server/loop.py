"""The clockwork: what goes on in the background while the server runs.

Each job runs by itself, forever, until it is cancelled between two steps; one that fails is logged and tried
again, and does not stop the others. A read never waits on any of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from server.store.oauth_garbage import collect_garbage
from server.store import erasure, keys
from server.store.backfill import backfill
from tools.services import Services

log = structlog.get_logger(__name__)

DRAIN = 1.0
FLUSH = 5.0
HOUSEKEEPING = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again, every `seconds`."""

    name: str
    seconds: float
    step: Callable[[], Awaitable[None]]


def jobs(services: Services) -> list[Job]:
    """Everything that is done in the background."""
    return [
        Job("drain", DRAIN, lambda: drain(services)),
        Job(
            "fill in vectors", DRAIN, lambda: backfill(services.db, services.encoder, services.projection, services.now)
        ),
        Job("flush", FLUSH, services.projection.flush),
        Job("housekeeping", HOUSEKEEPING, lambda: keep_house(services)),
    ]


async def drain(services: Services) -> None:
    """Write what was counted in memory: accesses, and when keys were used."""
    await services.accesses.drain()
    used = services.authenticator.take_used()
    if used:
        async with services.db.write() as connection:
            await keys.mark_used(connection, used)


async def keep_house(services: Services) -> None:
    """Erase what was deleted long ago, and collect what OAuth left behind."""
    now = services.now()
    await erasure.erase_due(services.db, now, timedelta(days=services.settings.undo_days))
    async with services.db.write() as connection:
        await collect_garbage(connection, now)


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """The jobs, for as long as the block lasts; what was counted is written before it ends."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_repeat(job), name=job.name) for job in jobs(services)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
    await drain(services)


async def _repeat(job: Job) -> None:
    while True:
        try:
            await job.step()
        except Exception:
            log.exception("a background job failed; it will be tried again", job=job.name)
        await asyncio.sleep(job.seconds)
