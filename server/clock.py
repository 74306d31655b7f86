"""The clock. The composition root hands it down; nothing below reads it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, in UTC and to the millisecond, which is what goes over the wire and into the record."""
    now = datetime.now(UTC)  # noqa: TID251 - this is the one place that reads it
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
