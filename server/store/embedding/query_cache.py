"""The vectors of the questions that were asked last, so that a question asked again costs nothing."""

from cachetools import LRUCache

from server.memory.vector import QuestionVectors

CACHED_QUERIES = 4096
CACHED_CHARACTERS = 1000  # of a question; longer ones hardly come twice, and the cache stays under a few MB


class QueryCache:
    """Maps a question to its vectors; the questions asked longest ago are forgotten."""

    def __init__(self) -> None:
        self._vectors: LRUCache[str, QuestionVectors] = LRUCache(CACHED_QUERIES)
        #: How many questions were remembered when they were asked, and how many were not.
        self.hits = self.misses = 0

    def get(self, text: str) -> QuestionVectors | None:
        """Return the vectors of a question that was asked before, or None."""
        found = self._vectors.get(text)
        if found is None:
            self.misses += 1
        else:
            self.hits += 1
        return found

    def put(self, text: str, found: QuestionVectors) -> QuestionVectors:
        """Remember a question's vectors, and return them; they are read-only from now on."""
        found.whole.flags.writeable = False
        if len(text) <= CACHED_CHARACTERS:
            self._vectors[text] = found
        return found

    def clear(self) -> None:
        """Forget every question."""
        self._vectors.clear()
