"""Walking the links between memories, breadth first, with a bound.

A step follows a link in either direction. Each memory is met once, at its smallest distance, so a walk through a circle
ends. Files are ends of links and are not walked through; working-memory items neither.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

FILE = "file:"


class Edge(NamedTuple):
    """A link from a memory to another one, or to `file:<path>`."""

    start: str
    end: str
    label: str

    @property
    def is_file(self) -> bool:
        """Whether it ends at a file."""
        return self.end.startswith(FILE)


class Walk:
    """A walk from one memory. Give it the edges at its `frontier`, step by step, while there is one."""

    def __init__(self, start: str, most: int) -> None:
        """Begin a walk of at most `most` memories; of too many at one distance, the last ones met are left out."""
        self._most = most
        self._seen: dict[Edge, None] = {}
        #: How far each memory is from the start, in the order in which they were met.
        self.depths = {start: 0}
        #: The memories whose edges come next.
        self.frontier: Sequence[str] = [start]
        #: Whether memories or edges were left out.
        self.is_truncated = False
        self._distance = 0

    def step(self, edges: Iterable[Edge], *, is_all: bool = True) -> None:
        """Follow the edges at the frontier; `is_all` is False if there are more edges than these."""
        self._distance += 1
        some = list(dict.fromkeys(edges))
        self._seen |= dict.fromkeys(some)
        ends = (end for edge in some if not edge.is_file for end in (edge.start, edge.end))
        met = [each for each in dict.fromkeys(ends) if each not in self.depths]
        taken = met[: self._most - len(self.depths)]
        self.depths |= dict.fromkeys(taken, self._distance)
        is_cut = len(taken) < len(met)
        self.is_truncated |= is_cut or not is_all
        self.frontier = [] if is_cut else taken  # there is no room for what lies behind

    def restrict_to(self, ids: Collection[str], depth: int) -> "Walk":
        """Return the same walk over these memories only, `depth` steps along the edges seen."""
        edges = [each for each in self.edges if each.start in ids and (each.is_file or each.end in ids)]
        again = Walk(next(iter(self.depths)), self._most)
        for _ in range(depth):
            if again.frontier:
                at = set(again.frontier)
                again.step([each for each in edges if each.start in at or each.end in at])
        again.is_truncated |= self.is_truncated
        return again

    @property
    def edges(self) -> list[Edge]:
        """The edges seen whose ends were taken, each once."""
        taken = self.depths.keys()
        return [each for each in self._seen if each.start in taken and (each.is_file or each.end in taken)]
