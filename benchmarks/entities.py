"""Entities: how well and how fast they are found, and how long their lists take at 100,000 memories.

* Precision and recall on 300 labelled memories, half of which were not looked at while the rules were made.
* The time to find the entities of one memory, without a model: target 0.2 ms.
* The list of entities, and the search for a misspelt name, over HTTP, beside a request for the health of the server;
  and the same with a memory stored before each: target 20 ms at p95.
* Reading a workspace for the first time, as the background work does, in memories a second.

`--misses` prints the memories of the half that was looked at in which something is wrong.
"""

import argparse
import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from helpers.common import (
    Figure,
    Site,
    Words,
    find_median,
    find_percentile,
    make_chance,
    make_temporary_folder,
    print_figures,
    screen,
    show_progress,
)
from helpers.filling import Filled, fill_workspaces

PRECISION, FINDING_MS, LIST_MS = 0.9, 0.2, 20.0
REQUESTS = 200
#: The different names in a large workspace, and how often the same text is read to time it.
NAMES, ROUNDS = 20_000, 20


def measure(*, quick: bool) -> list[Figure]:
    figures = _measure_finding()
    with make_temporary_folder() as folder:
        return figures + _measure_lists(folder, 10_000 if quick else 100_000)


def _measure_finding() -> list[Figure]:
    from helpers.entity_labels import HALVES, read_labels, score_half  # noqa: PLC0415 - only after ROOT is importable

    from server.memory.entities.finding import find_entities  # noqa: PLC0415 - as above

    figures: list[Figure] = []
    texts: list[str] = []
    for half, path in HALVES.items():
        score = score_half(path)
        texts += [text for _, text, _ in read_labels(path)]
        detail = (
            f"recall {score.recall:.2f}; {score.right + score.missed} labelled names, {score.wrong} found beside them"
        )
        is_met = score.precision >= PRECISION
        name = f"entity precision, {half} half"
        figures.append(Figure(name, f"{score.precision:.2f}", detail, "", f"≥ {PRECISION}", is_met))
    started = time.process_time()
    for _ in range(ROUNDS):
        for text in texts:
            find_entities(text)
    each = (time.process_time() - started) / ROUNDS / len(texts) * 1000
    detail = f"{len(texts)} memories of {sum(map(len, texts)) // len(texts)} characters, processor time"
    return [
        *figures,
        Figure("finding entities", f"{each:.3f} ms", detail, "", f"≤ {FINDING_MS} ms", each <= FINDING_MS),
    ]


def _measure_lists(folder: Path, count: int) -> list[Figure]:
    site = Site(folder, model="none")
    (filled,) = fill_workspaces(site, ["default"], count)
    chance = make_chance("entities")
    names = _write_names(site, chance)
    seconds = asyncio.run(_read_all(site, filled))
    rate = count / seconds
    figures = [Figure("reading for entities", f"{rate:,.0f} a second", f"{count:,} memories in {seconds:.0f} s", "")]
    with site.serving(), site.client() as client:
        client.get("/v1/entities?query=warm")
        floor = _time_requests(lambda _: client.get("/health"))
        several = {
            "entity list": lambda _: client.get("/v1/entities"),
            "similar entities": lambda _: client.get(f"/v1/entities?query={_misspell(chance.choice(names), chance)}"),
        }
        for name, request in several.items():
            figures.append(_make_figure(name, _time_requests(request), floor, count))
        after_store = _time_requests(
            lambda _: client.get("/v1/entities?limit=20"),
            before=lambda n: client.post("/v1/memories", {"content": f"Today {chance.choice(names)} called, note {n}"}),
        )
        figures.append(_make_figure("entity list after a store", after_store, floor, count))
    return figures


def _make_figure(name: str, times: Sequence[float], floor: Sequence[float], count: int) -> Figure:
    p95, least = find_percentile(times, 0.95), find_percentile(floor, 0.95)
    detail = f"{len(times)} requests, {count:,} memories, p50 {find_median(times):.1f} ms"
    reference = f"/health {least:.1f} ms ({p95 / least:.1f}x)"
    return Figure(f"{name}, p95", f"{p95:.1f} ms", detail, reference, f"≤ {LIST_MS:.0f} ms", p95 <= LIST_MS)


def _time_requests(request: Callable[[int], object], before: Callable[[int], object] | None = None) -> list[float]:
    times: list[float] = []
    for number in show_progress(range(REQUESTS), "requests"):
        if before is not None:
            before(number)
        started = time.perf_counter()
        request(number)
        times.append((time.perf_counter() - started) * 1000)
    return times


def _misspell(name: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(name) - 1)
    return (name[:place] + name[place + 1 :]).replace(" ", "%20")


def _write_names(site: Site, chance: random.Random) -> list[str]:
    """Put two names into each memory, some much more often than others, and return all names."""
    words = Words()
    names = [f"{words.text(1, 1).capitalize()} {words.text(1, 1).capitalize()}" for _ in range(NAMES)]
    with closing(sqlite3.connect(site.folder / "loci.db")) as connection, connection:
        rows = connection.execute("SELECT id, content FROM memories").fetchall()
        with screen.status(f"naming entities in {len(rows):,} memories"):
            changed = [
                (f"we met {_choose(names, chance)} and {_choose(names, chance)} about {content}", memory_id)
                for memory_id, content in rows
            ]
            connection.executemany("UPDATE memories SET content = ? WHERE id = ?", changed)
    return names


def _choose(names: Sequence[str], chance: random.Random) -> str:
    return names[int(len(names) * chance.random() ** 3)]


async def _read_all(site: Site, filled: Filled) -> float:
    """Read a workspace for entities as the background work does, and return the seconds."""
    from server.clock import utc_now  # noqa: PLC0415 - only after ROOT is importable
    from server.store.db import Database  # noqa: PLC0415 - as above
    from server.store.entities.known_names import KnownNames  # noqa: PLC0415 - as above
    from server.store.entities.reading import catch_up  # noqa: PLC0415 - as above

    db = Database(site.record_url)
    try:
        started = time.perf_counter()
        assert await catch_up(db, KnownNames(), filled.id, utc_now)
        return time.perf_counter() - started
    finally:
        await db.close()


def main() -> None:
    from helpers.entity_labels import HALVES, score_half  # noqa: PLC0415 - only after ROOT is importable

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10,000 memories in place of 100,000")
    parser.add_argument("--misses", action="store_true", help="print the mistakes of the half that was looked at")
    arguments = parser.parse_args()
    if arguments.misses:
        for text, wrong, missed in score_half(HALVES["seen"]).mistakes:
            screen.print(f"{text}\n  found beside: {wrong}, missed: {missed}")
        return
    print_figures(measure(quick=arguments.quick))


if __name__ == "__main__":
    main()
