"""The vectors of the questions that were asked last, so that a question asked again costs nothing."""

from cachetools import LRUCache

from server.memory.vector import Vector

CACHED_QUERIES = 4096
CACHED_CHARACTERS = 1000  # of a question; longer ones hardly come twice, and the cache stays under a few MB


class QueryCache:
    """Maps a question to its vector; the questions asked longest ago are forgotten."""

    def __init__(self) -> None:
        self._vectors: LRUCache[str, Vector] = LRUCache(CACHED_QUERIES)
        #: How many questions were remembered when they were asked, and how many were not.
        self.hits = self.misses = 0

    def get(self, text: str) -> Vector | None:
        """Return the vector of a question that was asked before, or None."""
        vector = self._vectors.get(text)
        if vector is None:
            self.misses += 1
        else:
            self.hits += 1
        return vector

    def put(self, text: str, vector: Vector) -> Vector:
        """Remember a question's vector, and return it; it is read-only from now on."""
        vector.flags.writeable = False
        if len(text) <= CACHED_CHARACTERS:
            self._vectors[text] = vector
        return vector

    def clear(self) -> None:
        """Forget every question."""
        self._vectors.clear()
