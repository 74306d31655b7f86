"""Turns of the event loop, so that work which comes in crowds does not hold it up."""

import asyncio
from typing import Literal


class TurnLock(asyncio.Lock):
    """Gives turns: one at a time, each in a round of the loop of its own, first come, first served.

    A turn is for a block that does not wait for anything. Fifty searches that become ready together take a hundred
    milliseconds one after the other. Each in a round of its own, the loop looks after timers and connections between
    them, and what comes of a search (its ranking, its answer) goes on in that same round.
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
