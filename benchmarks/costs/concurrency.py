"""Fifty recalls at once (`POST /v1/context`), over 100 workspaces of 1,000 memories and over one of 100,000.

How long the server's event loop lags meanwhile is measured from inside, by a timer of 5 ms in the loop that serves
(`probed_server.py`), beside the same timer while the server was idle, just before. The clients are in this process:
fifty connections that are kept alive, each asking its next question when its last was answered, no question twice. Once
with the embedded engine in the server's process, and once with it in processes of its own (`LOCI_ENGINE_PROCESSES`).
Each is run with the embedding model, if there is one, and by keyword only, so that nothing spaces the recalls out.

Target: with 100 x 1,000 memories, a lag of at most 20 ms p99; with one of 100,000, the same with engine processes.
"""

import sys
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from helpers.common import (
    ROOT,
    Figure,
    Process,
    Site,
    find_median,
    find_percentile,
    has_model,
    make_temporary_folder,
    screen,
)
from helpers.crowd import ask_all, make_questions, send_recall
from helpers.filling import fill_workspaces

CLIENTS = 50
PROCESSES = 2
TARGET_MS = 20.0
IDLE_SECONDS = 3.0
SECONDS = 20.0
"""A run ends after so long, however many questions are left."""


@dataclass
class ProbedSite(Site):
    """A site whose server has a probe on its loop, and as many engine processes as it is told."""

    engine_processes: int = 0

    @property
    def samples(self) -> Path:
        """The file of the probe's samples, complete when the server has ended."""
        return self.folder / "lag"

    @property
    def environment(self) -> dict[str, str]:
        """The settings, whatever this shell has set."""
        return super().environment | {"LOCI_ENGINE_PROCESSES": str(self.engine_processes)}

    def start(self) -> Process:
        """Start a server, without waiting for it."""
        command = [sys.executable, str(ROOT / "benchmarks" / "helpers" / "probed_server.py"), str(self.samples)]
        return Process(command, self.port, self.environment, self.folder / "server.log")


@dataclass
class Run:
    """One run's times: each recall in milliseconds, and the loop's lag at idle and under load, in milliseconds."""

    recalls: list[float] = field(default_factory=list)
    seconds: float = 0.0
    idle: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)


def measure(*, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    count, large, asked = (20, 10_000, 600) if quick else (100, 100_000, 3_000)
    with make_temporary_folder() as folder:
        names = [f"workspace {number}" for number in range(count)]
        figures += _compare_processes(folder / "many", names, 1_000, asked, judged=(0, PROCESSES))
        figures += _compare_processes(folder / "one", ["default"], large, asked // 2, judged=(PROCESSES,))
    return figures


def _compare_processes(
    folder: Path, names: list[str], each: int, asked: int, *, judged: tuple[int, ...]
) -> list[Figure]:
    site = ProbedSite(folder, model="auto" if has_model() else "none")
    filled = fill_workspaces(site, names, each)
    questions = make_questions(filled, asked)
    figures: list[Figure] = []
    for model in dict.fromkeys((site.model, "none")):
        site.model = model
        for processes in (0, PROCESSES):
            site.engine_processes = processes
            run = _run_questions(site, names, questions)
            where = f"{processes} engine processes" if processes else "engine in the server"
            how = "by meaning too" if model != "none" else "by keyword"
            what = f"{len(names)} x {each:,}, {how}, {where}"
            figures += _make_figures(what, run, is_judged=processes in judged)
    return figures


def _run_questions(site: ProbedSite, names: list[str], questions: list[tuple[int, str]]) -> Run:
    run = Run()
    with site.serving(with_model=site.model != "none"):
        with site.client() as client:  # each workspace is opened once, before anything is timed
            for number, name in enumerate(names):
                send_recall(client, name, f"warm up {number}")
        idle = time.monotonic()
        time.sleep(IDLE_SECONDS)
        loaded = time.monotonic()
        with screen.status(f"{len(questions)} recalls, {CLIENTS} at once"):
            run.recalls = ask_all(site, names, questions[::-1], CLIENTS, SECONDS)
        ended = time.monotonic()
    run.seconds = ended - loaded
    samples = array("d", site.samples.read_bytes())
    for due, late in zip(samples[::2], samples[1::2], strict=True):
        if idle <= due < loaded:
            run.idle.append(late * 1000)
        elif loaded <= due < ended:
            run.loaded.append(late * 1000)
    return run


def _make_figures(what: str, run: Run, *, is_judged: bool) -> list[Figure]:
    p50, p99 = find_median(run.loaded), find_percentile(run.loaded, 0.99)
    idle = f"idle {find_median(run.idle):.1f} / {find_percentile(run.idle, 0.99):.1f} ms"
    times = " / ".join(f"{find_percentile(run.recalls, share):.0f}" for share in (0.5, 0.95, 0.99))
    n = f"{len(run.recalls)} recalls, {CLIENTS} at once"
    return [
        Figure(
            f"lag p50/p99: {what}",
            f"{p50:.1f} / {p99:.1f} ms",
            f"{len(run.loaded)} samples",
            idle,
            f"p99 ≤ {TARGET_MS:.0f} ms" if is_judged else "",
            p99 <= TARGET_MS if is_judged else None,
        ),
        Figure("  its recalls p50/p95/p99", f"{times} ms", n, f"{len(run.recalls) / run.seconds:.0f} a second"),
    ]
