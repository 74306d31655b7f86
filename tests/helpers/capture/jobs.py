"""Jobs of capture, done now: the loop of a server does them as well, so a test waits for those that it has begun."""

import asyncio

import sqlalchemy as sa

from server.background.observing import do_jobs
from server.store.tables.capture import jobs


async def finish_jobs(services, seconds=60) -> None:
    """Return when no job is due, and none is being done."""
    async with asyncio.timeout(seconds):
        while True:
            await do_jobs(services)
            async with services.db.read() as connection:
                busy = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.state == "processing")
                if not (await connection.execute(busy)).scalar_one():
                    return
            await asyncio.sleep(0.01)  # the loop's own task does the rest
