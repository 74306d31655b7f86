"""The clock. The composition root passes it on as an argument; nothing below reads it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, in UTC and to the millisecond, as answers and the record have it."""
    now = datetime.now(UTC)  # noqa: TID251 - this is the one place that reads it
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
