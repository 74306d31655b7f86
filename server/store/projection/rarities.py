"""How rare terms are in a workspace's collection, remembered for as long as nothing changes there."""

from collections.abc import Sequence

from server.memory.gate import idf
from server.store.search.seam import Collection, Engine

TERMS_REMEMBERED = 2_000


class Rarities:
    """How rare terms are in a collection as it stood at a revision of its workspace, with so many memories."""

    def __init__(self, revision: int, total: int) -> None:
        self.total = total
        self._revision = revision
        self._of_term: dict[int, float] = {}

    def hold(self, revision: int) -> bool:
        """Whether they are still true at a revision, and few enough to keep."""
        return self._revision == revision and len(self._of_term) <= TERMS_REMEMBERED

    async def of(self, engine: Engine, collection: Collection, terms: Sequence[int]) -> list[float]:
        """Each term's idf; the engine is asked for those that are new.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        new = [term for term in terms if term not in self._of_term]
        if new:
            of_none = idf(self.total, 0)
            found = (of_none if each is None else each for each in await engine.rarities(collection, new))
            self._of_term.update(zip(new, found, strict=True))
        return [self._of_term[term] for term in terms]
