"""The event loop of the commands that run until they are told to end, and the signals that end it."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from functools import cache
from threading import Thread, Timer
from typing import Any, NoReturn

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The seconds from the first signal to the end of the process. Requests have `http_server.GRACE_SECONDS` of them, and
#: the stores have the rest.
END_SECONDS = 4.5
#: The seconds that the line about a late end may take to write.
LINE_SECONDS = 0.1


def catch_signals() -> None:
    """Turn SIGTERM into SIGINT, which a runner takes for a request to end, and accept SIGINT.

    uvicorn sends the signal that stopped it to the process again. A second SIGTERM would end the process with its
    stores open.
    """
    # A shell that starts a command in the background of a script has it ignore SIGINT; SIGTERM needs it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _raise_interrupt)


def run_until_signal(task: Coroutine[Any, Any, None]) -> None:
    """Run a task that ends by itself or by a signal. Its stores are closed when this returns."""
    try:
        with asyncio.Runner(loop_factory=_make_loop) as runner:
            runner.run(task)
    except KeyboardInterrupt:
        pass  # everything is closed; the runner, or uvicorn, raises the signal again for the shell


def end_process() -> NoReturn:
    """End the process, whose stores are closed. To free its memory piece by piece takes Python a second or more."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)


@cache
def limit_end() -> None:
    """End the process in `END_SECONDS`, even if it still works then. Only the first call has an effect.

    That is no worse than a kill: the record has everything that was acknowledged, and the next start projects what the
    search store has not kept.
    """
    timer = Timer(END_SECONDS, _end_at_once)
    timer.daemon = True
    timer.start()


def _end_at_once() -> None:
    # In a thread, because the holder of the log's lock may never let go of it.
    line = Thread(target=_log_late_end, daemon=True)
    line.start()
    line.join(LINE_SECONDS)
    os._exit(0)


def _log_late_end() -> None:
    log.warning("process.ended_late", seconds=END_SECONDS)


def _raise_interrupt(_signal: int, _frame: object) -> None:
    limit_end()
    signal.raise_signal(signal.SIGINT)


def _make_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop()
