"""The work on jobs: memories are made of the events that agents reported, and summaries of their sessions.

A job is claimed for some minutes, and completed in the transaction that stores its memories. So a process that dies in
the middle leaves nothing half done: another one, or its successor, does the job again. A job that fails is tried again
after a pause, and given up after some attempts.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog

from server.background.observations import Draft, draft_observations, store_drafts
from server.background.reading import ModelDown, Reader
from server.ids import new_id
from server.progress import Progress, ignore_progress
from server.store.record.capture import events, jobs, sessions, told_texts
from server.store.record.capture.events import Event
from server.store.record.capture.jobs import Job
from server.store.record.people.plans import QuotaExceeded
from server.store.record.people.standing import find_ended_credentials
from server.store.record.workspaces import WorkspaceGone
from tools.capture.wire import MOST_ATTEMPTS
from tools.core.services import Services
from tools.memories.storing import index_new_memories

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: How many jobs are claimed at once, and for how long.
BATCH, LEASE = 200, timedelta(minutes=2)
#: How many earlier events of a session are read with new ones, because what these mean may depend on them.
CONTEXT = 40
#: The most events of a session of which its summary is made: the last ones.
SUMMED_UP = 1_000
#: The pauses after the first and the second failed attempt.
PAUSES = (timedelta(seconds=5), timedelta(seconds=10))


@dataclass(frozen=True, slots=True)
class _Group:
    """Jobs that are looked at together: of the events of one session, of one event without a session, of a summary."""

    jobs: list[Job]
    reported: list[Event]
    context: list[Event]
    #: The fingerprints of what the agent was told in the session.
    injected: list[str]


async def do_jobs(services: Services, _argument: str | None = None, _progress: Progress = ignore_progress) -> None:
    """Do the jobs that are due. Return when none is."""
    while True:
        async with services.db.read() as connection:
            if not await jobs.is_any_due(connection, services.now()):
                return
        now = services.now()
        claim = new_id(now)
        async with services.db.write() as connection:
            claimed = await jobs.claim_jobs(connection, claim, now, now + LEASE, BATCH)
        reader = Reader(services, partial(_hold_claim, services, claim))
        for workspace_id, some in _group_by(claimed, lambda job: job.workspace_id).items():
            await _do_in_workspace(services, reader, claim, workspace_id, some)


def _group_by(values: Sequence[T], find_key: Callable[[T], str]) -> dict[str, list[T]]:
    grouped: dict[str, list[T]] = {}
    for each in values:
        grouped.setdefault(find_key(each), []).append(each)
    return grouped


async def _hold_claim(services: Services, claim: str) -> None:
    async with services.db.write() as connection:
        await jobs.hold_claim(connection, claim, services.now() + LEASE)


async def _do_in_workspace(
    services: Services, reader: Reader, claim: str, workspace_id: str, claimed: Sequence[Job]
) -> None:
    """Do claimed jobs of one workspace: each is completed, waits for its next attempt, or is given up."""
    lost = [job for job in claimed if job.attempts > MOST_ATTEMPTS]
    await _give_up(services, claim, lost, "no attempt came to its end", "transient")
    left = [job for job in claimed if job.attempts <= MOST_ATTEMPTS]
    # The summary of a session comes after what was done in it.
    groups = await _read_groups(services, sorted(left, key=lambda job: job.kind == "summary"))
    groups = await _leave_out_ended_keys(services, claim, groups)
    results = await asyncio.gather(*(_draft(reader, group) for group in groups))
    failed = [(group.jobs, each) for group, each in zip(groups, results, strict=True) if isinstance(each, Exception)]
    await _note_failures(services, claim, failed)
    drafts = [draft for some in results if not isinstance(some, Exception) for draft in some]
    done = [job for group, each in zip(groups, results, strict=True) if isinstance(each, list) for job in group.jobs]
    try:
        await _store(services, claim, workspace_id, done, drafts)
    except QuotaExceeded as refusal:
        fruitful = {draft.job_id for draft in drafts}
        await _give_up(services, claim, [job for job in done if job.id in fruitful], f"quota: {refusal}", "permanent")
        await _store(services, claim, workspace_id, [job for job in done if job.id not in fruitful], [])
    except WorkspaceGone:
        await _give_up(services, claim, done, "the workspace was deleted", "permanent")


async def _leave_out_ended_keys(services: Services, claim: str, groups: Sequence[_Group]) -> list[_Group]:
    """Return the groups without what was reported with keys and logins that have ended. Their jobs are given up.

    One is revoked because a stranger has it, or may have it.
    """
    credentials = {each.credential_id for group in groups for each in group.reported}
    async with services.db.read() as connection:
        ended = await find_ended_credentials(connection, credentials, services.now())
    if not ended:
        return list(groups)
    left: list[_Group] = []
    for group in groups:
        reported = [each for each in group.reported if each.credential_id not in ended]
        ids = {each.id for each in reported}
        refused = [job for job in group.jobs if not (ids if job.kind == "summary" else job.source_id in ids)]
        await _give_up(services, claim, refused, "revoked_key: whatever reported it has lost its access", "permanent")
        if len(refused) < len(group.jobs):
            left.append(replace(group, jobs=[job for job in group.jobs if job not in refused], reported=reported))
    return left


async def _draft(reader: Reader, group: _Group) -> list[Draft] | Exception:
    """Return what is made of a group, or the error that came up. One group must not take the others with it."""
    async with reader.turns:
        try:
            return await draft_observations(reader, group.jobs, group.reported, group.context, group.injected)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and the jobs are tried again
            return error


async def _give_up(services: Services, claim: str, failed: Sequence[Job], problem: str, kind: str) -> None:
    if failed:
        async with services.db.write() as connection:
            await jobs.fail_jobs(connection, claim, [job.id for job in failed], services.now(), problem, kind)


async def _note_failures(services: Services, claim: str, failures: Sequence[tuple[Sequence[Job], Exception]]) -> None:
    """Have jobs done again: those of the same error together, so that hundreds of them are one line of the log."""
    for errors in _group_by(failures, lambda failure: type(failure[1]).__name__).values():
        failed = [job for some, _ in errors for job in some]
        error = errors[0][1]
        if isinstance(error, ModelDown):
            problem, ids = f"the language model is down: {error.reason}", [job.id for job in failed]
            async with services.db.write() as connection:
                await jobs.delay_jobs(connection, claim, ids, services.now(), error.until, problem, is_attempt=False)
        else:
            log.error("job.failed", jobs=len(failed), error=type(error).__name__, exc_info=error)
            await _have_tried_again(services, claim, failed, type(error).__name__)


async def _have_tried_again(services: Services, claim: str, failed: Sequence[Job], problem: str) -> None:
    """Have jobs tried again after a pause, or give them up after the last attempt."""
    now = services.now()
    spent = [job for job in failed if job.attempts >= MOST_ATTEMPTS]
    await _give_up(services, claim, spent, problem, "transient")
    for attempts, pause in enumerate(PAUSES, start=1):
        if ids := [job.id for job in failed if job.attempts == attempts]:
            async with services.db.write() as connection:
                await jobs.delay_jobs(connection, claim, ids, now, now + pause, problem)


async def _store(
    services: Services, claim: str, workspace_id: str, done: Sequence[Job], drafts: Sequence[Draft]
) -> None:
    """Complete jobs and store what was made of them in one transaction. A lost job is left alone."""
    if not done:
        return
    now = services.now()
    async with services.db.write() as connection:
        held = await jobs.complete_jobs(connection, claim, [job.id for job in done], now)
        kept = [draft for draft in drafts if draft.job_id in held]
        stored = await store_drafts(connection, services, workspace_id, claim, kept, now)
        await sessions.note_observed(connection, {each.session_id for each in kept if each.session_id}, now)
    if stored and (workspace := await services.directory.get_workspace(workspace_id)) is not None:
        await index_new_memories(services, workspace, stored, None)


async def _read_groups(services: Services, claimed: Sequence[Job]) -> list[_Group]:
    """Return the jobs in groups, with the events that they are about and the earlier ones of their sessions."""
    groups: list[_Group] = []
    async with services.db.read() as connection:
        session_ids = {job.session_id for job in claimed if job.session_id is not None}
        injected = await told_texts.list_fingerprints(connection, session_ids)
        there = await events.list_events(connection, [job.source_id for job in claimed if job.kind == "event"])
        for some in _group_by(claimed, lambda job: f"{job.kind} {job.session_id or job.id}").values():
            told_here = injected.get(some[0].session_id or "", [])
            if some[0].kind == "summary":
                of_session = await events.list_last_events(connection, some[0].source_id, SUMMED_UP)
                groups.append(_Group(some, of_session, [], told_here))
                continue
            found = [there[job.source_id] for job in some if job.source_id in there]
            reported = sorted(found, key=lambda each: (each.occurred_at, each.id))
            context: list[Event] = []
            if reported and (session_id := reported[0].session_id) is not None:
                context = await events.list_events_before(connection, session_id, reported[0], CONTEXT)
            groups.append(_Group(some, reported, context, told_here))
    return groups
