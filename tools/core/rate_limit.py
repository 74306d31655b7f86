"""The rate limit of each credential: a bucket that refills evenly, in memory, one for each process."""

import math
from datetime import datetime

from server.clock import Clock
from server.errors import Failure

REMEMBERED = 10_000


class RateLimit:
    """A token bucket for each credential: `per_minute` calls at once, refilled over a minute. 0: no limit.

    A call with much work, such as a long text, spends more than one. Since that is known only during the call, it may
    leave the bucket in debt, by one minute at most; the next call waits until the debt is paid.
    """

    def __init__(self, per_minute: int, now: Clock) -> None:
        self._size = per_minute
        self._now = now
        self._buckets: dict[str, tuple[float, datetime]] = {}
        #: The number of calls that were refused.
        self.refused = 0

    def spend(self, credential_id: str) -> None:
        """Count one call.

        Raises:
            Failure: `too_many_requests`, with the number of seconds to wait.
        """
        if not self._size:
            return
        left, now = self._take_bucket(credential_id)
        if left < 1:
            self._buckets[credential_id] = (left, now)
            self.refused += 1
            wait = math.ceil((1 - left) * 60 / self._size)
            raise Failure("too_many_requests", f"Too many requests. Wait {wait} s.", retry_after=wait)
        self._buckets[credential_id] = (left - 1, now)
        if len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]  # the one that called longest ago

    def note_work(self, credential_id: str, units: int) -> None:
        """Spend more for a call that `spend` has counted, for work that is worth so many more calls."""
        if self._size and units > 0:
            left, now = self._take_bucket(credential_id)
            self._buckets[credential_id] = (max(left - units, -float(self._size)), now)

    def _take_bucket(self, credential_id: str) -> tuple[float, datetime]:
        """Remove a bucket, and return the number of calls that are left in it now, and the time."""
        now = self._now()
        left, then = self._buckets.pop(credential_id, (float(self._size), now))
        passed = max(0.0, (now - then).total_seconds())  # a clock that was set back locks nobody out
        return min(self._size, left + passed * self._size / 60), now
