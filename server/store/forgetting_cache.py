"""A bounded cache of values from the record, for processes that are told when such a value has ended.

Between the question and the answer of a read, the thing that is read may end, and the cache is told to forget it. The
answer is then older than the end, so it must not be remembered.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import FIFOCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ForgettingCache(Generic[K, V]):
    """At most `most` values; the one that was remembered first makes room for a new one."""

    def __init__(self, most: int) -> None:
        self._values: FIFOCache[K, V] = FIFOCache(most)
        self._times_forgotten = 0
        #: How many values were remembered when they were asked for, and how many were not.
        self.hits = self.misses = 0

    def get(self, key: K) -> V | None:
        """Return the value of this key, or None if it is not remembered."""
        value = self._values.get(key)
        if value is None:
            self.misses += 1
        else:
            self.hits += 1
        return value

    def now(self) -> int:
        """Return the moment to give to `remember`. Take it before the read begins."""
        return self._times_forgotten

    def remember(self, key: K, value: V, asked_at: int) -> None:
        """Keep the value of a read that began at `asked_at`, unless something was forgotten since."""
        if asked_at == self._times_forgotten:
            self._values[key] = value

    def remove(self, key: K) -> None:
        """Drop the value of one key, which may be missing."""
        self._values.pop(key, None)

    def forget(self) -> None:
        """Drop every value."""
        self._times_forgotten += 1
        self._values.clear()

    def forget_if(self, has_ended: Callable[[V], bool]) -> None:
        """Drop the values that have ended."""
        self._times_forgotten += 1
        for key in [key for key, value in self._values.items() if has_ended(value)]:
            del self._values[key]
