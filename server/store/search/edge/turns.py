"""Turns of the event loop, so that much work at once does not block it."""

import asyncio
from typing import Literal


class TurnLock(asyncio.Lock):
    """A lock that is acquired at most once in each round of the event loop, in the order of the requests.

    It is for blocks that do not wait for anything. Fifty searches that become ready together take a hundred
    milliseconds one after the other. If each is in a round of its own, the loop serves timers and connections between
    them, and the ranking and the answer of a search are made in the same round.
    """

    async def acquire(self) -> Literal[True]:
        """Wait for a turn."""
        await super().acquire()
        try:
            await asyncio.sleep(0)
        except BaseException:
            self.release()
            raise
        return True
