"""Claiming a tick, so that of several processes one does its work."""

from datetime import datetime

from server.store.db import Database
from server.store.record.works import ticks


async def claim_tick(db: Database, name: str, due: datetime, now: datetime) -> bool:
    """Take a tick. Return False if another process has it or had it.

    The first tick of a name is only noted as done: in a new record nothing was missed. Most ticks were claimed before,
    so a read asks first, and only an open one costs a write.
    """
    async with db.read() as connection:
        if not await ticks.is_tick_open(connection, name, due, now):
            return False
    async with db.write() as connection:
        return await ticks.insert_claim(connection, name, due, now)
