"""An engine process: the embedded engine for some of the collections, asked over a socket by the server.

It lives as long as the server's end of the socket is open. When that closes without a word the server has died, and
so does this at once: what was written is in the engine's log, and what was not flushed is projected again.

    python -m server.store.search.edge.engine_process DESCRIPTOR FOLDER MAX_OPEN NUMBER COUNT
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import uvloop

from server.store.search.edge.engine import EdgeEngine
from server.store.search.edge.frames import CLOSE, Frames, home_of
from server.store.search.edge.shard_files import OUR_MISTAKES
from server.store.search.seam import Collection, EngineDown

log = logging.getLogger(__name__)

ALONE = frozenset({"open", "upsert", "delete", "set_payload", "flush", "drop"})
"""The verbs that change a collection: one after the other, as they came, also where whoever asked has gone away."""


class _Answering:
    """What is asked over the socket, done."""

    def __init__(self, engine: EdgeEngine) -> None:
        self._engine = engine
        self._locks = WeakValueDictionary[str, asyncio.Lock]()
        self._running = set[asyncio.Task[None]]()
        self.ended = asyncio.Event()
        self.frames = Frames(self._received, self.ended.set)

    async def close(self) -> None:
        """Bring everything to the disk and end."""
        await self._engine.close()
        self.frames.close()

    def stop(self) -> None:
        """As `close`, for a signal."""
        self._start(self.close())

    def _received(self, message: tuple[int, str, tuple[Any, ...]]) -> None:
        self._start(self._answer(*message))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, number: int, verb: str, args: tuple[Any, ...]) -> None:
        try:
            answer = await self._do(verb, *args)
        except EngineDown as error:
            self.frames.send((number, type(error), str(error)))
        except OUR_MISTAKES as error:
            # A subclass may need more than a text to be made again; the usual ones are ValueError's.
            kind = type(error) if type(error) in OUR_MISTAKES else ValueError
            self.frames.send((number, kind, str(error)))
        except Exception as error:
            log.exception("engine_process.call_failed verb=%s", verb)
            self.frames.send((number, EngineDown, f"the embedded engine failed: {error!r}"))
        else:
            self.frames.send((number, None, answer))
        if verb == CLOSE:
            self.frames.close()

    async def _do(self, verb: str, *args: Any) -> Any:
        method = getattr(self._engine, verb)
        if verb in ALONE:
            collection: Collection = args[0]
            async with self._locks.setdefault(collection.name, asyncio.Lock()):
                return await method(*args)
        return await method(*args)


async def serve(descriptor: int, folder: Path, max_open: int, number: int, count: int) -> None:
    """Answer until the socket closes; a SIGTERM closes it once everything is on the disk."""
    answering = _Answering(EdgeEngine(folder, max_open=max_open, owns=lambda name: home_of(name, count) == number))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, answering.stop)
    await loop.create_unix_connection(lambda: answering.frames, sock=socket.socket(fileno=descriptor))
    await answering.ended.wait()
    # Python's own way out would wait for the threads, which may be seconds into opening a shard.
    os._exit(0)


def main(descriptor: str, folder: str, *numbers: str) -> None:
    """The process, from start to end; the arguments are those of the command."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(descriptor), Path(folder), *map(int, numbers)))


if __name__ == "__main__":
    main(*sys.argv[1:])
