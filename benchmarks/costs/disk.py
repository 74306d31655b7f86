"""The bytes on the disk for each memory, by part: the record's tables and indexes, and the files of the collection.

The workspace is filled as a client fills it: rows, vectors, entries of the journal, and a collection that was flushed.
The texts are invented, of 12 to 36 words, in sessions of twenty. The engine's files are sparse, so what counts is the
room that they take. Targets: at most 4 KB for each memory, all in but for the vectors of its tokens, and at most 8 KB
with these.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from helpers.common import Figure, Site, has_model, make_temporary_folder
from helpers.filling import fill_workspaces

SIZE, QUICK_SIZE = 100_000, 20_000
KILOBYTES, KILOBYTES_WITH_TOKENS = 4.0, 8.0

#: The parts of the record, by the beginning of the name of a table or an index; the first that fits counts.
TOKENS = "vectors of the tokens"
RECORD = {
    TOKENS: ("token_vectors", "sqlite_autoindex_token_vectors"),
    "vectors": ("vectors", "sqlite_autoindex_vectors"),
    "memories": ("memories", "sqlite_autoindex_memories", "ix_memories", "uq_memories"),
    "journal": ("journal", "ix_journal"),
}
#: The parts of a collection, by a part of a file's path.
ENGINE = {
    "vectors": "vector_storage-dense/vectors",
    "codes of the vectors": "vector_storage-dense/quantized",
    "words": "vector_storage-text",
    "payload": "payload_storage",
    "indexes for filters": "payload_index",
    "ids": "id_tracker",
    "log": "/wal/",
}


def measure(*, quick: bool) -> list[Figure]:
    size = QUICK_SIZE if quick else SIZE
    with make_temporary_folder() as folder:
        site = Site(folder / "data", model="auto" if has_model() else "none")
        (filled,) = fill_workspaces(site, ["default"], size)
        content = sum(len(text.encode()) for text in filled.texts)
        record = _measure_record(site.folder / "loci.db")
        engine = _measure_engine(site.folder / "shards")
    parts = [
        Figure(f"{where}: {part}", f"{size_ / size:,.0f} bytes", f"{size:,} memories")
        for where, sizes in (("record", record), ("engine", engine))
        for part, size_ in sizes.most_common()
    ]
    without = Counter({part: size_ for part, size_ in record.items() if part != TOKENS})
    wholes = [("without", without, KILOBYTES), ("with", record, KILOBYTES_WITH_TOKENS)]
    return parts + [
        _make_whole(f"{word} the vectors of tokens", each, engine, size, content, allowed)
        for word, each, allowed in wholes[: 1 + (TOKENS in record)]
    ]


def _make_whole(
    what: str, record: Counter[str], engine: Counter[str], size: int, content: int, allowed: float
) -> Figure:
    total = record.total() + engine.total()
    return Figure(
        f"data on the disk for each memory, {what}",
        f"{total / size / 1000:.2f} KB",
        f"{size:,} memories",
        f"record {record.total() / size / 1000:.2f}, engine {engine.total() / size / 1000:.2f}; "
        f"the content alone {content / size / 1000:.2f} KB",
        f"≤ {allowed:.0f} KB",
        total <= allowed * 1000 * size,
    )


def _measure_record(file: Path) -> Counter[str]:
    """The bytes of the record's parts: whole pages, with the room that is left in them."""
    with closing(sqlite3.connect(file)) as record:
        pages = record.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    sizes = Counter[str]()
    for name, size in pages:
        fitting = (part for part, starts in RECORD.items() if name.startswith(starts))
        sizes[next(fitting, "all other tables")] += size
    return sizes


def _measure_engine(folder: Path) -> Counter[str]:
    """The bytes that the parts of the collections take up."""
    sizes = Counter[str]()
    for file in folder.rglob("*"):
        if file.is_file():
            fitting = (part for part, name in ENGINE.items() if name in str(file))
            sizes[next(fitting, "all other files")] += file.stat().st_blocks * 512
    return sizes
