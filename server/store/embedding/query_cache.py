"""The vectors of the questions that were asked last, so that one asked again costs nothing."""

from collections import OrderedDict

from server.memory.embedding import Vector

CACHED_QUERIES = 4096
CACHED_CHARACTERS = 1000  # of a question; longer ones hardly come twice, and the cache stays under a few MB


class QueryCache:
    """Question → its vector; the ones asked longest ago are forgotten."""

    def __init__(self) -> None:
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def get(self, text: str) -> Vector | None:
        """The vector of a question that was asked before."""
        if (known := self._vectors.get(text)) is not None:
            self._vectors.move_to_end(text)
        return known

    def put(self, text: str, vector: Vector) -> Vector:
        """Remember a question's vector; it, and read-only from now on."""
        vector.flags.writeable = False
        if len(text) <= CACHED_CHARACTERS:
            self._vectors[text] = vector
            if len(self._vectors) > CACHED_QUERIES:
                self._vectors.popitem(last=False)
        return vector

    def clear(self) -> None:
        """Forget every question."""
        self._vectors.clear()
