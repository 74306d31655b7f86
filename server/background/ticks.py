"""Ticks: work that is due at set times, claimed in SQL, so that one process of all does it.

A tick that was missed because no process ran is done once, when one runs again. A tick that was cut off in the middle
is claimed again an hour later.
"""

import structlog

from server.background.work import Outcome
from server.background.works import WORKS
from server.progress import ignore_progress
from server.store.lifecycle.tick_claims import claim_tick
from server.store.record.works import ticks
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def do_due_ticks(services: Services) -> None:
    """Do each work whose last due time no process has claimed."""
    for work in WORKS.values():
        if work.after_midnight is None:
            continue
        due = work.find_last_due(services.now())
        if await claim_tick(services.db, work.name, due, services.now()):
            outcome = await work.handler(services, None, ignore_progress) or Outcome()
            done, failed = outcome.workspaces, outcome.failed
            async with services.db.write() as connection:
                await ticks.finish_tick(connection, work.name, due, services.now(), done, failed, outcome.problem)
            log.info("tick.done", work=work.name, workspaces=done, failed=failed)
