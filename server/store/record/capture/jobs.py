"""Rows of jobs: each makes observations of one event, or the summary of one session. The caller owns the transaction.

A job is claimed until a time. If its process dies, another one claims it after that time. The one that ends a job names
its claim, so that one that lost the job meanwhile writes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.capture import jobs

Kind = Literal["event", "summary"]
State = Literal["queued", "processing", "completed", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "processing", "completed", "failed", "cancelled")
LONGEST_PROBLEM = 200
#: The keys that one statement looks up.
_LOOKED_UP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work on an event or a session, and its state."""

    id: str
    workspace_id: str
    kind: Kind
    source_id: str
    session_id: str | None
    state: State
    attempts: int
    retries: int
    due_at: datetime
    problem: str | None
    problem_kind: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


_FIELDS = tuple(Job.__dataclass_fields__)
_COLUMNS = [jobs.c[name] for name in _FIELDS]
_JOB = sa.select(*_COLUMNS)
#: Written out, because SQLite takes the index only if it sees its condition.
_OPEN = sa.text("state IN ('queued', 'processing')")


def _from_row(row: Any) -> Job:
    return Job(**dict(zip(_FIELDS, row, strict=True)))


def make_job(
    job_id: str,
    workspace_id: str,
    kind: Kind,
    source_id: str,
    session_id: str | None,
    now: datetime,
    due_at: datetime | None = None,
) -> Job:
    """Return a new job, which is to be done at a time, or at once."""
    return Job(
        id=job_id,
        workspace_id=workspace_id,
        kind=kind,
        source_id=source_id,
        session_id=session_id,
        state="queued",
        attempts=0,
        retries=0,
        due_at=due_at or now,
        problem=None,
        problem_kind=None,
        created_at=now,
        updated_at=now,
        finished_at=None,
    )


async def insert_jobs(connection: AsyncConnection, new: Sequence[Job]) -> dict[str, Job]:
    """Store jobs for sources that have none. Return the job of each of the sources, by the id of the source."""
    by_source = {each.source_id: each for each in new}
    rows = [{name: getattr(each, name) for name in _FIELDS} for each in by_source.values()]
    statement = insert_into(connection, jobs).on_conflict_do_nothing(index_elements=["source_id"])
    inserted = set((await connection.execute(statement.returning(jobs.c.source_id), rows)).scalars())
    return by_source | await find_jobs_of(connection, [each for each in by_source if each not in inserted])


async def find_jobs_of(connection: AsyncConnection, source_ids: Sequence[str]) -> dict[str, Job]:
    """Return the jobs of these events and sessions, by the id of the source."""
    found: dict[str, Job] = {}
    for start in range(0, len(source_ids), _LOOKED_UP):
        query = _JOB.where(jobs.c.source_id.in_(source_ids[start : start + _LOOKED_UP]))
        found |= {job.source_id: job for job in map(_from_row, await connection.execute(query))}
    return found


async def get_job(connection: AsyncConnection, job_id: str) -> Job | None:
    """Return the job with this id; None if there is none."""
    row = (await connection.execute(_JOB.where(jobs.c.id == job_id))).one_or_none()
    return None if row is None else _from_row(row)


async def is_any_due(connection: AsyncConnection, now: datetime) -> bool:
    """Whether a job can be claimed."""
    due = sa.select(jobs.c.id).where(_OPEN, jobs.c.due_at <= now).limit(1)
    return (await connection.execute(due)).scalar_one_or_none() is not None


async def claim_jobs(connection: AsyncConnection, claim: str, now: datetime, until: datetime, limit: int) -> list[Job]:
    """Claim the jobs that are due, the longest due first, until a time. No two claimants get the same one.

    Those whose earlier claimant has said nothing until the end of its claim are among them.
    """
    due = sa.select(jobs.c.id).where(_OPEN, jobs.c.due_at <= now).order_by(jobs.c.due_at, jobs.c.id).limit(limit)
    if connection.dialect.name != "sqlite":
        due = due.with_for_update(skip_locked=True)
    statement = (
        sa.update(jobs)
        .where(jobs.c.id.in_(due.scalar_subquery()))
        .values(state="processing", attempts=jobs.c.attempts + 1, due_at=until, claim=claim, updated_at=now)
        .returning(*_COLUMNS)
    )
    return sorted(map(_from_row, await connection.execute(statement)), key=lambda job: (job.created_at, job.id))


async def complete_jobs(connection: AsyncConnection, claim: str, job_ids: Collection[str], now: datetime) -> set[str]:
    """Complete those of the jobs that are still held by this claim, and return their ids."""
    return await _finish(connection, claim, job_ids, state="completed", finished_at=now, updated_at=now, problem=None)


async def fail_jobs(
    connection: AsyncConnection, claim: str, job_ids: Collection[str], now: datetime, problem: str, kind: str
) -> None:
    """Give up those of the jobs that are still held by this claim."""
    told = {"problem": problem[:LONGEST_PROBLEM], "problem_kind": kind}
    await _finish(connection, claim, job_ids, state="failed", finished_at=now, updated_at=now, **told)


