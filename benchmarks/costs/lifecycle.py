"""The cost of the background work, for the server and for recalls meanwhile.

* One decay pass over a workspace in which every row changes: the work alone, target 3 s for 100,000 memories; and the
  p95 of recalls that a server answers during such passes, beside its idle p95, target twice that.
* The memories around one, five links deep, of 50,000 that are linked, over HTTP: p95, target 50 ms.
* Consolidation of 20,000 memories with 2,000 tags over HTTP, beside what a server holds before it: targets 30 s and
  500 MB more.
* A night over 1,000 workspaces, ten of which have something to merge: how long, and how many collections were opened.
"""

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from helpers.client import Client
from helpers.common import (
    Figure,
    Process,
    Site,
    Words,
    find_median,
    find_percentile,
    make_chance,
    make_temporary_folder,
    show_progress,
)
from helpers.filling import STORED, Filled, fill_workspaces

DECAY_SECONDS, RECALL_TIMES = 3.0, 2.0
GRAPH_MS, DEPTH, LINKS_EACH = 50.0, 5, 2
CONSOLIDATION_SECONDS, CONSOLIDATION_MB = 30.0, 500
PASSES = 4
RUN_SECONDS = 120
FILED = "2026-01-01 00:00:00.000000"


@dataclass(frozen=True)
class Sizes:
    """The sizes of the run."""

    decay: int
    linked: int
    merged: int
    workspaces: int


def measure(*, quick: bool) -> list[Figure]:
    sizes = Sizes(10_000, 5_000, 2_000, 100) if quick else Sizes(100_000, 50_000, 20_000, 1_000)
    with make_temporary_folder() as folder:
        figures = _measure_large(folder / "large", sizes)
    with make_temporary_folder() as folder:
        figures += _measure_consolidation(folder / "merging", sizes.merged)
    with make_temporary_folder() as folder:
        return figures + asyncio.run(_measure_night(folder, sizes.workspaces))


def _measure_large(folder: Path, sizes: Sizes) -> list[Figure]:
    site = Site(folder, model="none")
    (filled,) = fill_workspaces(site, ["default"], sizes.decay)
    ids = _link_memories(site, sizes.linked)
    seconds, changed = asyncio.run(_time_decay(site, filled))
    with site.serving(), site.client() as client:
        idle, busy = _time_recalls(site, client, filled)
        depths = [_read_graph(client, chance) for chance in show_progress(make_chance(5).sample(ids, 200), "graphs")]
    of = f"{sizes.decay:,} memories"
    quiet, during = find_percentile(idle, 0.95), find_percentile(busy, 0.95)
    return [
        Figure(
            "one decay pass",
            f"{seconds:.2f} s",
            f"{changed:,} of {of} changed",
            "",
            f"≤ {DECAY_SECONDS:.0f} s",
            seconds <= DECAY_SECONDS,
        ),
        Figure(
            "recall p95 during decay",
            f"{during:.1f} ms",
            f"{len(busy)} recalls in {PASSES} passes, {of}",
            f"idle {quiet:.1f} ms ({during / quiet:.1f}x), p50 {find_median(idle):.1f} → {find_median(busy):.1f} ms",
            f"≤ {RECALL_TIMES:.0f} x idle",
            during <= RECALL_TIMES * quiet,
        ),
        Figure(
            f"graph, depth {DEPTH}, p95",
            f"{find_percentile([ms for ms, _ in depths], 0.95):.1f} ms",
            f"{len(depths)} graphs, {sizes.linked:,} linked memories",
            f"p50 {find_median([ms for ms, _ in depths]):.1f} ms, "
            f"{find_median([float(n) for _, n in depths]):.0f} memories each",
            f"≤ {GRAPH_MS:.0f} ms",
            find_percentile([ms for ms, _ in depths], 0.95) <= GRAPH_MS,
        ),
    ]


