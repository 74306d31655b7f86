"""The composition root of the metering."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from server.clock import Clock
from server.config import Settings
from server.store.db import Database
from server.store.record.people.plans import Plans
from tools.core.limits.metering import Meter


@asynccontextmanager
async def open_meter(settings: Settings, db: Database, plans: Plans, now: Clock) -> AsyncGenerator[Meter]:
    """Open the meter that the settings ask for. Counts that wait are written when the block ends."""
    meter = Meter(db, plans, now, is_wanted=settings.metering)
    try:
        yield meter
    finally:
        await meter.finish()
