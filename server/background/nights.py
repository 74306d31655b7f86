"""The works that change memories in every workspace: they decay, and at night repeats are merged.

A failure in one workspace is noted and does not stop the others. Everything may be cancelled between two steps.
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from functools import partial

import structlog

from server.background.work import Outcome
from server.ids import new_id
from server.memory.decay import HalfLives
from server.memory.settings import Consolidation, WorkspaceSettings
from server.progress import Progress, ignore_progress
from server.store.consolidation import carry_out, runs
from server.store.consolidation.carry_out import ConsolidationDeps
from server.store.consolidation.merge_plan import Rule
from server.store.lifecycle.decay import decay_relevance
from server.store.record import settings, workspaces
from server.store.record.journal import Actor
from server.store.record.works import ticks
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The author, in the journal, of what is merged at night.
NIGHT = "loci"
#: The memories that belong together by each setting, if nobody asked for it.
_RULES: dict[Consolidation, Rule] = {"duplicates": "duplicates", "tags": "close"}


async def decay_all(services: Services, _argument: str | None = None, progress: Progress = ignore_progress) -> Outcome:
    """Lower the relevance of every workspace's memories to its value now."""

    async def decay_workspace(workspace_id: str) -> None:
        chosen = await _load_settings(services, workspace_id)
        half_lives = HalfLives.in_days(chosen.half_life_days, chosen.half_lives)
        await decay_relevance(services.db, workspace_id, services.now(), half_lives)

    return await _do_in_each(await _list_workspaces(services), decay_workspace, progress)


async def consolidate_all(
    services: Services, _argument: str | None = None, progress: Progress = ignore_progress
) -> Outcome:
    """Merge what the setting `consolidation` of each workspace says."""
    return await _consolidate_changed(services, None, progress)


async def consolidate_nightly(
    services: Services, _argument: str | None = None, progress: Progress = ignore_progress
) -> Outcome:
    """Let memories decay in every workspace, then merge in those that changed since the last complete night."""
    async with services.db.read() as connection:
        since = await ticks.find_last_whole_tick(connection, "nightly")
    decayed = await decay_all(services)
    merged = await _consolidate_changed(services, since, progress)
    return Outcome(decayed.workspaces, decayed.failed + merged.failed, decayed.problem or merged.problem)


async def _consolidate_changed(services: Services, since: datetime | None, progress: Progress) -> Outcome:
    """Merge in the workspaces that changed since a time, or in all of them.

    Opens the collections only of those in which something was merged.
    """
    async with services.db.read() as connection:
        changed = await ticks.list_changed_workspaces(connection, since)
    ids = [each for each in await _list_workspaces(services) if each in changed]
    return await _do_in_each(ids, partial(consolidate_workspace, services), progress)


async def consolidate_workspace(services: Services, workspace_id: str) -> None:
    """Consolidate one workspace as its night does.

    If it was stopped because it would change too much, its owner can see that.
    """
    chosen = await _load_settings(services, workspace_id)
    way = chosen.consolidation if "consolidation" in chosen.model_fields_set else services.consolidation
    if way == "off" or chosen.chosen_share == 0:
        return
    now = services.now()
    run_id = new_id(now)
    deps = ConsolidationDeps(services.db, services.projection, services.encoder, services.llm, services.tombstones)
    actor = Actor(NIGHT, NIGHT, "nightly_consolidation", run_id)
    outcome = await carry_out.consolidate_workspace(
        deps, workspace_id, actor, now, kind="nightly", rule=_RULES[way], share=chosen.chosen_share
    )
    if outcome.state == "stopped":
        planned = outcome.plan
        async with services.db.write() as connection:
            await runs.insert_run(
                connection, run_id, workspace_id, "nightly", "stopped", now, planned.active, planned.sources
            )


async def _load_settings(services: Services, workspace_id: str) -> WorkspaceSettings:
    async with services.db.read() as connection:
        return (await settings.load_settings(connection, workspace_id)).settings


async def _list_workspaces(services: Services) -> list[str]:
    async with services.db.read() as connection:
        return await workspaces.list_workspace_ids(connection)


async def _do_in_each(
    ids: Collection[str], do_in_workspace: Callable[[str], Awaitable[None]], progress: Progress
) -> Outcome:
    failed, problem = 0, None
    for done, workspace_id in enumerate(ids, start=1):
        try:
            await do_in_workspace(workspace_id)
        except Exception as error:
            log.exception("work.failed_in_workspace", workspace=workspace_id)
            failed, problem = failed + 1, problem or f"{workspace_id}: {type(error).__name__}"
        await progress(done, len(ids))
    return Outcome(len(ids), failed, problem)
