"""`python -m server serve`, with a probe on its event loop that notes how late it wakes.

Not a benchmark by itself: `concurrency.py` starts it in place of the server. Argument: a file, which holds the probe's
samples once the server has ended.

A timer is due every 5 ms, on a fixed schedule. Each due moment is a sample, also those that a stall has skipped, so a
stall of 50 ms counts ten times and not once: the samples tell how late a timer would be that is due at any moment.
"""

import asyncio
import sys
import time
from array import array
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.cli.serving.serve import serve

EVERY = 0.005


async def probe_loop(samples: "array[float]") -> None:
    """Note when each timer was due (seconds, the system's monotonic clock), and how many seconds late it was."""
    due = time.monotonic() + EVERY
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        while due <= now:
            samples.extend((due, now - due))
            due += EVERY


def main(path: Path) -> None:
    samples, probes = array("d"), list[asyncio.Task[None]]()
    new_event_loop = uvloop.new_event_loop

    def make_probed_loop() -> asyncio.AbstractEventLoop:
        loop = new_event_loop()
        loop.call_soon(lambda: probes.append(loop.create_task(probe_loop(samples))))
        return loop

    uvloop.new_event_loop = make_probed_loop
    serve()
    path.write_bytes(samples.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
