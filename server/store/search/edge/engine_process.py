"""An engine process: the embedded engine for some of the collections, which the server calls over a socket.

It runs as long as the server's end of the socket is open. If that closes without a message, the server has died, and
this process ends at once: what was not flushed is projected again.

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
from server.store.search.edge.frames import CLOSE, MessageProtocol, choose_process
from server.store.search.edge.shard_files import OUR_MISTAKES
from server.store.search.seam import Collection, EngineDown

log = logging.getLogger(__name__)

CHANGING_VERBS = frozenset(
    {"open_collection", "upsert_points", "delete_points", "set_payload", "flush_collection", "drop_collection"}
)
"""The verbs that change a collection. They are run one after the other, in order, even if the caller was cancelled."""


class _CallHandler:
    """Runs the calls that come over the socket and sends the answers."""

    def __init__(self, engine: EdgeEngine) -> None:
        self._engine = engine
        self._locks = WeakValueDictionary[str, asyncio.Lock]()
        self._tasks = set[asyncio.Task[None]]()
        self.lost = asyncio.Event()
        self.messages = MessageProtocol(self._receive_call, self.lost.set)

    async def close(self) -> None:
        """Flush everything to the disk and end."""
        await self._engine.close()
        self.messages.close()

    def stop(self) -> None:
        """Close, as the handler of a signal."""
        self._start_task(self.close())

    def _receive_call(self, message: tuple[int, str, tuple[Any, ...]]) -> None:
        self._start_task(self._answer_call(*message))

    def _start_task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_call(self, number: int, verb: str, args: tuple[Any, ...]) -> None:
        try:
            answer = await self._run_verb(verb, *args)
        except EngineDown as error:
            self.messages.send((number, type(error), str(error)))
        except OUR_MISTAKES as error:
            # A subclass may need more than a text to be made again; the usual ones are ValueError's.
            kind = type(error) if type(error) in OUR_MISTAKES else ValueError
            self.messages.send((number, kind, str(error)))
        except Exception as error:
            log.exception("engine_process.call_failed verb=%s", verb)
            self.messages.send((number, EngineDown, f"the embedded engine failed: {error!r}"))
        else:
            self.messages.send((number, None, answer))
        if verb == CLOSE:
            self.messages.close()

    async def _run_verb(self, verb: str, *args: Any) -> Any:
        method = getattr(self._engine, verb)
        if verb in CHANGING_VERBS:
            collection: Collection = args[0]
            async with self._locks.setdefault(collection.name, asyncio.Lock()):
                return await method(*args)
        return await method(*args)


async def answer_calls(descriptor: int, folder: Path, max_open: int, number: int, count: int) -> None:
    """Answer calls until the socket closes; SIGTERM closes it when everything is on the disk."""
    engine = EdgeEngine(folder, max_open=max_open, is_ours=lambda name: choose_process(name, count) == number)
    handler = _CallHandler(engine)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, handler.stop)
    await loop.create_unix_connection(lambda: handler.messages, sock=socket.socket(fileno=descriptor))
    await handler.lost.wait()
    # Python's own exit would wait for the threads, and opening a shard may take seconds.
    os._exit(0)


def main(descriptor: str, folder: str, *numbers: str) -> None:
    """Run the process to its end; the arguments are those of the command."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_calls(int(descriptor), Path(folder), *map(int, numbers)))


if __name__ == "__main__":
    main(*sys.argv[1:])
