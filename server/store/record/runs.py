"""Runs: long work that a command line files, and that whoever owns the search store does, with its progress in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.tables.runs import runs

State = Literal["filed", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """One piece of work, how far it is, and what went wrong."""

    id: str
    work: str
    argument: str | None
    state: State
    done: int
    total: int | None
    problem: str | None


_RUN = sa.select(runs.c.id, runs.c.work, runs.c.argument, runs.c.state, runs.c.done, runs.c.total, runs.c.problem)


async def file_run(connection: AsyncConnection, work: str, argument: str | None, now: datetime) -> str:
    """Ask for work to be done; its id."""
    run_id = new_id(now)
    values = {"id": run_id, "work": work, "argument": argument, "state": "filed", "done": 0, "filed_at": now}
    await connection.execute(sa.insert(runs).values(**values))
    return run_id


async def is_any_filed(connection: AsyncConnection, works: Sequence[str]) -> bool:
    """Whether there is work of these kinds that nobody has taken."""
    filed = sa.exists().where(runs.c.state == "filed", runs.c.work.in_(works))
    return (await connection.execute(sa.select(filed))).scalar_one()


async def claim_run(connection: AsyncConnection, works: Sequence[str]) -> Run | None:
    """Take the oldest run of these kinds that nobody has taken; two claimants never get the same one."""
    filed = sa.select(runs.c.id).where(runs.c.state == "filed", runs.c.work.in_(works))
    oldest = filed.order_by(runs.c.id).limit(1).scalar_subquery()
    claim = sa.update(runs).where(runs.c.id == oldest, runs.c.state == "filed").values(state="running")
    claimed = (await connection.execute(claim.returning(runs.c.id))).scalar_one_or_none()
    return None if claimed is None else await find_run(connection, claimed)


async def find_run(connection: AsyncConnection, run_id: str) -> Run:
    """A run as it stands."""
    return Run(*(await connection.execute(_RUN.where(runs.c.id == run_id))).one())


async def note_progress(connection: AsyncConnection, run_id: str, done: int, total: int) -> None:
    """Say how far a run is."""
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(done=done, total=total))


async def finish_run(connection: AsyncConnection, run_id: str, now: datetime, problem: str | None) -> None:
    """End a run, well or with a problem."""
    state = "done" if problem is None else "failed"
    values = {"state": state, "problem": problem, "finished_at": now}
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))


async def keep_result(connection: AsyncConnection, run_id: str, result: dict[str, Any]) -> None:
    """Leave what a run found out for whoever filed it."""
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(result=result))


async def take_result(connection: AsyncConnection, run_id: str) -> dict[str, Any]:
    """What a run found out. It is kept no longer: it may quote what people store."""
    result = (await connection.execute(sa.select(runs.c.result).where(runs.c.id == run_id))).scalar_one()
    await connection.execute(sa.update(runs).where(runs.c.id == run_id).values(result=None))
    return result or {}


async def refile_unfinished(connection: AsyncConnection) -> None:
    """At an owner's start: what its predecessor was doing when it died is filed again."""
    await connection.execute(sa.update(runs).where(runs.c.state == "running").values(state="filed", done=0))
