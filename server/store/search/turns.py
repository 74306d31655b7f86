"""Turns of the event loop, so that work which comes in crowds does not hold it up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """Hands out turns: one at a time, each in a round of the loop of its own, first come, first served.

    Fifty searches that become ready together take a hundred milliseconds one after the other. Each in a round of its
    own, the loop looks after timers and connections between them, and what comes of a search (its ranking, its answer)
    goes on in that same round.
    """

    def __init__(self) -> None:
        self._order = asyncio.Lock()

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None]:
        """A turn, for a block that does not wait for anything."""
        async with self._order:
            await asyncio.sleep(0)
            yield
