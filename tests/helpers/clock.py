"""Clocks that tests move."""

from datetime import UTC, datetime, timedelta

from server.clock import utc_now


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


class ShiftedClock:
    """The real time, because a provider that runs has it, and as much as a test adds."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.shift

    def move(self, **by: float) -> None:
        self.shift += timedelta(**by)
