"""The epoch: a number by which processes learn that something they remember has ended.

A transaction that revokes or deletes something raises the epoch. A process that remembers something asks for the epoch
at most once a second. So a key that another process revoked (a command, a second server) works for a second at most.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.store.db import Database, insert_into
from server.store.tables.accounts import epoch

INTERVAL = timedelta(seconds=1)


async def raise_epoch(connection: AsyncConnection) -> None:
    """Tell every process to forget its caches."""
    first = insert_into(connection, epoch).values(id=1, value=1)
    await connection.execute(first.on_conflict_do_update(index_elements=["id"], set_={"value": epoch.c.value + 1}))


class Epoch:
    """Watches the epoch for one process."""

    def __init__(self, db: Database, now: Clock) -> None:
        self._db = db
        self._now = now
        self._next: datetime | None = None
        self._value: int | None = None
        self._forget: list[Callable[[], None]] = []

    def on_change(self, forget: Callable[[], None]) -> None:
        """Have `forget` called whenever the epoch was raised."""
        self._forget.append(forget)

    async def check(self) -> None:
        """Read the epoch if a second has passed, and call the functions given to `on_change` if it has changed."""
        now = self._now()
        if self._next is not None and self._next - INTERVAL <= now < self._next:  # a clock may be set back
            return
        self._next = now + INTERVAL
        async with self._db.read() as connection:
            value = (await connection.execute(sa.select(epoch.c.value))).scalar_one_or_none() or 0
        if value != self._value:
            self._value = value
            for forget in self._forget:
                forget()
