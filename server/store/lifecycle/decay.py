"""One pass over a workspace that brings every stored `relevance` up to date.

The database calculates, so the event loop has next to nothing to do. It works in short transactions, each over a
range of revisions, so that other writers get their turn between them. Relevance is no part of a memory's revision:
nothing is journaled and no point is rewritten.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from server.memory.decay import NEVER, HalfLives, compute_relevance
from server.store.db import Database
from server.store.record.relations.current import IN_RECALL
from server.store.tables.memories import memories

BATCH = 2_000
#: A smaller change is not written.
SMALLEST_CHANGE = 0.0001

_HOUR_SECONDS = 3600
_DAY_HOURS = 24


class _Sql:
    """The arithmetic of SQL's expressions."""

    def __init__(self, *, is_sqlite: bool) -> None:
        self._least = sa.func.min if is_sqlite else sa.func.least
        self._greatest = sa.func.max if is_sqlite else sa.func.greatest

    def power(self, base: Any, exponent: Any) -> Any:
        return sa.func.power(base, exponent)

    def log(self, value: Any) -> Any:
        return sa.func.ln(value)

    def least(self, one: Any, other: Any) -> Any:
        return self._least(one, other)

    def greatest(self, one: Any, other: Any) -> Any:
        return self._greatest(one, other)


def _count_hours_since(column: sa.Column[Any], now: datetime, *, is_sqlite: bool) -> sa.ColumnElement[Any]:
    then = sa.literal(now, column.type)
    if is_sqlite:
        return (sa.func.julianday(then, type_=sa.Double) - sa.func.julianday(column, type_=sa.Double)) * _DAY_HOURS
    return sa.cast(sa.extract("epoch", then - column), sa.Double) / _HOUR_SECONDS


def _compute_relevance(now: datetime, half_lives: HalfLives, *, is_sqlite: bool) -> sa.ColumnElement[float]:
    """Return a row's relevance as an SQL expression."""
    table = memories.c
    half_life: Any = half_lives.hours
    if half_lives.by_type:
        half_life = sa.case(dict(half_lives.by_type), value=table.type, else_=half_lives.hours)
    never = sa.func.coalesce(
        _count_hours_since(table.last_accessed_at, now, is_sqlite=is_sqlite), NEVER, type_=sa.Double
    )
    age = _count_hours_since(table.created_at, now, is_sqlite=is_sqlite)
    accesses = sa.cast(table.access_count, sa.Double)
    return compute_relevance(age, accesses, never, half_life, by=_Sql(is_sqlite=is_sqlite))


async def decay_relevance(db: Database, workspace_id: str, now: datetime, half_lives: HalfLives | None = None) -> int:
    """Bring the relevance of a workspace's active memories up to date, and return the number of rows changed.

    It may be stopped between any two batches; the batches that are done stay done.
    """
    new = _compute_relevance(now, half_lives or HalfLives(), is_sqlite=db.is_sqlite)
    after, changed = 0, 0
    while (until := await _find_batch_end(db, workspace_id, after)) is not None:
        statement = (
            sa.update(memories)
            .where(
                memories.c.workspace_id == workspace_id,
                memories.c.revision > after,
                memories.c.revision <= until,
                memories.c.deleted_at.is_(None),
                IN_RECALL,
                memories.c.pinned_at.is_(None),
                sa.func.abs(new - memories.c.relevance) > SMALLEST_CHANGE,
            )
            .values(relevance=new)
        )
        async with db.write() as connection:
            changed += (await connection.execute(statement)).rowcount
        after = until
    return changed


async def _find_batch_end(db: Database, workspace_id: str, after: int) -> int | None:
    """Return the last revision of the next batch, or None if there is no more. A memory that changes moves up."""
    some = (
        sa.select(memories.c.revision)
        .where(memories.c.workspace_id == workspace_id, memories.c.revision > after)
        .order_by(memories.c.revision)
        .limit(BATCH)
        .subquery()
    )
    async with db.read() as connection:
        return (await connection.execute(sa.select(sa.func.max(some.c.revision)))).scalar_one()
