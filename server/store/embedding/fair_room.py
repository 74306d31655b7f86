"""Room for a few calls at once. If there is none, accounts take turns, so that none waits for all calls of another."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class FairRoom:
    """Room for so many calls at once: `places`."""

    def __init__(self, places: int) -> None:
        self._free = places
        #: The calls of each account that wait for a place. The account whose turn is next comes first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def take_place(self, account_id: str) -> AsyncGenerator[None]:
        """Wait for a place, and keep it while the block lasts."""
        if self._free:
            self._free -= 1
        else:
            await self._wait_for_turn(account_id)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait_for_turn(self, account_id: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it got its place at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give a place to the next call of the next account; it is free if none waits."""
        while self._waiting:
            account_id = next(iter(self._waiting))
            calls = self._waiting.pop(account_id)
            turn = calls.popleft()
            if calls:
                self._waiting[account_id] = calls
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
