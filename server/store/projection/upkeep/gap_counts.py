"""The number of memories that have no vectors yet. It is counted in SQL, and the count is kept for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cachetools import FIFOCache

from server.clock import Clock
from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.record import vectors
from server.store.record.vectors import VectorCoverage

KEPT = timedelta(minutes=1)
REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Count:
    counts: VectorCoverage
    at: datetime
    generation: int
    rounds: int


class GapCounts:
    """The progress of filling in the vectors of each workspace, for health reports and progress lines.

    A count holds for a minute while gaps are known, and until the next backfill while none is.
    """

    def __init__(self, db: Database, encoder: Encoder, now: Clock) -> None:
        self._db = db
        self._encoder = encoder
        self._now = now
        self._known: FIFOCache[str | None, _Count] = FIFOCache(REMEMBERED)

    async def count_vectors(self, workspace_id: str | None) -> VectorCoverage:
        """Return how far a workspace is, or, for None, all of them together; a minute old at most if gaps are known."""
        known = self._known.get(workspace_id)
        if known is not None and self._is_current(known):
            return known.counts
        generation, rounds = self._encoder.generation, self._encoder.filling.rounds
        async with self._db.read() as connection:
            counts = await vectors.count_vectors(connection, generation, workspace_id)
        self._known[workspace_id] = _Count(counts, self._now(), generation, rounds)
        return counts

    def _is_current(self, known: _Count) -> bool:
        filling = self._encoder.filling
        if (known.generation, known.rounds) != (self._encoder.generation, filling.rounds):
            return False
        return filling.is_whole or self._now() - known.at < KEPT
