"""Rows of runs: long work that a command files and the process that owns the search store does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.tables.runs import runs

#: How long a process that does a run may say nothing of it before another one takes the run.
LOST = timedelta(minutes=2)

State = Literal["filed", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """One piece of work, its progress, and its problem if it failed."""

    id: str
    work: str
    argument: str | None
    state: State
    done: int
    total: int | None
    problem: str | None


_RUN = sa.select(runs.c.id, runs.c.work, runs.c.argument, runs.c.state, runs.c.done, runs.c.total, runs.c.problem)


async def file_run(connection: AsyncConnection, work: str, argument: str | None, now: datetime) -> str:
    """File work to be done, and return the id of the run."""
    run_id = new_id(now)
    values = {"id": run_id, "work": work, "argument": argument, "state": "filed", "done": 0, "filed_at": now}
    await connection.execute(sa.insert(runs).values(**values))
    return run_id


async def is_any_filed(connection: AsyncConnection, works: Sequence[str], now: datetime) -> bool:
    """Whether a run of these works waits to be claimed."""
    filed = sa.exists().where(_is_claimable(now), runs.c.work.in_(works))
    return (await connection.execute(sa.select(filed))).scalar_one()


async def claim_run(connection: AsyncConnection, works: Sequence[str], now: datetime) -> Run | None:
    """Take the oldest run of these kinds that nobody does; two claimants never get the same one."""
    filed = sa.select(runs.c.id).where(_is_claimable(now), runs.c.work.in_(works))
    oldest = filed.order_by(runs.c.id).limit(1).scalar_subquery()
    claim = sa.update(runs).where(runs.c.id == oldest, _is_claimable(now))
    claim = claim.values(state="running", done=0, seen_at=now)
    claimed = (await connection.execute(claim.returning(runs.c.id))).scalar_one_or_none()
    return None if claimed is None else await find_run(connection, claimed)


async def count_runs(connection: AsyncConnection) -> dict[State, int]:
    """Return the number of runs that wait, that are being done, and that failed."""
    states: tuple[State, ...] = ("filed", "running", "failed")
    query = (
        sa.select(runs.c.state, sa.func.count().label("number")).where(runs.c.state.in_(states)).group_by(runs.c.state)
    )
    found: dict[State, int] = {row.state: row.number for row in await connection.execute(query)}
    return {state: found.get(state, 0) for state in states}


async def find_run(connection: AsyncConnection, run_id: str) -> Run:
    """Return a run as it stands now."""
    return Run(*(await connection.execute(_RUN.where(runs.c.id == run_id))).one())


async def note_alive(connection: AsyncConnection, run_id: str, now: datetime) -> None:
    """Say that this process still does a run."""
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(seen_at=now))


async def note_progress(connection: AsyncConnection, run_id: str, done: int, total: int) -> None:
    """Store the progress of a run."""
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(done=done, total=total))


async def finish_run(connection: AsyncConnection, run_id: str, now: datetime, problem: str | None) -> None:
    """End a run: it is done if there is no problem, else it failed."""
    state = "done" if problem is None else "failed"
    values = {"state": state, "problem": problem, "finished_at": now}
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))


async def keep_result(connection: AsyncConnection, run_id: str, result: dict[str, Any]) -> None:
    """Store the result of a run, for the command that filed it."""
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(result=result))


async def take_result(connection: AsyncConnection, run_id: str) -> dict[str, Any]:
    """Return the result of a run, and delete it, because it may quote memories."""
    result = (await connection.execute(sa.select(runs.c.result).where(runs.c.id == run_id))).scalar_one()
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(result=None))
    return result or {}


async def refile_unfinished(connection: AsyncConnection) -> None:
    """File again the runs that were running when the owner's predecessor died. Call it when the owner starts."""
    await connection.execute(sa.update(runs).where(runs.c.state == "running").values(state="filed", done=0))


def _is_claimable(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a run is filed, or the process that did it has said nothing of it for long."""
    is_lost = sa.and_(runs.c.state == "running", runs.c.seen_at <= now - LOST)
    return sa.or_(runs.c.state == "filed", is_lost)
