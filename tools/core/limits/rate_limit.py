"""The rate limit of each credential: a bucket that refills evenly, in memory.

Several processes share one bucket, which is in the record. Each spends from its own copy, and settles every second:
then it learns what the others have spent. So all together may let through more than the limit, but no more than each of
the others lets through in one second.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.clock import Clock
from server.errors import Failure
from server.store.db import Database
from server.store.record.rate_buckets import settle_buckets

REMEMBERED = 10_000


@dataclass(slots=True)
class _Bucket:
    """The calls of a full bucket, which is a minute's worth, and the calls that were left in it at a time."""

    size: int
    left: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    """The room of a credential: its calls of a minute, those that are left, and the time until all are there."""

    limit: int
    remaining: int
    reset_at: datetime


class RateLimit:
    """A token bucket for each credential: `per_minute` calls at once, refilled over a minute. 0: no limit.

    A call with much work, such as a long text, spends more than one. Since that is known only during the call, it may
    leave the bucket in debt, by one minute at most; the next call waits until the debt is paid.

    Args:
        per_minute: the calls of a minute of a credential without a limit of its own; 0: no limit.
        now: the clock.
        shared: whether other processes spend from the same buckets.
    """

    def __init__(self, per_minute: int, now: Clock, *, shared: bool = False) -> None:
        self.per_minute = per_minute
        self._now = now
        self._is_shared = shared
        self._buckets: dict[str, _Bucket] = {}
        self._unsettled: dict[str, float] = {}
        self._just_settled: frozenset[str] = frozenset()
        #: The number of calls that this process refused.
        self.refused = 0

    def spend(self, credential_id: str, own: int | None = None) -> None:
        """Count one call. `own` is the credential's own limit, in place of the server's.

        Raises:
            Failure: `too_many_requests`, with the number of seconds to wait.
        """
        size = self.per_minute if own is None else own
        if not size:
            return
        bucket = self._take_bucket(credential_id, size)
        if bucket.left < 1:
            self.refused += 1
            wait = math.ceil((1 - bucket.left) * 60 / size)
            raise Failure("too_many_requests", f"Too many requests. Wait {wait} s.", retry_after=wait)
        self._spend_from(credential_id, bucket, 1)
        if len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]  # the one that called longest ago

    def note_work(self, credential_id: str, units: int) -> None:
        """Spend more for a call that `spend` has counted, for work that is worth so many more calls."""
        counted = self._buckets.get(credential_id)
        if counted is not None and units > 0:
            self._spend_from(credential_id, self._take_bucket(credential_id, counted.size), units)

    def find_allowance(self, credential_id: str) -> Allowance | None:
        """Return what a credential may still send; None if it has no limit, or has sent nothing."""
        bucket = self._buckets.get(credential_id)
        if bucket is None:
            return None
        full_in = (bucket.size - bucket.left) * 60 / bucket.size
        return Allowance(bucket.size, max(0, int(bucket.left)), bucket.at + timedelta(seconds=full_in))

    async def settle(self, db: Database) -> None:
        """Take from the shared buckets what was spent here since the last time, and learn what is left in them."""
        spent, self._unsettled = self._unsettled, {}
        # Another server may have settled the same bucket just after this one: what it spent is learned now.
        asked = spent | dict.fromkeys(self._just_settled - spent.keys(), 0.0)
        if not asked:
            return
        sizes = {each: self._buckets[each].size if each in self._buckets else self.per_minute for each in asked}
        try:
            async with db.write() as connection:
                left = await settle_buckets(connection, asked, sizes, self._refill, self._now())
        except BaseException:
            for credential_id, units in spent.items():
                self._note_unsettled(credential_id, units)
            raise
        self._just_settled = frozenset(spent)
        for credential_id, calls in left.items():
            meanwhile, size = self._unsettled.get(credential_id, 0), sizes[credential_id]
            self._buckets[credential_id] = _Bucket(size, max(calls - meanwhile, -float(size)), self._now())

    def _spend_from(self, credential_id: str, bucket: _Bucket, units: float) -> None:
        bucket.left = max(bucket.left - units, -float(bucket.size))
        if self._is_shared:
            self._note_unsettled(credential_id, units)

    def _note_unsettled(self, credential_id: str, units: float) -> None:
        self._unsettled[credential_id] = self._unsettled.get(credential_id, 0) + units

    def _take_bucket(self, credential_id: str, size: int) -> _Bucket:
        """Refill a bucket to now, make it the newest one, and return it. One of another size keeps what was spent."""
        now = self._now()
        bucket = self._buckets.pop(credential_id, None)
        if bucket is None:
            bucket = _Bucket(size, float(size), now)
        elif bucket.size != size:
            bucket = _Bucket(size, bucket.left + size - bucket.size, bucket.at)
        bucket.left, bucket.at = self._refill(bucket.left, bucket.at, size), now
        self._buckets[credential_id] = bucket
        return bucket

    def _refill(self, left: float, then: datetime, size: int) -> float:
        """Return the number of calls that are left now, if so many were left then."""
        passed = max(0.0, (self._now() - then).total_seconds())  # a clock that was set back locks nobody out
        return min(float(size), left + passed * size / 60)
