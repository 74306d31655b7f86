"""The embedded engine in processes of its own, so that it never blocks the server's event loop.

Each collection is in one of the processes, chosen by its name. Processes are spawned, because a forked engine hangs,
and each is started at the first call that needs it. If one dies, its calls fail with `EngineDown` and the next call
starts it again. A collection is then as it was at its last flush; if it was written to since, its calls fail with
`WritesLost` until it is opened anew.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import structlog

from server.store.search.edge.frames import CLOSE, MessageProtocol, choose_process
from server.store.search.edge.turns import TurnLock
from server.store.search.seam import Collection, EngineDown, FoundPoints, Point, Query, WritesLost

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

CLOSE_SECONDS = 1.0
"""The time that a process has to flush everything to the disk before it is killed."""
STEADY_SECONDS = 60.0
"""A process that ran this long did not die because of its start."""
LONGEST_RESTART_DELAY = 30.0

_ROOT = Path(__file__).resolve().parents[4]


class ProcessEngine:
    """The `Engine` for one folder, which the caller owns (`owner.FolderOwnership`); the processes end with the server.

    Args:
        folder: the folder of the collections' folders; made if it is not there.
        processes: the number of processes, at least 1.
        max_open: the most shards that may be open in each.
    """

    def __init__(self, folder: Path, *, processes: int, max_open: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._turn = TurnLock()
        self._keepers = [_ProcessKeeper(folder, max_open, number, processes) for number in range(processes)]

    async def open_collection(self, collection: Collection) -> bool:
        return await self._ask("open_collection", collection)

    async def has_collection(self, collection: Collection) -> bool:
        return await self._ask("has_collection", collection)

    async def upsert_points(self, collection: Collection, points: list[Point]) -> None:
        await self._ask("upsert_points", collection, points)

    async def delete_points(self, collection: Collection, ids: list[str]) -> None:
        await self._ask("delete_points", collection, ids)

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        await self._ask("set_payload", collection, patches)

    async def search_points(self, collection: Collection, query: Query) -> FoundPoints:
        found = await self._ask("search_points", collection, query)
        async with self._turn:  # many answers come together, and ranking each takes a millisecond
            return found

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        return await self._ask("read_rarities", collection, terms)

    async def read_points(self, collection: Collection) -> list[Point]:
        return await self._ask("read_points", collection)

    async def read_revisions(self, collection: Collection, ids: list[str]) -> dict[str, int]:
        return await self._ask("read_revisions", collection, ids)

    async def count_points(self, collection: Collection) -> int:
        return await self._ask("count_points", collection)

    async def flush_collection(self, collection: Collection) -> None:
        await self._ask("flush_collection", collection)

    async def drop_collection(self, collection: Collection) -> None:
        await self._ask("drop_collection", collection)

    async def list_names(self) -> set[str]:
        # Each process sees the whole folder.
        return await self._keepers[0].ask("list_names")

    async def ping(self) -> None:
        await asyncio.gather(*(keeper.ask("ping") for keeper in self._keepers))

    async def close(self) -> None:
        await asyncio.gather(*(keeper.close() for keeper in self._keepers))

    async def _ask(self, verb: str, collection: Collection, *args: Any) -> Any:
        index = choose_process(collection.name, len(self._keepers))
        return await self._keepers[index].ask_about(verb, collection, *args)


class _ProcessKeeper:
    """Keeps one engine process running, and starts a new one after it has died."""

    def __init__(self, folder: Path, max_open: int, number: int, count: int) -> None:
        self._arguments = (str(folder.absolute()), str(max_open), str(number), str(count))
        self._start_lock = asyncio.Lock()
        self._process: _Process | None = None
        self._lost: set[str] = set()  # collections that a dead process had written to, and not opened anew since
        self._deaths = 0
        self._earliest_start = 0.0
        self._is_closed = False

    async def ask(self, verb: str, *args: Any) -> Any:
        """Call a verb in the process and return its answer."""
        return await (await self._get_process()).ask(verb, *args)

    async def ask_about(self, verb: str, collection: Collection, *args: Any) -> Any:
        """Call a verb of a collection in the process and return its answer.

        Raises:
            WritesLost: the process that the collection was written to has died.
        """
        process = await self._get_process()
        if verb in {"open_collection", "drop_collection"}:
            self._lost.discard(collection.name)
        elif verb != "has_collection" and collection.name in self._lost:
            raise WritesLost(f"the engine process died before the writes of {collection.name} were on the disk")
        if verb in {"upsert_points", "delete_points"}:
            process.unflushed[collection.name] += 1
        before = process.unflushed[collection.name]
        answer = await process.ask(verb, collection, *args)
        if verb == "flush_collection" and process.unflushed[collection.name] == before:
            del process.unflushed[collection.name]
        return answer

    async def close(self) -> None:
        """End the process after a flush, or when its time for that is over; a second call does nothing."""
        async with self._start_lock:
            self._is_closed = True
            process, self._process = self._process, None
            if process is not None:
                await process.close()

    async def _get_process(self) -> "_Process":
        process = self._process
        if process is None or process.has_ended:
            async with self._start_lock:
                process = await self._ensure_process()
        return process

    async def _ensure_process(self) -> "_Process":
        if self._is_closed:
            raise EngineDown("the embedded engine is closed")
        now = asyncio.get_running_loop().time()
        if self._process is not None and self._process.has_ended:
            self._deaths = 1 if now - self._process.started_at >= STEADY_SECONDS else self._deaths + 1
            self._earliest_start = now + _compute_restart_delay(self._deaths)
            # It holds the locks of its shards until it has ended.
            await self._process.kill()
            self._lost.update(name for name, writes in self._process.unflushed.items() if writes)
            self._process = None
        if now < self._earliest_start:
            raise EngineDown(f"the engine process has died {self._deaths} times; it is started again in a moment")
        if self._process is None:
            self._process = await _Process.start(self._arguments)
        return self._process


class _Process:
    """A process from its start to its end, with the calls that it has not answered yet."""

    def __init__(self, child: "subprocess.Popen[bytes]", started_at: float) -> None:
        self.started_at = started_at
        self.has_ended = False
        #: The number of writes to each collection since its last flush.
        self.unflushed = Counter[str]()
        self._child = child
        self._is_closing = False
        self._messages = MessageProtocol(self._receive_answer, self._handle_loss)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    @classmethod
    async def start(cls, arguments: tuple[str, ...]) -> "_Process":
        """Spawn a process; it may be called before it is ready."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            command = [
                sys.executable,
                "-P",  # a folder `server` in the working folder is another program's
                "-m",
                "server.store.search.edge.engine_process",
                str(theirs.fileno()),
                *arguments,
            ]
            path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
            try:
                child = subprocess.Popen(  # noqa: S603, ASYNC220 - our own command; it returns in a millisecond or two
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
        process = cls(child, loop.time())
        try:
            await loop.create_unix_connection(lambda: process._messages, sock=ours)
        except BaseException:
            ours.close()
            await process.kill()
            raise
        return process

    async def ask(self, verb: str, *args: Any) -> Any:
        """Call a verb and return its answer, or raise its error."""
        if self.has_ended:
            raise EngineDown("the engine process has ended")
        self._count += 1
        number, answer = self._count, asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        try:
            self._messages.send((number, verb, args))
            return await answer
        finally:
            self._pending.pop(number, None)

    async def close(self) -> None:
        """Let it flush within `CLOSE_SECONDS`, and end it."""
        self._is_closing = True
        try:
            # Writes that were not flushed are projected again: `flush` did not return for them.
            with contextlib.suppress(EngineDown, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.ask(CLOSE)
        finally:
            await self.kill()

    async def kill(self) -> None:
        """Kill the process and wait for its end."""
        self._is_closing = self.has_ended = True
        self._messages.close()
        self._child.kill()
        await asyncio.to_thread(self._child.wait)

    def _receive_answer(self, message: tuple[int, type[Exception] | None, Any]) -> None:
        number, kind, value = message
        answer = self._pending.get(number)
        if answer is None or answer.done():
            return  # the caller was cancelled
        if kind is None:
            answer.set_result(value)
        else:
            answer.set_exception(kind(value))

    def _handle_loss(self) -> None:
        self.has_ended = True
        if not self._is_closing:
            log.warning("engine_process.ended", pid=self._child.pid, calls=len(self._pending))
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(EngineDown("the engine process has ended"))


def _compute_restart_delay(deaths: int) -> float:
    """Return the seconds before a process is started again after this many deaths in a row: none after the first."""
    # One death may be chance; the second is a sign.
    return 0.0 if deaths < 2 else min(0.25 * 2 ** (deaths - 2), LONGEST_RESTART_DELAY)  # noqa: PLR2004 - the comment above explains the number
