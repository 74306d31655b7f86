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
        self._pending: dict[str, dict[str, tuple[int, datetime]]] = {}
        self._being_written: dict[str, tuple[int, datetime]] = {}
        #: The counts that the last drain left in the record, and the times of the last accesses. A read that began
        #: before its commit does not see them.
        self._counted: dict[str, tuple[int, datetime]] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """The number of memories whose accesses are not written yet."""
        return self._size

    def note(self, workspace_id: str, recalled: Iterable[str]) -> None:
        """Count one access to each memory of these ids. Beyond the bound, counts are dropped."""
        if self._size >= BOUND:
            return
        now = self._now()
        pending = self._pending.setdefault(workspace_id, {})
        before = len(pending)
        for memory_id in recalled:
            times, _ = pending.get(memory_id, (0, now))
            pending[memory_id] = (times + 1, now)
        self._size += len(pending) - before

    def add_unwritten(self, workspace_id: str, memory: Memory) -> Memory:
        """Return a memory as it was read from SQL, with the accesses that the read did not see."""
        count, last = memory.access_count, memory.last_accessed_at
        if (written := self._being_written.get(memory.id)) is not None:
            count, last = count + written[0], written[1]
        elif (counted := self._counted.get(memory.id)) is not None and count < counted[0]:
            count, last = counted
        if (noted := self._pending.get(workspace_id, {}).get(memory.id)) is not None:
            count, last = count + noted[0], noted[1]
        if count == memory.access_count:
            return memory
        return memory.model_copy(update={"access_count": count, "last_accessed_at": last})

    async def drain(self) -> None:
        """Write the counts, to SQL and to the points that exist."""
        pending, self._pending, self._size = self._pending, {}, 0
        accesses = {memory_id: noted for each in pending.values() for memory_id, noted in each.items()}
        if not accesses:
            return
        self._being_written = accesses
        try:
            async with self._db.write() as connection:
                counts = await memories.count_accesses(connection, accesses)
                # From here on a read may see the commit or not. The count in its row tells.
                self._counted = {m: (count, accesses[m][1]) for m, count in counts.items()}
                self._being_written = {}
        except BaseException:
            self._being_written, self._counted = {}, {}
            self._restore_counts(pending)
            raise
        for workspace_id, each in pending.items():
            patches = {m: {"access_count": counts[m]} for m in each if m in counts}
            try:
                await self._projection.patch_points(workspace_id, patches)
            except EngineDown:
                continue  # the count is in the record; the point gets it with its next projection

    def _restore_counts(self, pending: dict[str, dict[str, tuple[int, datetime]]]) -> None:
        """Put back the counts that could not be written, and add those made since."""
        for workspace_id, each in pending.items():
            newer = self._pending.setdefault(workspace_id, {})
            for memory_id, (times, at) in each.items():
                since, last = newer.get(memory_id, (0, at))
                newer[memory_id] = (times + since, last)
        self._size = sum(map(len, self._pending.values()))
