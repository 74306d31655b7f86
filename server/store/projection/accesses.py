"""How often memories were recalled: counted in memory, and written every second; no part of a memory's revision.

A read never waits for this. A crash loses a second of counts at most.
"""

from collections.abc import Iterable
from datetime import datetime

from server.clock import Clock
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.record import memories
from server.store.search.seam import EngineDown

BOUND = 50_000


class Accesses:
    """The accesses that are not written yet, by workspace and memory."""

    def __init__(self, db: Database, projection: Projection, now: Clock) -> None:
        self._db = db
        self._projection = projection
        self._now = now
        self._pending: dict[str, dict[str, tuple[int, int, datetime]]] = {}
        self._size = 0

    def note(self, workspace_id: str, recalled: Iterable[tuple[str, int]]) -> None:
        """Count one access to each memory, given as (id, access count so far). Beyond the bound, counts are dropped."""
        if self._size >= BOUND:
            return
        now = self._now()
        pending = self._pending.setdefault(workspace_id, {})
        before = len(pending)
        for memory_id, count in recalled:
            base, times, _ = pending.get(memory_id, (count, 0, now))
            pending[memory_id] = (base, times + 1, now)
        self._size += len(pending) - before

    async def drain(self) -> None:
        """Write the counts, to SQL and to the points that exist."""
        pending, self._pending, self._size = self._pending, {}, 0
        counted = {m: (times, at) for each in pending.values() for m, (_, times, at) in each.items()}
        if not counted:
            return
        try:
            async with self._db.write() as connection:
                await memories.count_accesses(connection, counted)
        except BaseException:
            self._restore_counts(pending)
            raise
        for workspace_id, each in pending.items():
            patches = {m: {"access_count": base + times} for m, (base, times, _) in each.items()}
            try:
                await self._projection.patch_points(workspace_id, patches)
            except EngineDown:
                continue  # the count is in the record; the point gets it with its next projection

    def _restore_counts(self, pending: dict[str, dict[str, tuple[int, int, datetime]]]) -> None:
        """Put back the counts that could not be written, and add those made since."""
        for workspace_id, each in pending.items():
            newer = self._pending.setdefault(workspace_id, {})
            for memory_id, (base, times, at) in each.items():
                _, since, last = newer.get(memory_id, (base, 0, at))
                newer[memory_id] = (base, times + since, last)
        self._size = sum(map(len, self._pending.values()))
