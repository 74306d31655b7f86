"""The tricks of the fast path that spare work of the embedding model, or put it off.

Not a benchmark by itself: see `fast_path.py`.
"""

import time
from itertools import cycle

import numpy as np
from argon2 import PasswordHasher
from helpers.ab import EMBEDDED_INGEST, START, Trick, compare_ways
from helpers.common import MODELS
from numpy.typing import NDArray

from server.memory.vector import TextVectors
from server.store.embedding.models.loaded_model import BATCH_TEXTS, Embedder
from server.store.embedding.models.model_folder import find_model, find_model_folder
from server.store.embedding.query_cache import QueryCache

TEXTS = 64
ASKED = 20


def load_model() -> tuple[Embedder, Trick]:
    """The model, and the trick that the server loads it last: a first answer would wait for this otherwise."""
    model = find_model(MODELS, "auto")
    assert model is not None
    started = time.process_time()
    embedder = Embedder(find_model_folder(MODELS, model.name), model, 1)
    took = (time.process_time() - started) * 1e6
    return embedder, Trick("models are loaded last", "start, to the first answer", 0.0, took, 1, START)


def embed_texts(embedder: Embedder, texts: list[str]) -> NDArray[np.float32]:
    """The vectors of short texts, (n, dims)."""
    steps = embedder.embed_documents(texts)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[TextVectors] = end.value
            return np.stack([each.windows[0] for each in found])


def measure_model(embedder: Embedder, texts: list[str]) -> list[Trick]:
    """The tricks of the model itself; the cost of a batch is that of all its texts."""
    some, known = texts[:TEXTS], QueryCache()
    questions = cycle(texts[:ASKED])
    for text in texts[:ASKED]:
        known.put(text, embedder.embed_query(text))

    def embed_in_eights() -> None:
        for first in range(0, TEXTS, BATCH_TEXTS):
            embed_texts(embedder, some[first : first + BATCH_TEXTS])

    def embed_alone() -> None:
        for text in some:
            embed_texts(embedder, [text])

    unit, whole = f"ingest of {TEXTS} texts", TEXTS * EMBEDDED_INGEST
    return [
        compare_ways(
            "vectors of questions remembered",
            "recall of a question asked before",
            lambda: known.get(next(questions)),
            lambda: embedder.embed_query(next(questions)),
            calls=5,
        ),
        compare_ways(
            "batches of 8, beside one at a time",
            unit,
            lambda: embed_texts(embedder, some),
            embed_alone,
            calls=1,
            turns=3,
            whole=whole,
        ),
        compare_ways(
            "batches sorted by length",
            unit,
            lambda: embed_texts(embedder, some),
            embed_in_eights,
            calls=1,
            turns=3,
            whole=whole,
        ),
    ]


def hash_late() -> Trick:
    """The hash that passwords of unknown names are compared with, made when it is first needed."""
    started = time.process_time()
    PasswordHasher().hash("a long enough password")
    took = (time.process_time() - started) * 1e6
    return Trick("nothing is hashed", "start, to the first answer", 0.0, took, 1, START)
