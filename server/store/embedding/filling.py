"""The progress of filling in missing vectors: the states that `backfill` goes through and others look at.

Gaps may be known or not, and a round of filling in may be going on or not. A gap that is noted during a round calls
for another round after it. It starts with gaps: those that an earlier process left are only known by looking.
"""

from server.store.record.vectors import VectorCoverage


class Filling:
    """The filling in of the vectors of one generation. Only `backfill` begins, advances and ends a round."""

    def __init__(self) -> None:
        self._has_gaps = True
        self._is_running = False
        self._counts: VectorCoverage | None = None
        self._rounds = 0

    @property
    def has_gaps(self) -> bool:
        """Whether memories may be without vectors that no round has looked for yet."""
        return self._has_gaps

    @property
    def is_running(self) -> bool:
        """Whether a round is going on."""
        return self._is_running

    @property
    def is_whole(self) -> bool:
        """Whether no gap is known and no round is going on."""
        return not self._has_gaps and not self._is_running

    @property
    def counts(self) -> VectorCoverage | None:
        """The progress of the round, in all workspaces together; None if none is going on, or it is a small one."""
        return self._counts

    @property
    def rounds(self) -> int:
        """The number of rounds that have ended; a count made in an earlier round is out of date."""
        return self._rounds

    def note_gaps(self) -> None:
        """Say that memories are without vectors, so that the next round looks for them."""
        self._has_gaps = True

    def begin(self) -> None:
        """Begin a round, which looks for every gap there is."""
        self._has_gaps, self._is_running = False, True

    def count(self, counts: VectorCoverage) -> None:
        """Note the number of memories with vectors when a large round begins."""
        self._counts = counts

    def advance(self, filled: int) -> None:
        """Say that so many more memories have their vectors."""
        if (before := self._counts) is not None:
            self._counts = VectorCoverage(before.filled + filled, max(before.missing - filled, 0))

    def end(self) -> None:
        """End the round, whether it filled all gaps or not."""
        self._is_running, self._counts = False, None
        self._rounds += 1
