"""What happens at set times, in every workspace: memories fade, and at night those that belong together are merged.

A tick that nobody was there for happens once, when somebody is. One workspace's failure is noted and does not stop
the others. Everything may be cancelled between two steps; a tick that was cut off is taken up again later.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from server.memory.decay import HalfLives
from server.memory.ids import new_id
from server.memory.settings import WorkspaceSettings
from server.store.consolidation import carry_out, runs
from server.store.consolidation.carry_out import ConsolidationDeps
from server.store.lifecycle.decay import decay
from server.store.projection.reindex import Progress
from server.store.record import settings, ticks, workspaces
from server.store.record.memories import Actor

log = structlog.get_logger(__name__)

#: Who the journal says merged memories at night.
NIGHT = "loci"
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)

Work = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tally:
    """In how many workspaces something was done, in how many it failed, and how it first did."""

    done: int
    failed: int
    problem: str | None

    def told(self) -> str:
        """What went wrong, in a sentence."""
        return f"It failed in {self.failed} of {self.done} workspaces, first in {self.problem}; the log says why."


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is due every so often, at first so long after midnight, UTC."""

    name: str
    every: timedelta
    after_midnight: timedelta
    work: Callable[[ConsolidationDeps, Callable[[], datetime]], Awaitable[Tally]]

    def last_due(self, now: datetime) -> datetime:
        """When it was due last."""
        first = _MIDNIGHT + self.after_midnight
        return first + (now - first) // self.every * self.every


async def no_progress(done: int, total: int) -> None:
    """For work that nobody watches."""


async def run_due(means: ConsolidationDeps, now: Callable[[], datetime]) -> None:
    """Do what is due and nobody has done."""
    for tick in TICKS:
        due = tick.last_due(now())
        if await ticks.claim(means.db, tick.name, due, now()):
            tally = await tick.work(means, now)
            async with means.db.write() as connection:
                await ticks.finish(connection, tick.name, due, now(), tally.done, tally.failed, tally.problem)
            log.info("a tick is done", tick=tick.name, workspaces=tally.done, failed=tally.failed)


async def decay_all(means: ConsolidationDeps, now: Callable[[], datetime], progress: Progress = no_progress) -> Tally:
    """Let every workspace's memories fade to what they are now."""

    async def fade(workspace_id: str) -> None:
        chosen = await _settings(means, workspace_id)
        half_lives = HalfLives.in_days(chosen.half_life_days, chosen.half_lives)
        await decay(means.db, workspace_id, now(), half_lives)

    return await _in_each(await _every_workspace(means), fade, progress)


async def consolidate_all(
    means: ConsolidationDeps,
    now: Callable[[], datetime],
    progress: Progress = no_progress,
    since: datetime | None = None,
) -> Tally:
    """Merge what belongs together in every workspace, or in those that changed since a time.

    Opens the collections only of those in which something was merged.
    """

    async def merge(workspace_id: str) -> None:
        await _consolidate(means, workspace_id, now())

    async with means.db.read() as connection:
        changed = await ticks.changed_since(connection, since)
    return await _in_each([each for each in await _every_workspace(means) if each in changed], merge, progress)


async def nightly(means: ConsolidationDeps, now: Callable[[], datetime]) -> Tally:
    """Let memories fade everywhere, then merge where something changed since the last whole night."""
    async with means.db.read() as connection:
        since = await ticks.last_whole(connection, "nightly")
    faded = await decay_all(means, now)
    merged = await consolidate_all(means, now, since=since)
    return Tally(faded.done, faded.failed + merged.failed, faded.problem or merged.problem)


TICKS = (
    Tick("decay", timedelta(hours=6), timedelta(0), decay_all),
    Tick("nightly", timedelta(days=1), timedelta(hours=3), nightly),
)


async def _settings(means: ConsolidationDeps, workspace_id: str) -> WorkspaceSettings:
    async with means.db.read() as connection:
        return (await settings.load(connection, workspace_id)).settings


async def _every_workspace(means: ConsolidationDeps) -> list[str]:
    async with means.db.read() as connection:
        return await workspaces.all_ids(connection)


async def _in_each(ids: Collection[str], work: Work, progress: Progress) -> Tally:
    failed, problem = 0, None
    for done, workspace_id in enumerate(ids, start=1):
        try:
            await work(workspace_id)
        except Exception as error:
            log.exception("the background failed in a workspace", workspace=workspace_id)
            failed, problem = failed + 1, problem or f"{workspace_id}: {type(error).__name__}"
        await progress(done, len(ids))
    return Tally(len(ids), failed, problem)


async def _consolidate(means: ConsolidationDeps, workspace_id: str, now: datetime) -> None:
    """One workspace's night. That it was stopped, because it was too much, is kept for its owner to see."""
    run_id = new_id(now)
    actor = Actor(NIGHT, NIGHT, "nightly_consolidation", run_id)
    share = (await _settings(means, workspace_id)).chosen_share
    outcome = await carry_out.run(means, workspace_id, actor, now, kind="nightly", share=share)
    if outcome.state == "stopped":
        planned = outcome.plan
        async with means.db.write() as connection:
            await runs.record(
                connection, run_id, workspace_id, "nightly", "stopped", now, planned.active, planned.sources
            )
