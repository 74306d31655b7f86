"""Group commit: writes of one kind that wait at the same moment are one transaction.

A transaction waits for the disk, and so do the writes behind it. Together they wait once. Each is acknowledged after
the commit, as if it had been alone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.outage import find_outage

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

#: The most writes of one transaction.
TOGETHER = 64

#: Writes items in the caller's transaction, and returns the result of each, in their order. It may be called again with
#: the same items after its transaction was undone.
WriteAll = Callable[[AsyncConnection, Sequence[I]], Awaitable[Sequence[R]]]


class _Waiting(NamedTuple, Generic[I, R]):
    item: I
    done: "asyncio.Future[R]"


class GroupCommit(Generic[I, R]):
    """The writes of one kind. If one of a group is refused, all are undone, and each is tried again by itself."""

    def __init__(
        self, open_transaction: Callable[[], AbstractAsyncContextManager[AsyncConnection]], write_all: WriteAll[I, R]
    ) -> None:
        self._open_transaction = open_transaction
        self._write_all = write_all
        self._waiting: deque[_Waiting[I, R]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def write(self, item: I) -> R:
        """Write an item, and return its result when it is on the disk.

        A caller that is cancelled before its transaction began writes nothing. Later it is written all the same.

        Raises:
            Exception: the error of this item.
        """
        waiting = _Waiting[I, R](item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._working is None:
            # A task of its own, that belongs to no request: a caller that goes away must not take the others with it.
            self._working = asyncio.create_task(self._work_off(), context=Context())
        return await waiting.done

    async def finish(self) -> None:
        """Wait until nothing waits."""
        if self._working is not None:
            await asyncio.wait([self._working])

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
                await self._write_group([each for each in group if not each.done.done()])
        finally:
            self._working = None
            for each in self._waiting:  # the loop ends before its work
                each.done.cancel()

    async def _write_group(self, group: Sequence[_Waiting[I, R]]) -> None:
        if not group:
            return
        try:
            async with self._open_transaction() as connection:
                results = await self._write_all(connection, [each.item for each in group])
        except Exception as error:  # noqa: BLE001 - the caller that it belongs to gets it
            # An outage is the same for each of them, and to find that out may take many seconds.
            if len(group) == 1 or find_outage(error) is not None:
                self._refuse(group, error)
            else:
                for each in group:
                    await self._write_group([each])
        except BaseException:
            for each in group:
                each.done.cancel()
            raise
        else:
            for each, result in zip(group, results, strict=True):
                if not each.done.done():
                    each.done.set_result(result)

    @staticmethod
    def _refuse(group: Sequence[_Waiting[I, R]], error: Exception) -> None:
        for each in group:
            if not each.done.done():
                each.done.set_exception(error)
                each.done.exception()  # it counts as seen, if the caller has gone meanwhile
