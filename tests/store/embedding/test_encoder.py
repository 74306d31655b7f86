"""The encoder, and the backfill with the real model."""

from contextlib import contextmanager

import pytest

from server.observer import Observer
from server.store.embedding.encoder import Encoder
from server.store.embedding.local import LocalEmbeddings
from server.store.projection.upkeep.backfill import fill_gaps
from server.store.record import vectors
from server.store.search.seam import Query

pytestmark = pytest.mark.anyio


@pytest.fixture
async def start(lite, clock):
    """Starts an encoder on a folder of models."""
    started = []

    async def make(folder, wanted="auto"):
        encoder = Encoder(lite, LocalEmbeddings(folder, wanted, 1), clock)
        started.append(encoder)
        await encoder.start()
        return encoder

    yield make
    for encoder in started:
        await encoder.source.close()


async def test_without_a_model_there_are_no_vectors_and_no_generation(start, tmp_path):
    encoder = await start(tmp_path)
    assert (encoder.generation, encoder.is_ready) == (0, False)
    assert await encoder.embed_documents(["a"]) is None
    assert await encoder.embed_query("a", 0) is None


async def test_whoever_has_no_patience_left_goes_on_without_vectors(start, models):
    encoder = await start(models)
    await encoder.source.wait_ready()
    assert await encoder.embed_documents(["a " * 9_000], patience=0.001) is None
    assert await encoder.embed_documents(["a"], patience=30) is not None


class Watching(Observer):
    """Keeps what it is told."""

    def __init__(self):
        self.seen = []

    @contextmanager
    def watch(self, part, name):
        try:
            yield
        except Exception as error:
            self.seen.append((part, name, type(error)))
            raise
        self.seen.append((part, name, None))

    def note_documents(self, texts, windows):
        self.seen.append((texts, windows))


async def test_calls_for_vectors_are_watched_with_their_windows_and_failures(lite, clock, models):
    observer = Watching()
    encoder = Encoder(lite, LocalEmbeddings(models, "auto", 1), clock, observer=observer)
    await encoder.start()
    await encoder.source.wait_ready()
    await encoder.embed_documents(["heron", "grebe " * 400])
    await encoder.embed_documents(["a " * 9_000], patience=0.001)
    for _ in range(2):
        await encoder.embed_query("heron", encoder.generation)
    figures = encoder.source.read_figures()
    await encoder.close()
    assert (figures.waiting, figures.hits, figures.misses) == (0, 1, 1)
    (texts, windows) = observer.seen.pop(1)
    assert texts == 2 < windows
    question = ("embedding", "question", None)
    assert observer.seen == [
        ("embedding", "documents", None),
        ("embedding", "documents", TimeoutError),
        question,
        question,
    ]


async def test_the_generation_is_known_while_the_model_loads_and_after_a_restart(start, models):
    first = await start(models)
    assert first.generation == 1
    await first.source.wait_ready()
    assert (await start(models)).generation == 1


async def test_a_question_for_another_generation_has_no_vector(start, models):
    encoder = await start(models)
    await encoder.source.wait_ready()
    assert await encoder.embed_query("heron", 2) is None
    assert (await encoder.embed_query("heron", 1)).whole.shape == (384,)


async def test_memories_from_before_the_model_are_found_by_meaning_after_it(
    book, start, models, tmp_path, projection, clock
):
    without = await start(tmp_path)
    car, _ = await book.store("Her car is a red convertible", "The staging database is called heron")
    await projection.project(book.workspace)
    await fill_gaps(book.db, without, projection, clock)
    assert (await projection.open_collection(book.workspace)).generation == 0
    encoder = await start(models)
    await encoder.source.wait_ready()
    await fill_gaps(book.db, encoder, projection, clock)
    serving = await projection.open_collection(book.workspace)
    asked = await encoder.embed_query("what vehicle does she drive", serving.generation)
    found = await projection.search_points(book.workspace, Query(asked.whole, None, 1), 1)
    assert [hit.id for hit in found.dense] == [car]
    async with book.db.read() as connection:
        assert await vectors.list_gaps(connection, 1, "", 9) == []
