"""The clock. The composition root passes it on as an argument; nothing below reads it."""

from collections.abc import Callable
from datetime import UTC, datetime

#: A function that returns the time now, in UTC. Tests pass one of their own.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time now, in UTC and to the millisecond, as answers and the record have it."""
    now = datetime.now(UTC)  # noqa: TID251 - this is the one place that reads it
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
