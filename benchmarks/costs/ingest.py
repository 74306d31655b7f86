"""The speed of storing memories: one at a time, a hundred at a time, and a hundred at a time without a model.

* Ingest over HTTP beside the embedder alone, on the same texts in the same hundreds, in turns in the same run. Target:
  0.8 times the embedder's throughput, the record, the journal and the projection included.
* One store over HTTP (durable when it is answered) beside embedding that text alone, and, without a model, beside one
  SQLite transaction that is flushed to the same disk. No target: it is bounded by the model and the disk.
* Ingest with LOCI_EMBEDDING_MODEL=none. Target: 2,000 memories a second.

Texts are LoCoMo turns if the data set is there (LOCI_BENCH_DATA), else made up.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from helpers.client import Client
from helpers.common import (
    MODELS,
    Figure,
    Site,
    find_median,
    has_model,
    make_temporary_folder,
    read_texts,
    show_progress,
    time_call,
)

SHARE = 0.8
PER_SECOND = 2_000
BATCH = 100


def measure(*, quick: bool) -> list[Figure]:
    with make_temporary_folder() as folder:
        figures = _measure_with_model(folder / "hybrid", 3 if quick else 10) if has_model() else []
        return figures + _measure_by_keyword(folder / "keyword", 10 if quick else 50)


def _measure_with_model(folder: Path, batches: int) -> list[Figure]:
    from server.store.embedding.models.loaded_model import Embedder  # noqa: PLC0415 - only with a model
    from server.store.embedding.models.model_folder import find_model, find_model_folder  # noqa: PLC0415 - as above

    model = find_model(MODELS, "auto")
    assert model is not None
    embedder = Embedder(find_model_folder(MODELS, model.name), model, 0)

    def embed(texts: list[str]) -> None:
        for _ in embedder.embed_documents(texts):
            pass

    texts, source = read_texts(BATCH * (batches + 1))
    singles, _ = read_texts(BATCH * (batches + 2))
    site = Site(folder)
    spent, alone, stores, embeddings = 0.0, 0.0, [], []
    with site.serving(with_model=True), site.client() as client:
        for batch in show_progress(range(batches + 1), "ingest with the model"):
            some = texts[batch * BATCH : (batch + 1) * BATCH]
            one = time_call(lambda some=some: _ingest_texts(client, some))
            other = time_call(lambda some=some: embed(some))
            if batch:  # the first warms up
                spent, alone = spent + one, alone + other
        for text in show_progress(singles[-BATCH:], "single stores"):
            unseen = f"{text} Once more."
            stores.append(time_call(lambda unseen=unseen: client.post("/v1/memories", {"content": unseen})))
            embeddings.append(time_call(lambda unseen=unseen: embed([unseen])))
    n = batches * BATCH
    mine, theirs = n / spent * 1000, n / alone * 1000
    return [
        Figure(
            "ingest of 100",
            f"{mine:.0f} memories/s",
            f"{n} {source}",
            f"embedder alone {theirs:.0f} texts/s; ratio {mine / theirs:.2f}",
            f"ratio ≥ {SHARE}",
            mine >= SHARE * theirs,
        ),
        Figure(
            "one store, durable, p50",
            f"{find_median(stores):.1f} ms",
            f"{len(stores)} {source}",
            f"embedding it alone {find_median(embeddings):.1f} ms",
        ),
    ]


def _measure_by_keyword(folder: Path, batches: int) -> list[Figure]:
    texts, source = read_texts(BATCH * (batches + 1))
    site = Site(folder, model="none")
    stores, commits = [], []
    with site.serving(), site.client() as client:
        _ingest_texts(client, texts[:BATCH])
        started = time.perf_counter()
        for batch in show_progress(range(1, batches + 1), "ingest without a model"):
            _ingest_texts(client, texts[batch * BATCH : (batch + 1) * BATCH])
        per_second = batches * BATCH / (time.perf_counter() - started)
        with closing(sqlite3.connect(folder / "alone.db", isolation_level=None)) as alone:
            alone.execute("PRAGMA journal_mode=WAL")
            alone.execute("PRAGMA synchronous=FULL")
            alone.execute("CREATE TABLE texts (text TEXT)")
            for text in show_progress(texts[:BATCH], "single stores without a model"):
                again = {"content": f"{text} Once more."}  # the text alone would be a repeat
                stores.append(time_call(lambda again=again: client.post("/v1/memories", again)))
                commits.append(time_call(lambda text=text: alone.execute("INSERT INTO texts VALUES (?)", [text])))
    return [
        Figure(
            "ingest of 100 by keyword",
            f"{per_second:.0f} memories/s",
            f"{batches * BATCH} {source}",
            "",
            f"≥ {PER_SECOND:,}/s",
            per_second >= PER_SECOND,
        ),
        Figure(
            "one store by keyword, durable, p50",
            f"{find_median(stores):.1f} ms",
            f"{len(stores)} {source}",
            f"one SQLite commit alone {find_median(commits):.1f} ms",
        ),
    ]


def _ingest_texts(client: Client, texts: list[str]) -> None:
    answer = client.post("/v1/memories/ingest", {"memories": [{"content": text} for text in texts]})
    assert answer["ingested"] + answer["repeated"] == len(texts)
