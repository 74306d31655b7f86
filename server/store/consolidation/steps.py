"""The size of the steps in which a consolidation reads and writes rows."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

#: The number of rows that are read or written at a time; between two steps, others have their turn.
STEP = 200


def split_into_steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Return the items in order, in pieces of at most `STEP`."""
    return (items[start : start + STEP] for start in range(0, len(items), STEP))