async def delay_jobs(
    connection: AsyncConnection,
    claim: str,
    job_ids: Collection[str],
    now: datetime,
    due_at: datetime,
    problem: str,
    *,
    is_attempt: bool = True,
) -> None:
    """Have those of the jobs that are still held by this claim done again from a time on.

    `is_attempt` is False if the claim does not count as one of their attempts.
    """
    told = {"problem": problem[:LONGEST_PROBLEM], "problem_kind": "transient"}
    attempts = jobs.c.attempts if is_attempt else jobs.c.attempts - 1
    await _finish(connection, claim, job_ids, state="queued", due_at=due_at, updated_at=now, attempts=attempts, **told)


async def hold_claim(connection: AsyncConnection, claim: str, until: datetime) -> None:
    """Keep the jobs that are held by this claim from other claimants until a time."""
    held = sa.update(jobs).where(_OPEN, jobs.c.state == "processing", jobs.c.claim == claim)
    await connection.execute(held.values(due_at=until))


async def _finish(connection: AsyncConnection, claim: str, job_ids: Collection[str], **values: Any) -> set[str]:
    held = sa.update(jobs).where(jobs.c.id.in_(job_ids), jobs.c.state == "processing", jobs.c.claim == claim)
    return set((await connection.execute(held.values(claim=None, **values).returning(jobs.c.id))).scalars())


async def make_due(connection: AsyncConnection, session_id: str, now: datetime) -> None:
    """Have the jobs of a session done now that wait for a later time, and had no problem."""
    waiting = sa.update(jobs).where(jobs.c.session_id == session_id, jobs.c.state == "queued", jobs.c.problem.is_(None))
    await connection.execute(waiting.where(jobs.c.due_at > now).values(due_at=now))


async def requeue_unfinished(connection: AsyncConnection, now: datetime) -> None:
    """Have the jobs done again that were being done when the owner's predecessor died, without a lost attempt.

    Call it when the owner starts.
    """
    cut_off = sa.update(jobs).where(_OPEN, jobs.c.state == "processing")
    await connection.execute(cut_off.values(state="queued", due_at=now, claim=None, attempts=jobs.c.attempts - 1))


async def requeue_jobs(connection: AsyncConnection, job_ids: Collection[str], now: datetime) -> list[Job]:
    """Have failed and cancelled jobs done again, with the full number of attempts. Return them as they are now."""
    ended = sa.update(jobs).where(jobs.c.id.in_(job_ids), jobs.c.state.in_(("failed", "cancelled")))
    values = {"state": "queued", "attempts": 0, "retries": jobs.c.retries + 1, "due_at": now, "updated_at": now}
    statement = ended.values(**values, finished_at=None, problem=None, problem_kind=None).returning(*_COLUMNS)
    return [_from_row(row) for row in await connection.execute(statement)]


async def cancel_jobs(connection: AsyncConnection, job_ids: Collection[str], now: datetime) -> list[Job]:
    """Cancel jobs that are not completed. Return them as they are now."""
    left = sa.update(jobs).where(jobs.c.id.in_(job_ids), jobs.c.state.in_(("queued", "processing", "failed")))
    statement = left.values(state="cancelled", claim=None, finished_at=now, updated_at=now).returning(*_COLUMNS)
    return [_from_row(row) for row in await connection.execute(statement)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """The jobs to list: those of the workspaces that have the other properties as well, as far as they are given."""

    workspace_ids: Collection[str]
    states: Collection[State] = ()
    kind: Kind | None = None
    since: datetime | None = None

    def list_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions for a statement."""
        conditions: list[sa.ColumnElement[bool]] = [jobs.c.workspace_id.in_(self.workspace_ids)]
        if self.states:
            conditions.append(jobs.c.state.in_(self.states))
        if self.kind is not None:
            conditions.append(jobs.c.kind == self.kind)
        if self.since is not None:
            conditions.append(jobs.c.created_at >= self.since)
        return conditions


async def list_jobs(
    connection: AsyncConnection, wanted: JobFilter, limit: int, offset: int = 0
) -> tuple[list[Job], int]:
    """Return a page of jobs, the newest first, and how many there are on all pages."""
    conditions = wanted.list_conditions()
    page = _JOB.where(*conditions).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit).offset(offset)
    total = sa.select(sa.func.count()).select_from(jobs).where(*conditions)
    rows = (await connection.execute(page)).all()
    return [_from_row(row) for row in rows], (await connection.execute(total)).scalar_one()


async def count_jobs(connection: AsyncConnection) -> dict[State, int]:
    """Return the number of jobs of each state."""
    query = sa.select(jobs.c.state, sa.func.count().label("number")).group_by(jobs.c.state)
    return dict.fromkeys(STATES, 0) | {row.state: row.number for row in await connection.execute(query)}
