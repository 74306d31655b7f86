"""How many memories have no vectors yet: counted in SQL, and not for each one who asks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.record import vectors
from server.store.record.vectors import Filling

KEPT = timedelta(minutes=1)
REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Counted:
    filling: Filling
    at: datetime
    generation: int
    rounds: int


class GapCounts:
    """How far each workspace's vectors are filled in, for people who look.

    A count holds for a minute while gaps are known, and until the next backfill while none is.
    """

    def __init__(self, db: Database, encoder: Encoder, now: Callable[[], datetime]) -> None:
        self._db = db
        self._encoder = encoder
        self._now = now
        self._counted: dict[str | None, _Counted] = {}

    async def of(self, workspace_id: str | None) -> Filling:
        """How far a workspace is, or, for None, all of them together. A minute old at most while gaps are known."""
        known = self._counted.get(workspace_id)
        if known is not None and self._holds(known):
            return known.filling
        generation, rounds = self._encoder.generation, self._encoder.rounds
        async with self._db.read() as connection:
            found = await vectors.filling(connection, generation, workspace_id)
        self._counted.pop(workspace_id, None)
        self._counted[workspace_id] = _Counted(found, self._now(), generation, rounds)
        if len(self._counted) > REMEMBERED:
            del self._counted[next(iter(self._counted))]  # the one that was counted longest ago
        return found

    def _holds(self, known: _Counted) -> bool:
        if (known.generation, known.rounds) != (self._encoder.generation, self._encoder.rounds):
            return False
        return self._encoder.is_whole or self._now() - known.at < KEPT
