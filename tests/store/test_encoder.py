"""The encoder, the backfill with the real model, and the works of the loop that keep the record and the index whole."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog

from server.background.loop import repeat, run_background
from server.background.upkeep import clean_up_records
from server.store.embedding.encoder import Encoder
from server.store.embedding.local import LocalEmbeddings
from server.store.projection.accesses import Accesses
from server.store.projection.backfill import Pace, fill_gaps
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


async def test_the_generation_is_known_while_the_model_loads_and_after_a_restart(start, models):
    first = await start(models)
    assert first.generation == 1
    await first.source.wait_ready()
    assert (await start(models)).generation == 1


async def test_a_question_for_another_generation_has_no_vector(start, models):
    encoder = await start(models)
    await encoder.source.wait_ready()
    assert await encoder.embed_query("heron", 2) is None
    assert (await encoder.embed_query("heron", 1)).shape == (384,)


async def test_memories_from_before_the_model_are_found_by_meaning_after_it(
    book, start, models, tmp_path, projection, clock
):
    without = await start(tmp_path)
    car, _ = await book.store("Her car is a red convertible", "The staging database is called heron")
    await projection.project(book.workspace)
    await fill_gaps(book.db, without, projection, clock)
    assert (await projection.open(book.workspace)).generation == 0
    encoder = await start(models)
    await encoder.source.wait_ready()
    await fill_gaps(book.db, encoder, projection, clock)
    vector = await encoder.embed_query(
        "what vehicle does she drive", (await projection.open(book.workspace)).generation
    )
    found = await projection.search(book.workspace, Query(vector, None, 1), 1)
    assert [hit.id for hit in found.dense] == [car]
    async with book.db.read() as connection:
        assert await vectors.missing(connection, 1, "", 9) == []


class Services(SimpleNamespace):
    """What the loop's works use."""


@pytest.fixture
async def services(book, projection, start, tmp_path, clock):
    return Services(
        db=book.db,
        projection=projection,
        accesses=Accesses(book.db, projection, clock),
        encoder=await start(tmp_path),
        authenticator=SimpleNamespace(take_used=dict),
        undo_time=timedelta(days=30),
        backfill_pace=Pace(),
        is_search_embedded=True,
        now=clock,
    )


async def test_what_was_counted_is_written_before_the_loop_ends_even_where_the_server_failed(services, book):
    (memory_id,) = await book.store("a")

    async def serve():
        async with run_background(services):
            services.accesses.note(book.workspace, [(memory_id, 0)])
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await serve()
    assert (await book.get(memory_id)).access_count == 1


async def test_a_work_that_fails_is_logged_and_stops_no_other():
    ran = asyncio.Event()

    async def fail():
        raise ZeroDivisionError

    async def run():
        ran.set()

    with structlog.testing.capture_logs() as logs:
        tasks = [asyncio.create_task(repeat(step.__name__, timedelta(0), step)) for step in (fail, run)]
        await ran.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert {(entry["event"], entry["work"]) for entry in logs} == {("work.failed", "fail")}


async def test_housekeeping_erases_what_is_due_and_tries_again_where_embedding_failed(services, book, clock):
    (memory_id,) = await book.store("a")
    await book.delete(memory_id)
    services.encoder.filling.begin()
    services.encoder.filling.end()
    clock.move(days=30)
    await clean_up_records(services)
    assert services.encoder.filling.has_gaps
    await book.change(memory_id, deleted_at=None)
    assert (await book.get(memory_id)).content == ""