def _link_memories(site: Site, count: int) -> list[str]:
    """Link each of so many memories to two others, chosen by chance. Return their ids."""
    chance = make_chance(3)
    with closing(sqlite3.connect(site.folder / "loci.db")) as connection, connection:
        found = connection.execute(
            "SELECT id, workspace_id FROM memories ORDER BY position LIMIT ?", [count]
        ).fetchall()
        ids = [memory_id for memory_id, _ in found]
        for memory_id, workspace_id in found:
            targets = chance.sample(ids, LINKS_EACH)
            linkages = json.dumps([{"type": "memory", "id": each, "label": "related"} for each in targets])
            connection.execute("UPDATE memories SET linkages = ? WHERE id = ?", [linkages, memory_id])
            rows = [(memory_id, n, workspace_id, "memory", each, "related") for n, each in enumerate(targets)]
            connection.executemany(
                "INSERT INTO links (from_id, position, workspace_id, to_kind, to_id, label) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
    return ids


def _read_graph(client: Client, memory_id: str) -> tuple[float, int]:
    started = time.perf_counter()
    status, answer = client.get(f"/v1/memories/{memory_id}/graph?depth={DEPTH}")
    took = (time.perf_counter() - started) * 1000
    assert status == 200, answer
    return took, len(answer["nodes"])


async def _time_decay(site: Site, filled: Filled) -> tuple[float, int]:
    """Return the seconds of a pass in which every row changes, and the number of rows: the faster of two passes."""
    from server.store.db import Database  # noqa: PLC0415 - only after ROOT is importable
    from server.store.lifecycle.decay import decay_relevance  # noqa: PLC0415 - as above

    db = Database(f"sqlite+aiosqlite:///{site.folder / 'loci.db'}")
    outcomes: list[tuple[float, int]] = []
    for days in (70, 80):
        started = time.perf_counter()
        changed = await decay_relevance(db, filled.id, STORED + timedelta(days=days))
        outcomes.append((time.perf_counter() - started, changed))
    await db.close()
    return min(outcomes)


def _time_recalls(site: Site, client: Client, filled: Filled) -> tuple[list[float], list[float]]:
    """Return the times of recalls while nothing else goes on, and during a pass."""
    words, chance = Words(seed=23), make_chance(29)

    def ask() -> float:
        query = words.make_query(chance.choice(filled.texts))
        started = time.perf_counter()
        assert client.post("/v1/context", {"message": query, "track_access": False})["memories"]["matches"]
        return (time.perf_counter() - started) * 1000

    for _ in range(100):
        ask()
    idle: list[float] = []
    busy: list[float] = []
    for turn in show_progress(range(PASSES), "recalls, in turns idle and during decay"):
        idle += [ask() for _ in range(200)]
        busy += _time_while_decaying(site, turn, ask)
    return idle, busy


def _time_while_decaying(site: Site, turn: int, ask: Callable[[], float]) -> list[float]:
    """Have the server do a pass in which every row changes, and return the times of recalls meanwhile."""
    with closing(sqlite3.connect(site.folder / "loci.db", isolation_level=None, timeout=30)) as connection:
        connection.execute("UPDATE memories SET relevance = 9")
        run = (f"bench{turn}", "decay", "filed", 0, FILED)
        connection.execute("INSERT INTO runs (id, work, state, done, filed_at) VALUES (?, ?, ?, ?, ?)", run)
        found: list[float] = []
        started = time.perf_counter()
        while time.perf_counter() - started < RUN_SECONDS:
            (state,) = connection.execute("SELECT state FROM runs WHERE id = ?", [run[0]]).fetchone()
            if state == "done":
                return found
            took = ask()
            if state == "running":
                found.append(took)
    raise RuntimeError("the pass does not end")


def _measure_consolidation(folder: Path, count: int) -> list[Figure]:
    site = Site(folder)
    (filled,) = fill_workspaces(site, ["default"], count)
    tags = count // 10
    with closing(sqlite3.connect(folder / "loci.db")) as connection, connection:
        rows = [(json.dumps([f"tag{n % tags}"]), filled.id, n + 1) for n in range(count)]
        connection.executemany("UPDATE memories SET tags = ? WHERE workspace_id = ? AND revision = ?", rows)
    with site.serving() as process, site.client() as client:
        client.post("/v1/context", {"message": filled.texts[0]})
        before = process.megabytes()[0]
        _forget_peak(process)
        started = time.perf_counter()
        answer: Any = client.post("/v1/consolidate", {"share": 1.0})
        seconds = time.perf_counter() - started
        more = _read_peak(process) - before
    assert (answer["merged"], answer["sources"]) == (tags, count)
    return [
        Figure(
            "consolidation",
            f"{seconds:.1f} s",
            f"{count:,} memories, {tags:,} tags",
            f"{answer['merged']:,} merged",
            f"≤ {CONSOLIDATION_SECONDS:.0f} s",
            seconds <= CONSOLIDATION_SECONDS,
        ),
        Figure(
            "its memory",
            f"+{more} MB",
            "largest RSS during it",
            f"{before} MB before",
            f"≤ {CONSOLIDATION_MB} MB more",
            more <= CONSOLIDATION_MB,
        ),
    ]


def _forget_peak(process: Process) -> None:
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def _read_peak(process: Process) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


async def _measure_night(folder: Path, count: int) -> list[Figure]:
    """Measure a night over many workspaces, in this process, with room for eight open collections."""
    from server.background.nights import consolidate_nightly  # noqa: PLC0415 - as above
    from server.config import Settings  # noqa: PLC0415 - only after ROOT is importable
    from server.services import open_services  # noqa: PLC0415 - as above

    settings = Settings(data_dir=folder, open_workspaces=8, embedding_model="none")
    async with open_services(settings, lambda: STORED + timedelta(days=7)) as (services, _):
        await _insert_people(services.db, count)
        started = time.perf_counter()
        outcome = await consolidate_nightly(services)
        seconds = time.perf_counter() - started
    opened = len([path for path in (folder / "shards").iterdir() if path.is_dir()])
    assert (outcome.workspaces, outcome.failed) == (count, 0)
    return [
        Figure(
            "a night",
            f"{seconds:.1f} s",
            f"{count:,} workspaces of 5 memories, {count // 100} with something to merge",
            f"{seconds / count * 1000:.1f} ms each",
        ),
        Figure(
            "collections it opened",
            str(opened),
            "at most 8 at once",
            "",
            f"{count // 100}",
            opened == count // 100,
        ),
    ]


async def _insert_people(db: Any, count: int) -> None:
    """Insert so many workspaces with 5 memories each. In every hundredth the memories repeat one another."""
    from server.ids import new_id  # noqa: PLC0415 - only after ROOT is importable
    from server.memory.models import Memory  # noqa: PLC0415 - as above
    from server.store.record import memories, workspaces  # noqa: PLC0415 - as above
    from server.store.record.journal import Actor  # noqa: PLC0415 - as above
    from server.store.record.people import accounts  # noqa: PLC0415 - as above

    async with db.write() as connection:
        user = await accounts.create_user(connection, name="bench", password_hash=None, is_admin=False, now=STORED)
        actor = Actor(user.id, "", "ingest_memories", "")
        for n in show_progress(range(count), "workspaces"):
            made, _ = await workspaces.ensure_workspace(connection, user.account_id, f"w{n}", 0, STORED)
            texts = [f"{n} and {0 if n % 100 == 0 else m}" for m in range(5)]
            common: dict[str, Any] = {"type": "fact", "tags": [], "scope": "global", "linkages": [], "metadata": {}}
            common |= {"created_at": STORED, "updated_at": STORED, "relevance": 1.0, "access_count": 0}
            some = [Memory(id=new_id(STORED), content=text, consolidated=0, **common) for text in texts]
            first = await memories.advance_revision(connection, made.id, len(some), STORED)
            await memories.insert_memories(connection, made.id, actor, first, some)
