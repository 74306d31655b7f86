"""The count of recalls of each memory: kept in memory, and written every second; no part of a memory's revision.

A read never waits for this: it adds the counts that are not written yet. A crash loses a second of counts at most.
"""

from collections.abc import Iterable
from datetime import datetime

from server.clock import Clock
from server.memory.models import Memory
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
        self._being_written: dict[str, tuple[int, datetime]] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """The number of memories whose accesses are not written yet."""
        return self._size

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

    def add_unwritten(self, workspace_id: str, memory: Memory) -> Memory:
        """Return a memory as it was read from SQL, with the accesses that are not written yet."""
        found = [self._being_written.get(memory.id)]
        if (noted := self._pending.get(workspace_id, {}).get(memory.id)) is not None:
            found.append(noted[1:])
        unwritten = [each for each in found if each is not None]
        if not unwritten:
            return memory
        count = memory.access_count + sum(times for times, _ in unwritten)
        return memory.model_copy(update={"access_count": count, "last_accessed_at": unwritten[-1][1]})

    async def drain(self) -> None:
        """Write the counts, to SQL and to the points that exist."""
        pending, self._pending, self._size = self._pending, {}, 0
        counted = {m: (times, at) for each in pending.values() for m, (_, times, at) in each.items()}
        if not counted:
            return
        self._being_written = counted
        try:
            async with self._db.write() as connection:
                await memories.count_accesses(connection, counted)
        except BaseException:
            self._restore_counts(pending)
            raise
        finally:
            self._being_written = {}
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
