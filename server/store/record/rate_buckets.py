"""Rows of rate buckets: what each credential may still call, over all processes."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.rates import rate_buckets

#: A bucket is full again after a minute.
IDLE = timedelta(minutes=10)

#: Returns the calls left now, from the calls that were left at a time, and those of a full bucket.
Refill = Callable[[float, datetime, int], float]


async def settle_buckets(
    connection: AsyncConnection, spent: Mapping[str, float], sizes: Mapping[str, int], refill: Refill, now: datetime
) -> dict[str, float]:
    """Take from the shared buckets what one process has spent, and return what is left in each; a debt is below zero.

    Args:
        connection: a transaction.
        spent: the calls of each credential since the process settled last.
        sizes: for each credential the calls in a full bucket, which is the largest debt.
        refill: returns the calls left now.
        now: the time.
    """
    ids = sorted(spent)
    # Made first, so that there is a row to hold: of two processes none overlooks the other.
    made = insert_into(connection, rate_buckets).on_conflict_do_nothing()
    await connection.execute(
        made, [{"credential_id": each, "remaining": float(sizes[each]), "at": now} for each in ids]
    )
    held = sa.select(rate_buckets).where(rate_buckets.c.credential_id.in_(ids)).order_by(rate_buckets.c.credential_id)
    rows = (await connection.execute(held.with_for_update())).all()
    left: dict[str, float] = {}
    for row in rows:
        size = sizes[row.credential_id]
        refilled = refill(row.remaining, row.at, size)
        left[row.credential_id] = max(refilled - spent[row.credential_id], -float(size))
    changed = sa.update(rate_buckets).where(rate_buckets.c.credential_id == sa.bindparam("id"))
    await connection.execute(
        changed.values(remaining=sa.bindparam("calls"), at=now),
        [{"id": each, "calls": calls} for each, calls in left.items()],
    )
    return left


async def delete_idle_buckets(connection: AsyncConnection, now: datetime) -> None:
    """Delete the buckets that are full again."""
    await connection.execute(sa.delete(rate_buckets).where(rate_buckets.c.at <= now - IDLE))
