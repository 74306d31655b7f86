"""Rows of ticks: the work that is due at a time.

A tick is claimed by an insert that can fail, so any number of processes may try.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.accounts import workspaces
from server.store.tables.lifecycle import ticks

#: A tick that was claimed and not finished may be claimed again after this time: its process has died.
LEASE = timedelta(hours=1)
KEPT = timedelta(days=90)
LONGEST_PROBLEM = 500


class TickFigures(NamedTuple):
    """How the ticks of a name stand.

    Attributes:
        is_due: whether the last due time waits for a process to claim it.
        is_running: whether a process has claimed one and not finished it, and its lease holds.
        failed_workspaces: the number of workspaces in which the last finished one failed.
        last_success: when the last one ended that failed in no workspace; None if there is none.
    """

    is_due: bool
    is_running: bool
    failed_workspaces: int
    last_success: datetime | None


async def read_figures(connection: AsyncConnection, name: str, due: datetime, now: datetime) -> TickFigures:
    """Return how the ticks of a name stand; `due` is their last due time."""
    mine, is_finished = ticks.c.name == name, ticks.c.finished_at.is_not(None)
    running = sa.exists().where(mine, ~is_finished, ticks.c.claimed_at > now - LEASE)
    last = sa.select(ticks.c.failed).where(mine, is_finished).order_by(ticks.c.due_at.desc()).limit(1)
    success = sa.select(sa.func.max(ticks.c.finished_at)).where(mine, is_finished, ticks.c.failed == 0)
    row = (await connection.execute(sa.select(running, last.scalar_subquery(), success.scalar_subquery()))).one()
    return TickFigures(await is_tick_open(connection, name, due, now), row[0], row[1] or 0, row[2])


async def is_tick_open(connection: AsyncConnection, name: str, due: datetime, now: datetime) -> bool:
    """Whether nobody has claimed the tick, or its lease has passed and it was not finished."""
    query = sa.select(ticks.c.finished_at, ticks.c.claimed_at).where(ticks.c.name == name, ticks.c.due_at == due)
    row = (await connection.execute(query)).one_or_none()
    return row is None or (row.finished_at is None and row.claimed_at <= now - LEASE)


async def insert_claim(connection: AsyncConnection, name: str, due: datetime, now: datetime) -> bool:
    """Claim a tick. Return False if somebody else has it, or if it is the first of its name.

    The first one is noted as done: in a new record nothing was missed.
    """
    is_first = not (await connection.execute(sa.select(sa.exists().where(ticks.c.name == name)))).scalar_one()
    statement = insert_into(connection, ticks).values(
        name=name, due_at=due, claimed_at=now, finished_at=now if is_first else None, done=0, failed=0
    )
    statement = statement.on_conflict_do_update(
        index_elements=["name", "due_at"],
        set_={"claimed_at": now},
        where=sa.and_(ticks.c.finished_at.is_(None), ticks.c.claimed_at <= now - LEASE),
    )
    claimed = (await connection.execute(statement.returning(ticks.c.name))).scalar_one_or_none()
    return claimed is not None and not is_first


async def finish_tick(
    connection: AsyncConnection, name: str, due: datetime, now: datetime, done: int, failed: int, problem: str | None
) -> None:
    """Note how a tick ended, and delete those that are older than `KEPT`."""
    values = {"finished_at": now, "done": done, "failed": failed, "problem": problem and problem[:LONGEST_PROBLEM]}
    await connection.execute(sa.update(ticks).where(ticks.c.name == name, ticks.c.due_at == due).values(**values))
    await connection.execute(sa.delete(ticks).where(ticks.c.due_at <= now - KEPT))


async def find_last_whole_tick(connection: AsyncConnection, name: str) -> datetime | None:
    """Return when the last tick began that failed in no workspace, or None if there was none."""
    whole = sa.select(sa.func.max(ticks.c.claimed_at)).where(
        ticks.c.name == name, ticks.c.finished_at.is_not(None), ticks.c.failed == 0, ticks.c.done > 0
    )
    return (await connection.execute(whole)).scalar_one()


async def list_changed_workspaces(connection: AsyncConnection, since: datetime | None) -> set[str]:
    """Return the ids of the workspaces that changed at or after `since`, or of all if it is None."""
    query = sa.select(workspaces.c.id).where(workspaces.c.deleted_at.is_(None))
    if since is not None:
        query = query.where(workspaces.c.updated_at >= since)
    return set((await connection.execute(query)).scalars())
