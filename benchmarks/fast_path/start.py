"""The tricks of the fast path that lie in starting a process and in the server that carries the product.

Not a benchmark by itself: see `fast_path.py`. Each way to start is a Python process of its own, which says how much
processor time it took.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from helpers.ab import START, Trick
from helpers.client import Client
from helpers.common import ROOT, Process, Site, find_free_port, find_median, show_progress

STARTS = 3
REQUESTS = 1_000
ROUNDS = 6
SERVER = "import uvicorn, server.app, server.background.loop"
CLOCK = "import gc, json, time; times = [time.process_time()]"
SAYS = "times.append(time.process_time()); print(json.dumps(times))"

#: The modules that are imported only when they are needed, in this order, after all that `--help` imports.
LAZY = (
    (
        "a command is imported if it is called",
        "command",
        "import server.cli.common, server.cli.people.users, server.cli.doctor",
    ),
    ("the server's imports are left to `serve`", "command", SERVER),
    ("the model's libraries are imported by its thread", "start", "import fastembed, tokenizers"),
    ("Alembic is imported if the schema is old", "start", "import alembic.command, alembic.config, alembic.script"),
    ("a Qdrant server's client is imported if it is used", "start", "import server.store.search.qdrant.server"),
)


def measure_starts(site: Site) -> list[Trick]:
    """Start processes that import everything, and some that look for garbage meanwhile and some that do not."""
    steps = [f"import server.cli; {CLOCK}", *(f"{imports}; times.append(time.process_time())" for *_, imports in LAZY)]
    lazy, quick, plain = _time_starts(
        site,
        [
            "; ".join(steps),
            f"{CLOCK}; gc.disable(); {SERVER}; gc.freeze(); times.append(time.process_time()); gc.collect()",
            f"{CLOCK}; {SERVER}; times.append(time.process_time()); gc.collect()",
        ],
    )
    imported = [Trick(name, unit, 0.0, took, STARTS, START) for (name, unit, _), took in zip(LAZY, lazy, strict=False)]
    # serve.py: a fifth of a second now, and 0.1 seconds at any moment later.
    return [
        *imported,
        Trick("no garbage is looked for at the start", "start", quick[0], plain[0], STARTS, saves=200_000),
        Trick("what stays is left out of collections", "full collection", quick[1], plain[1], STARTS, saves=100_000),
    ]


def _time_starts(site: Site, ways: Sequence[str]) -> list[list[float]]:
    """Run each of these programs in turns; the medians of the µs between the times that they print."""
    said: list[list[list[float]]] = [[] for _ in ways]
    for turn in show_progress(range(STARTS + 1), "starts"):
        for which, way in enumerate(ways):
            done = subprocess.run(  # noqa: S603 - our own programs
                [sys.executable, "-c", f"{way}; {SAYS}"],
                cwd=ROOT,
                env=site.environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            if turn:  # the first turn warms up
                times: list[float] = json.loads(done.stdout)
                said[which].append([(after - before) * 1e6 for before, after in pairwise(times)])
    return [[find_median(values) for values in zip(*numbers, strict=True)] for numbers in said]


def measure_transport(folder: Path) -> Trick:
    """Small requests to an empty application, by uvloop and httptools and by asyncio and h11."""
    kept = dict(os.environ)
    spent: tuple[list[float], list[float]] = ([], [])
    ports = find_free_port(), find_free_port()
    options = ("uvloop", "httptools"), ("asyncio", "h11")
    started = [
        Process(
            [
                sys.executable,
                "-m",
                "uvicorn",
                "--factory",
                "starlette.applications:Starlette",
                "--port",
                str(port),
                "--loop",
                loop,
                "--http",
                http,
                "--no-access-log",
                "--no-server-header",
                "--log-level",
                "warning",
            ],
            port,
            kept,
            folder / f"{loop}.log",
        )
        for port, (loop, http) in zip(ports, options, strict=True)
    ]
    try:
        clients = [_connect_to(process) for process in started]
        for turn in range(ROUNDS + 1):
            for which, (process, client) in enumerate(zip(started, clients, strict=True)):
                before = process.cpu_seconds()
                for _ in range(REQUESTS):
                    assert client.send_raw("GET", "/", None, {})[0] == 404
                if turn:
                    spent[which].append((process.cpu_seconds() - before) / REQUESTS * 1e6)
    finally:
        for process in started:
            process.stop()
    # docs/dependencies.md: a fifth less for each of them.
    return Trick("uvloop and httptools", "request", find_median(spent[0]), find_median(spent[1]), ROUNDS, times=1.5)


def _connect_to(process: Process) -> Client:
    client = Client(process.port, awake=True)
    for _ in range(200):
        try:
            client.send_raw("GET", "/", None, {})
        except OSError:
            time.sleep(0.05)
        else:
            return client
    raise RuntimeError(f"the server does not answer:\n{process.log.read_text()[-2000:]}")
