"""The real server, with a probe on its event loop that notes how late it wakes.

Not a benchmark by itself: `concurrency.py` starts it in place of `python -m server serve`, with the same settings, on
the same kind of loop. Argument: a file, which holds the probe's samples once the server has ended.

A timer is due every 5 ms, on a fixed schedule. Each due moment is a sample, also those that a stall has skipped, so a
stall of 50 ms counts ten times and not once: the samples tell how late a timer would be that is due at any moment.
"""

import asyncio
import signal
import sys
import time
from array import array
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uvicorn

from server.app import create_app, opened
from server.cli.listen import listen
from server.config import load
from server.web.logs import configure

EVERY = 0.005


async def probe(samples: "array[float]") -> None:
    """Note when each timer was due (seconds, the system's monotonic clock), and how many seconds late it was."""
    due = time.monotonic() + EVERY
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        while due <= now:
            samples.extend((due, now - due))
            due += EVERY


async def serve(samples: "array[float]") -> None:
    settings = load()
    configure(settings.log_format)
    listeners = listen(settings.host, settings.port)
    async with opened(settings) as running:
        config = uvicorn.Config(
            create_app(running),
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        probing = asyncio.create_task(probe(samples))
        try:
            await uvicorn.Server(config).serve(sockets=listeners)
        finally:
            probing.cancel()


def main(path: Path) -> None:
    samples = array("d")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # uvicorn shuts down cleanly at the first, and then sends another
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(samples))
    path.write_bytes(samples.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
