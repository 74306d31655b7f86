"""Long work on the event loop in pieces, so that others have their turn between two of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

#: A piece is over after this number of items: with some 20 us for each, after a millisecond.
PIECE = 50


async def take_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items in order, and let others have their turn after each `PIECE` of them."""
    for place, item in enumerate(items, 1):
        yield item
        if not place % PIECE:
            await asyncio.sleep(0)
