"""The rate limit of each credential: a bucket that refills evenly, in memory.

Several processes share one bucket, which is in the record. Each spends from its own copy, and settles every second:
then it learns what the others have spent. So all together may let through more than the limit, but no more than each of
the others lets through in one second.
"""

import math
from datetime import datetime

from server.clock import Clock
from server.errors import Failure
from server.store.db import Database
from server.store.record.rate_buckets import settle_buckets

REMEMBERED = 10_000


class RateLimit:
    """A token bucket for each credential: `per_minute` calls at once, refilled over a minute. 0: no limit.

    A call with much work, such as a long text, spends more than one. Since that is known only during the call, it may
    leave the bucket in debt, by one minute at most; the next call waits until the debt is paid.

    Args:
        per_minute: the calls of a minute; 0: no limit.
        now: the clock.
        shared: whether other processes spend from the same buckets.
    """

    def __init__(self, per_minute: int, now: Clock, *, shared: bool = False) -> None:
        self._size = per_minute
        self._now = now
        self._is_shared = shared and per_minute > 0
        self._buckets: dict[str, tuple[float, datetime]] = {}
        self._unsettled: dict[str, float] = {}
        self._just_settled: frozenset[str] = frozenset()
        #: The number of calls that this process refused.
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
        if self._is_shared:
            self._note_unsettled(credential_id, 1)
        if len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]  # the one that called longest ago

    def note_work(self, credential_id: str, units: int) -> None:
        """Spend more for a call that `spend` has counted, for work that is worth so many more calls."""
        if self._size and units > 0:
            left, now = self._take_bucket(credential_id)
            self._buckets[credential_id] = (max(left - units, -float(self._size)), now)
            if self._is_shared:
                self._note_unsettled(credential_id, units)

    async def settle(self, db: Database) -> None:
        """Take from the shared buckets what was spent here since the last time, and learn what is left in them."""
        spent, self._unsettled = self._unsettled, {}
        # Another server may have settled the same bucket just after this one: what it spent is learned now.
        asked = spent | dict.fromkeys(self._just_settled - spent.keys(), 0.0)
        if not asked:
            return
        try:
            async with db.write() as connection:
                left = await settle_buckets(connection, asked, self._size, self._refill, self._now())
        except BaseException:
            for credential_id, units in spent.items():
                self._note_unsettled(credential_id, units)
            raise
        self._just_settled = frozenset(spent)
        for credential_id, calls in left.items():
            meanwhile = self._unsettled.get(credential_id, 0)
            self._buckets[credential_id] = (max(calls - meanwhile, -float(self._size)), self._now())

    def _note_unsettled(self, credential_id: str, units: float) -> None:
        self._unsettled[credential_id] = self._unsettled.get(credential_id, 0) + units

    def _take_bucket(self, credential_id: str) -> tuple[float, datetime]:
        """Remove a bucket, and return the number of calls that are left in it now, and the time."""
        now = self._now()
        left, then = self._buckets.pop(credential_id, (float(self._size), now))
        return self._refill(left, then), now

    def _refill(self, left: float, then: datetime) -> float:
        """Return the number of calls that are left now, if so many were left then."""
        passed = max(0.0, (self._now() - then).total_seconds())  # a clock that was set back locks nobody out
        return min(self._size, left + passed * self._size / 60)
