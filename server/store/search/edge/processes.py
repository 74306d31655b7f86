"""The embedded engine in processes of its own, so that what it does never holds up the server's event loop.

Each collection lives in one of the processes, by its name. They are spawned, for a forked engine hangs, and each is
started at the first call that needs it. One that dies fails the calls it had with `EngineDown` and is started again at
the next call; a collection is then opened from its log, which holds every call that was answered.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog

from server.store.search.edge.frames import CLOSE, Frames, home_of
from server.store.search.edge.turns import Turns
from server.store.search.seam import Collection, EngineDown, Hits, Point, Query

log = structlog.get_logger(__name__)

CLOSE_SECONDS = 10.0
"""How long a process may take to bring everything to the disk before it is killed."""
STEADY_SECONDS = 60.0
"""One that has lived so long did not die of its start."""
LONGEST_REST = 30.0

_ROOT = Path(__file__).resolve().parents[4]


class ProcessEngine:
    """The `Engine` for one folder, which the caller owns (`owner.Owner`); the processes end with the server.

    Args:
        folder: holds one folder per collection; made where it is not there.
        processes: how many, at least 1.
        max_open: how many shards may be open at once in each.
    """

    def __init__(self, folder: Path, *, processes: int, max_open: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._turns = Turns()
        self._children = [_Child(folder, max_open, number, processes) for number in range(processes)]

    async def open(self, collection: Collection) -> bool:
        return await self._ask("open", collection)

    async def exists(self, collection: Collection) -> bool:
        return await self._ask("exists", collection)

    async def upsert(self, collection: Collection, points: list[Point]) -> None:
        await self._ask("upsert", collection, points)

    async def delete(self, collection: Collection, ids: list[str]) -> None:
        await self._ask("delete", collection, ids)

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        await self._ask("set_payload", collection, patches)

    async def search(self, collection: Collection, query: Query) -> Hits:
        found = await self._ask("search", collection, query)
        async with self._turns:  # many answers come together, and what is made of each takes a millisecond
            return found

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        return await self._ask("read_rarities", collection, terms)

    async def read_points(self, collection: Collection) -> list[Point]:
        return await self._ask("read_points", collection)

    async def count(self, collection: Collection) -> int:
        return await self._ask("count", collection)

    async def flush(self, collection: Collection) -> None:
        await self._ask("flush", collection)

    async def drop(self, collection: Collection) -> None:
        await self._ask("drop", collection)

    async def list_names(self) -> set[str]:
        # Each process sees the whole folder.
        return await self._children[0].ask("list_names")

    async def ping(self) -> None:
        await asyncio.gather(*(child.ask("ping") for child in self._children))

    async def close(self) -> None:
        await asyncio.gather(*(child.close() for child in self._children))

    async def _ask(self, verb: str, collection: Collection, *args: Any) -> Any:
        home = home_of(collection.name, len(self._children))
        return await self._children[home].ask(verb, collection, *args)


class _Child:
    """One engine process, whichever lives now."""

    def __init__(self, folder: Path, max_open: int, number: int, count: int) -> None:
        self._arguments = (str(folder.absolute()), str(max_open), str(number), str(count))
        self._order = asyncio.Lock()
        self._life: _Life | None = None
        self._deaths = 0
        self._rests_until = 0.0
        self._closed = False

    async def ask(self, verb: str, *args: Any) -> Any:
        """Have the process do something; what it answers."""
        life = self._life
        if life is None or life.is_over:
            async with self._order:
                life = await self._living()
        return await life.ask(verb, *args)

    async def close(self) -> None:
        """End the process once it has flushed, or when its time for that is up; a second time does nothing."""
        async with self._order:
            self._closed = True
            life, self._life = self._life, None
            if life is not None:
                await life.close()

    async def _living(self) -> "_Life":
        if self._closed:
            raise EngineDown("the embedded engine is closed")
        now = asyncio.get_running_loop().time()
        if self._life is not None and self._life.is_over:
            self._deaths = 1 if now - self._life.born >= STEADY_SECONDS else self._deaths + 1
            self._rests_until = now + _rest_after(self._deaths)
            # Until it is gone for good it holds the locks of its shards.
            await self._life.bury()
            self._life = None
        if now < self._rests_until:
            raise EngineDown(f"the engine process has died {self._deaths} times; it is started again in a moment")
        if self._life is None:
            self._life = await _Life.start(self._arguments)
        return self._life


class _Life:
    """A process from its start to its end, and what it was asked and has not answered yet."""

    def __init__(self, process: "subprocess.Popen[bytes]", born: float) -> None:
        self.born = born
        self.is_over = False
        self._process = process
        self._is_closing = False
        self._frames = Frames(self._answered, self._lost)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    @classmethod
    async def start(cls, arguments: tuple[str, ...]) -> "_Life":
        """Spawn a process; it need not be ready to be asked."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            command = [
                sys.executable,
                "-m",
                "server.store.search.edge.engine_process",
                str(theirs.fileno()),
                *arguments,
            ]
            path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
            try:
                process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own command; it returns in a millisecond or two
                    command,
                    env=os.environ | {"PYTHONPATH": path},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    process_group=0,  # a terminal's Ctrl-C is for the server, which closes this one when it is done
                )
            except OSError as error:
                ours.close()
                raise EngineDown(f"the engine process cannot be started: {error}") from error
        life = cls(process, loop.time())
        try:
            await loop.create_unix_connection(lambda: life._frames, sock=ours)
        except BaseException:
            ours.close()
            await life.bury()
            raise
        return life

    async def ask(self, verb: str, *args: Any) -> Any:
        """Have it do something; what it answers, or raises."""
        if self.is_over:
            raise EngineDown("the engine process has ended")
        self._count += 1
        number, answer = self._count, asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._frames.send((number, verb, args))
            return await answer
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        """Let it flush, for as long as it may, and end it."""
        self._is_closing = True
        try:
            # What was not flushed is projected again: nobody was told that it is on the disk.
            with contextlib.suppress(EngineDown, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.ask(CLOSE)
        finally:
            await self.bury()

    async def bury(self) -> None:
        """See to it that the process is gone."""
        self._is_closing = self.is_over = True
        self._frames.close()
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    def _answered(self, message: tuple[int, type[Exception] | None, Any]) -> None:
        number, kind, value = message
        answer = self._asked.get(number)
        if answer is None or answer.done():
            return  # whoever asked has gone away
        if kind is None:
            answer.set_result(value)
        else:
            answer.set_exception(kind(value))

    def _lost(self) -> None:
        self.is_over = True
        if not self._is_closing:
            log.warning("engine_process.ended", pid=self._process.pid, calls=len(self._asked))
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(EngineDown("the engine process has ended"))


def _rest_after(deaths: int) -> float:
    """Seconds until a process that has died so many times in a row is started again: at first none."""
    return 0.0 if deaths < 2 else min(0.25 * 2 ** (deaths - 2), LONGEST_REST)  # noqa: PLR2004 - the second is a sign
