"""The speed of imports and exports, as commands on a record of their own, and the memory that they take.

All times are of the processor, so that other work on the machine changes little. That of a command without work (an
import of one memory) is taken off. References of the same run: for the import,
the same lines as rows of a bare SQLite table, in transactions as large; for the export, the same lines written from
memory. Targets: 3,000 memories a second without a model; with one 0.8 times the embedder alone, by import and backfill;
10,000 a second out; and at most a fifth more memory for four times as many memories.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from helpers.common import MODELS, ROOT, Figure, Site, Words, has_model, make_temporary_folder, read_texts

SIZE, QUICK_SIZE = 40_000, 8_000
EMBEDDED = 600
IN, OUT, SHARE, GROWTH = 3_000, 10_000, 0.8, 1.2
STEP = 400


def measure(*, quick: bool) -> list[Figure]:
    with make_temporary_folder() as folder:
        figures = _measure_by_keyword(folder, QUICK_SIZE if quick else SIZE)
        return figures + (_measure_with_model(folder / "model") if has_model() else [])


def _measure_by_keyword(folder: Path, size: int) -> list[Figure]:
    small, large = Site(folder / "small"), Site(folder / "large")
    words = Words(seed=43)
    some = _write_lines(folder / "some.jsonl", [words.text() for _ in range(size // 4)])
    many = _write_lines(folder / "many.jsonl", [words.text() for _ in range(size)])
    idle, _ = _run(small, "import", str(_write_lines(folder / "one.jsonl", ["one"])), "--user", "bench")
    _, little = _run(small, "import", str(some), "--user", "bench")
    seconds, much = _run(large, "import", str(many), "--user", "bench")
    took = _run(large, "export", "--user", "bench", "--out", str(folder / "out.jsonl"))
    small_out = _run(small, "export", "--user", "bench", "--out", str(folder / "small-out.jsonl"))
    bare, written = _fill_bare_table(folder / "bare.db", many), _write_again(folder)
    speed, out = size / max(seconds - idle, 0.001), size / max(took[0] - idle, 0.001)
    return [
        _make_speed("import by keyword", speed, size, f"a bare table {size / bare:,.0f}/s", IN),
        _make_speed("export", out, size, f"writing the lines alone {size / written:,.0f}/s", OUT),
        _make_growth("an import", little, much, size),
        _make_growth("an export", small_out[1], took[1], size),
    ]


def _measure_with_model(folder: Path) -> list[Figure]:
    from server.store.embedding.models.loaded_model import Embedder  # noqa: PLC0415 - only with a model
    from server.store.embedding.models.model_folder import find_model, find_model_folder  # noqa: PLC0415 - as above

    model = find_model(MODELS, "auto")
    assert model is not None
    embedder = Embedder(find_model_folder(MODELS, model.name), model, 0)
    texts, source = read_texts(EMBEDDED)
    site = Site(folder, model="auto")
    path = _write_lines(folder.parent / "texts.jsonl", texts)
    idle, _ = _run(site, "import", str(_write_lines(folder.parent / "first.jsonl", ["one"])), "--user", "bench")
    idle += _run(site, "backfill")[0]  # with the model
    both = _run(site, "import", str(path), "--user", "bench")[0] + _run(site, "backfill")[0] - idle
    list(embedder.embed_documents(texts[:32]))
    started = time.process_time()
    list(embedder.embed_documents(texts))
    alone = time.process_time() - started
    ratio = alone / max(both, 0.001)
    reference = f"embedding alone {EMBEDDED / alone:,.0f}/s ({ratio:.2f}x)"
    name = f"import and backfill, {source}"
    return [Figure(name, f"{EMBEDDED / both:,.0f}/s", f"{EMBEDDED}", reference, f"≥ {SHARE} x", ratio >= SHARE)]


def _write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"content": text, "session": "s"}) + "\n" for text in texts), encoding="utf-8")
    return path


def _run(site: Site, *arguments: str) -> tuple[float, float]:
    """Return the processor's seconds that a command takes, and the most memory that it had, in MB."""
    command = [sys.executable, "-m", "server", *arguments]
    running = subprocess.Popen(command, cwd=ROOT, env=site.environment, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def _fill_bare_table(file: Path, lines: Path) -> float:
    started = time.process_time()
    with closing(sqlite3.connect(file)) as record:
        record.execute("PRAGMA journal_mode=WAL")
        record.execute("PRAGMA synchronous=FULL")
        record.execute("CREATE TABLE memories (id INTEGER PRIMARY KEY, content TEXT)")
        rows = [(json.loads(line)["content"],) for line in lines.open(encoding="utf-8")]
        for start in range(0, len(rows), STEP):
            with record:
                record.executemany("INSERT INTO memories (content) VALUES (?)", rows[start : start + STEP])
    return time.process_time() - started


def _write_again(folder: Path) -> float:
    values = [json.loads(line) for line in (folder / "out.jsonl").open(encoding="utf-8")]
    started = time.process_time()
    with (folder / "again.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in values)
    return time.process_time() - started


def _make_speed(name: str, speed: float, size: int, reference: str, target: int) -> Figure:
    return Figure(name, f"{speed:,.0f}/s", f"{size:,} memories", reference, f"≥ {target:,}/s", speed >= target)


def _make_growth(name: str, little: float, much: float, size: int) -> Figure:
    value = f"{much / little:.2f} x"
    reference = f"{little:.0f} MB for {size // 4:,}, {much:.0f} MB for {size:,}"
    return Figure(
        f"memory of {name}, four times as many", value, "1", reference, f"≤ {GROWTH} x", much <= GROWTH * little
    )
