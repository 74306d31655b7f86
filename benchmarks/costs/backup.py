"""A backup of a large workspace while the server answers: its time, its size, and what recalls lose meanwhile.

The reference of the size is the content and the vectors of the memories, without anything around them. Recalls are
asked one after the other over HTTP, first without a backup and then while `python -m server backup` runs, again and
again until there are enough of them. Targets: 100,000 memories in less than 60 seconds; a file of at most 1.3 times the
content and vectors; a p95 of at most twice the one without a backup. The processor time of a backup is told, too: it
does not depend on what else the machine does.
"""

import resource
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from helpers.client import Client
from helpers.common import ROOT, Figure, Site, Words, find_percentile, has_model, make_chance, make_temporary_folder
from helpers.filling import fill_workspaces

SIZE, QUICK_SIZE = 100_000, 20_000
SECONDS = 60
RATIO = 1.3
SLOWER = 2.0
ASKED = 150


def measure(*, quick: bool) -> list[Figure]:
    size = QUICK_SIZE if quick else SIZE
    with make_temporary_folder() as folder:
        site = Site(folder / "data", model="auto" if has_model() else "none")
        (filled,) = fill_workspaces(site, ["default"], size)
        words, chance = Words(seed=31), make_chance(37)
        queries = iter([words.make_query(chance.choice(filled.texts)) for _ in range(40 * ASKED)])
        file = folder / "a.backup"
        with site.serving(with_model=has_model()), site.client() as client:
            for _ in range(20):
                _time_search(client, next(queries))
            idle = [_time_search(client, next(queries)) for _ in range(ASKED)]
            seconds: list[float] = []
            busy: list[float] = []
            spent = _read_children_time()
            while len(busy) < ASKED:
                file.unlink(missing_ok=True)
                started = time.perf_counter()
                running = _start_backup(site, file)
                while running.poll() is None:
                    busy.append(_time_search(client, next(queries)))
                seconds.append(time.perf_counter() - started)
                assert running.returncode == 0
            spent = (_read_children_time() - spent) / len(seconds)
        bare = _measure_content(site.folder / "loci.db")
        return _make_figures(size, (seconds, spent), (idle, busy), (file.stat().st_size, bare))


def _make_figures(
    size: int, times: tuple[list[float], float], asked: tuple[list[float], list[float]], sizes: tuple[int, int]
) -> list[Figure]:
    seconds, spent = times
    idle, busy = (find_percentile(each, 0.95) for each in asked)
    file, bare = sizes
    allowed = SECONDS * size / SIZE
    return [
        Figure(
            f"backup of {size:,} memories",
            f"{max(seconds):.1f} s",
            f"slowest of {len(seconds)}, read back",
            f"{size / max(seconds):,.0f} memories a second; {spent:.1f} s of processor time each",
            f"< {allowed:.0f} s",
            max(seconds) < allowed,
        ),
        Figure(
            "its size",
            f"{file / 1e6:.1f} MB",
            f"{size:,} memories",
            f"content and vectors {bare / 1e6:.1f} MB: {file / bare:.2f} x",
            f"≤ {RATIO} x",
            file <= RATIO * bare,
        ),
        Figure(
            "recall p95 during a backup",
            f"{busy:.1f} ms",
            f"{len(asked[1])} queries",
            f"idle {idle:.1f} ms: {busy / idle:.2f} x",
            f"≤ {SLOWER:.0f} x",
            busy <= SLOWER * idle,
        ),
    ]


def _time_search(client: Client, query: str) -> float:
    client.post("/v1/context", {"message": query})
    return client.took


def _start_backup(site: Site, file: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "server", "backup", str(file)]
    return subprocess.Popen(command, cwd=ROOT, env=site.environment, stderr=subprocess.DEVNULL)  # noqa: S603 - our own


def _read_children_time() -> float:
    """Return the processor time of the processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure_content(record: Path) -> int:
    """Return the bytes of all texts and vectors, those of tokens too, as the record has them."""
    sums = (
        "sum(length(CAST(content AS BLOB))) FROM memories",
        "sum(length(windows)) FROM vectors",
        "sum(length(tokens)) FROM token_vectors",
    )
    with closing(sqlite3.connect(record)) as connection:
        return sum(connection.execute(f"SELECT {each}").fetchone()[0] or 0 for each in sums)
