"""Ticks: what is due at a time is claimed by an insert that can fail, so any number of processes may try."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import Database, insert_into
from server.store.tables.accounts import workspaces
from server.store.tables.lifecycle import ticks

#: After how long a tick that was claimed and never finished may be claimed again: its process has died.
LEASE = timedelta(hours=1)
KEPT = timedelta(days=90)
LONGEST_PROBLEM = 500


async def claim(db: Database, name: str, due: datetime, now: datetime) -> bool:
    """Take a tick; False where somebody has it, or had it.

    The first one of all is noted as done and not taken: in a new record nothing was missed.
    """
    mine = sa.and_(ticks.c.name == name, ticks.c.due_at == due)
    async with db.read() as connection:
        if not await _is_open(connection, mine, now):
            return False
    async with db.write() as connection:
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


async def _is_open(connection: AsyncConnection, mine: sa.ColumnElement[bool], now: datetime) -> bool:
    """Whether nobody has the tick, or whoever had it died."""
    row = (await connection.execute(sa.select(ticks.c.finished_at, ticks.c.claimed_at).where(mine))).one_or_none()
    return row is None or (row.finished_at is None and row.claimed_at <= now - LEASE)


async def finish(
    connection: AsyncConnection, name: str, due: datetime, now: datetime, done: int, failed: int, problem: str | None
) -> None:
    """Note how a tick ended, and forget those of long ago."""
    values = {"finished_at": now, "done": done, "failed": failed, "problem": problem and problem[:LONGEST_PROBLEM]}
    await connection.execute(sa.update(ticks).where(ticks.c.name == name, ticks.c.due_at == due).values(**values))
    await connection.execute(sa.delete(ticks).where(ticks.c.due_at <= now - KEPT))


async def last_whole(connection: AsyncConnection, name: str) -> datetime | None:
    """When the last tick of this name began that got through every workspace; None where there was none."""
    whole = sa.select(sa.func.max(ticks.c.claimed_at)).where(
        ticks.c.name == name, ticks.c.finished_at.is_not(None), ticks.c.failed == 0, ticks.c.done > 0
    )
    return (await connection.execute(whole)).scalar_one()


async def changed_since(connection: AsyncConnection, since: datetime | None) -> set[str]:
    """The workspaces in which something changed after a time; all of them where there is none."""
    query = sa.select(workspaces.c.id).where(workspaces.c.deleted_at.is_(None))
    if since is not None:
        query = query.where(workspaces.c.updated_at >= since)
    return set((await connection.execute(query)).scalars())
