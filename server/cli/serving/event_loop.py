"""The event loop of the commands that run until they are told to end, and the signals that end it."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any


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


def _raise_interrupt(_signal: int, _frame: object) -> None:
    signal.raise_signal(signal.SIGINT)


def _make_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop()
