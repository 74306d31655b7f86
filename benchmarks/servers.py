"""Keyword recall by one and by two servers on one record and one search store: how much the second one adds.

The search store is the REST double of the tests, in a process of its own, over a workspace of 500 memories, so that
its part of a recall is small; it says nothing of how fast a Qdrant server is. The record is the empty Postgres database
that `LOCI_BENCH_POSTGRES_URL` names, else a SQLite file that both servers open. Sixteen clients in this process ask
without a pause, each of one server. Clients, store and database need processors as well, so with fewer than four the
target is not judged: there the servers' processor time for each recall shows whether a second one costs more than it
adds.

Target: two servers answer at least 1.6 times as many recalls as one.
"""

import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from helpers.client import Client
from helpers.common import ROOT, Figure, Process, Site, Words, free_port, screen, temporary_folder

CLIENTS = 16
MEMORIES = 500
TARGET = 1.6
PROCESSORS = 4
"""Two for the servers, and two for clients, store and database."""

_STORE = """
import sys, uvicorn
from pathlib import Path
from tests.doubles.qdrant_rest import Double
uvicorn.run(Double(Path(sys.argv[1])).app(), port=int(sys.argv[2]), lifespan="off", log_level="error", ws="none")
"""


@dataclass
class SharedSite(Site):
    """A site whose servers share a record and a search store."""

    qdrant_url: str = ""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def environment(self) -> dict[str, str]:
        """The settings, whatever this shell has set."""
        shared = {"LOCI_QDRANT_URL": self.qdrant_url, "LOCI_LAYOUT": "shared", "LOCI_SECRET_KEY": self.secret}
        if url := os.environ.get("LOCI_BENCH_POSTGRES_URL"):
            shared["LOCI_DATABASE_URL"] = url
        return super().environment | shared

    def start_at(self, port: int) -> Process:
        """Start a server at a port, without waiting for it."""
        settings = self.environment | {"LOCI_PORT": str(port)}
        return Process([sys.executable, "-m", "server", "serve"], port, settings, self.folder / f"{port}.log")


def measure(*, quick: bool) -> list[Figure]:
    seconds = 4.0 if quick else 15.0
    with temporary_folder() as folder, _serve_store(folder) as url:
        site = SharedSite(folder / "site", model="none", qdrant_url=url)
        words = Words()
        texts = [words.text() for _ in range(MEMORIES)]
        questions = [words.query_for(text) for text in texts]
        rates: dict[int, float] = {}
        costs: dict[int, float] = {}
        for count in (1, 2):
            with ExitStack() as stack:
                servers = {
                    port: stack.enter_context(site.start_at(port)) for port in (free_port() for _ in range(count))
                }
                for server in servers.values():
                    server.wait_for("/healthz")
                if count == 1:
                    _store(next(iter(servers)), site.key, texts)
                _ask(servers, site.key, questions, 1.0)
                before = sum(server.cpu_seconds() for server in servers.values())
                with screen.status(f"recall by {count} server(s)"):
                    answered = _ask(servers, site.key, questions, seconds)
                costs[count] = (sum(server.cpu_seconds() for server in servers.values()) - before) / answered * 1000
                rates[count] = answered / seconds
    ratio, processors = rates[2] / rates[1], os.cpu_count() or 1
    return [
        Figure(
            f"keyword recalls a second, two servers ({processors} processors)",
            f"{rates[2]:.0f}",
            f"{rates[2] * seconds:.0f}",
            f"{rates[1]:.0f}: one server ({ratio:.2f}x)",
            f">= {TARGET}x with {PROCESSORS} processors",
            ratio >= TARGET if processors >= PROCESSORS else None,
        ),
        Figure(
            "the servers' processor time of such a recall, two servers",
            f"{costs[2]:.2f} ms",
            f"{rates[2] * seconds:.0f}",
            f"{costs[1]:.2f} ms: one server ({costs[2] / costs[1]:.2f}x)",
        ),
    ]


@contextmanager
def _serve_store(folder: Path) -> Iterator[str]:
    port, points = free_port(), folder / "points"
    points.mkdir(parents=True)
    command = [sys.executable, "-c", _STORE, str(points), str(port)]
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    with Process(command, port, environment, folder / "store.log") as store:
        store.wait_for("/")
        yield f"http://127.0.0.1:{port}"


def _store(port: int, key: str, texts: list[str]) -> None:
    with Client(port, key) as client:
        for text in texts:
            client.post("/v1/memories", {"content": text})


def _ask(servers: dict[int, Process], key: str, questions: list[str], seconds: float) -> int:
    """Ask for so many seconds; the number of answers."""
    ports, answered, end = list(servers), [0] * CLIENTS, time.perf_counter() + seconds

    def ask(number: int) -> None:
        with Client(ports[number % len(ports)], key) as client:
            while time.perf_counter() < end:
                question = questions[(number * 31 + answered[number]) % len(questions)]
                client.post("/v1/context", {"message": question, "track_access": False})
                answered[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered)
