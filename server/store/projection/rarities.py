"""The rarity of terms in the collection of a workspace, remembered until something changes there."""

from collections.abc import Sequence

from server.memory.recall.gate import compute_idf
from server.store.search.seam import Collection, Engine

TERMS_REMEMBERED = 2_000


class Rarities:
    """The idf of each term in a collection of `total` memories, at one revision of its workspace.

    A plain dict that is thrown away when it is full: a recall reads some ten terms, and an LRU cache costs 2 µs more
    for each of them (29 November 2026).
    """

    def __init__(self, revision: int, total: int) -> None:
        self.total = total
        self._revision = revision
        self._idf_by_term: dict[int, float] = {}

    def is_current(self, revision: int) -> bool:
        """Whether the rarities are true at a revision, and few enough to keep."""
        return self._revision == revision and len(self._idf_by_term) <= TERMS_REMEMBERED

    async def find_rarities(self, engine: Engine, collection: Collection, terms: Sequence[int]) -> list[float]:
        """Return each term's idf; the engine is asked for the terms that are new.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        new = [term for term in terms if term not in self._idf_by_term]
        if new:
            unknown = compute_idf(self.total, 0)
            values = (unknown if each is None else each for each in await engine.read_rarities(collection, new))
            self._idf_by_term.update(zip(new, values, strict=True))
        return [self._idf_by_term[term] for term in terms]
