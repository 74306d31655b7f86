"""Recalls by the number of memories and of clients, and the server's memory after 12,000 of them.

Each cell is a few seconds of `POST /v1/context`, from so many connections that are kept alive, each asking its next
question when its last was answered, and no question twice. The clients are threads of this process, on the same
processor. Beside the times stands the processor time of the server for one recall.
"""

from pathlib import Path

from helpers.common import (
    Figure,
    Process,
    Site,
    find_percentile,
    has_model,
    make_temporary_folder,
    show_progress,
)
from helpers.crowd import ask_all, make_questions
from helpers.filling import fill_workspaces

SIZES, CLIENTS = (1_000, 10_000, 100_000), (1, 10, 50, 100)
SECONDS = 4.0
MOST_ASKED = 20_000
NAMES = ["default"]
PARTS, PART = 4, 3_000


def measure(*, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for size in SIZES[:1] if quick else SIZES:
        with make_temporary_folder() as folder:
            figures += _measure_size(folder / "data", size, 2.0 if quick else SECONDS, 500 if quick else PART)
    return figures


def _measure_size(folder: Path, size: int, seconds: float, part: int) -> list[Figure]:
    site = Site(folder, model="auto" if has_model() else "none")
    questions = make_questions(fill_workspaces(site, NAMES, size), MOST_ASKED)
    with site.serving(with_model=has_model()) as process:
        ask_all(site, NAMES, questions, 1, seconds / 4)  # warms up
        cells = show_progress(CLIENTS, f"{size:,} memories")
        figures = [_measure_cell(site, process, questions, clients, seconds, size) for clients in cells]
        return [*figures, _measure_growth(site, process, questions, part)] if size == SIZES[0] else figures


def _measure_cell(
    site: Site, process: Process, questions: list[tuple[int, str]], clients: int, seconds: float, size: int
) -> Figure:
    spent = process.cpu_seconds()
    times = ask_all(site, NAMES, questions, clients, seconds)
    spent = process.cpu_seconds() - spent
    shares = " / ".join(f"{find_percentile(times, share):.0f}" for share in (0.5, 0.9, 0.99))
    return Figure(
        f"recall p50 / p90 / p99, {size:,} memories, {clients} at once",
        f"{shares} ms",
        f"{len(times)} recalls",
        f"{len(times) / seconds:.0f} a second, {spent / len(times) * 1000:.0f} ms of processor time each",
    )


def _measure_growth(site: Site, process: Process, questions: list[tuple[int, str]], part: int) -> Figure:
    """Measure the server's memory again and again while it answers."""
    sizes: list[int] = []
    for _ in show_progress(range(PARTS), f"{PARTS * part:,} recalls"):
        some = [questions.pop() for _ in range(min(part, len(questions)))]
        ask_all(site, NAMES, some, CLIENTS[1], 600.0)
        sizes.append(process.megabytes()[1])
    return Figure(
        f"anonymous memory after each {part:,} recalls",
        " → ".join(f"{each} MB" for each in sizes),
        f"{PARTS * part:,} recalls",
        f"the last {part:,}: {sizes[-1] - sizes[-2]:+} MB",
    )
