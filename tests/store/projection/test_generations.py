"""A new model, or the first one: gaps are filled in, the old vectors serve until the new are whole, and none mix."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import structlog

from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors
from server.store.embedding.encoder import Encoder
from server.store.embedding.source import EmbeddingFailed, SourceFigures, State
from server.store.projection.placement import name_collection
from server.store.projection.projection import Projection
from server.store.projection.upkeep.backfill import STEP, Pace, fill_gaps
from server.store.record import vectors, workspaces
from server.store.record.vectors import VectorCoverage
from server.store.record.works import generations
from server.store.search.seam import EngineDown, Query

pytestmark = pytest.mark.anyio


class Scripted:
    """Stands in for the embedding service: the vector of a text is its length; a text with "bad" in it fails."""

    def __init__(self, name="one", dims=2):
        self.model = Model(name, "0" * 64, dims, 256, "model.onnx")
        self.state: State = "ready"
        self.reason = ""
        self.asked = []
        self.before: Callable[[], Awaitable[object]] | None = None

    def start(self):
        pass

    async def wait_ready(self):
        pass

    async def embed_documents(self, texts, account_id=""):  # noqa: ARG002 - the contract names it
        self.asked.append(texts)
        if self.before is not None:
            await self.before()
        if any("bad" in text for text in texts) or self.state != "ready":
            raise EmbeddingFailed("no")
        return [TextVectors(self.vector(text)[np.newaxis]) for text in texts]

    async def embed_query(self, text):
        return QuestionVectors(self.vector(text))

    def forget_queries(self):
        pass

    def read_figures(self):
        return SourceFigures(0, 0, 0)

    async def close(self):
        self.state = "absent"

    def vector(self, text):
        values = np.ones(self.model.dims, dtype=np.float32)
        values[0] = len(text)
        return (values / np.linalg.norm(values)).astype(np.float32)


@pytest.fixture
def load(lite, clock):
    """Starts an encoder with a scripted model."""

    async def start(earlier=lambda _: None, **model):
        encoder = Encoder(lite, Scripted(**model), clock, earlier)
        await encoder.start()
        return encoder

    return start


async def dense(engine, workspace_id, generation, dims=2):
    """Which of the collection's points have a vector."""
    collection = name_collection(workspace_id, generation, dims)
    points = await engine.read_points(collection)
    return {point.id: point.dense is not None for point in points}


async def test_what_was_stored_without_a_model_gets_vectors_when_there_is_one(book, projection, engine, load, clock):
    ids = await book.store(*("x" * n for n in range(1, 150)))
    await projection.project(book.workspace)
    assert (await projection.open_collection(book.workspace)).generation == 0
    encoder = await load()
    await fill_gaps(book.db, encoder, projection, clock)
    assert (await projection.open_collection(book.workspace)).generation == encoder.generation == 1
    assert await dense(engine, book.workspace, 1) == dict.fromkeys(ids, True)
    assert not await engine.has_collection(name_collection(book.workspace, 0, 0))
    assert not encoder.filling.has_gaps
    assert await book.row("generation") == (1,)


async def test_a_text_that_changed_while_it_was_embedded_is_not_given_the_old_vector(
    book, projection, load, clock, gate
):
    (memory_id,) = await book.store("old")
    encoder = await load()
    encoder.source.before = gate
    filling = asyncio.create_task(fill_gaps(book.db, encoder, projection, clock))
    await gate.reached.wait()
    await book.change(memory_id, content="quite new")
    gate.opened.set()
    await filling
    async with book.db.read() as connection:
        assert [gap.content for gap in await vectors.list_gaps(connection, 1, "", 9)] == ["quite new"]
    encoder.filling.note_gaps()
    await fill_gaps(book.db, encoder, projection, clock)
    vector = encoder.source.vector("quite new")
    found = await projection.search_points(book.workspace, Query(vector, None, 1))
    assert found.dense[0].score == pytest.approx(1, abs=1e-3)  # its numbers have sixteen bits


async def test_the_old_generation_serves_until_the_new_one_is_whole(book, projection, engine, load, clock, gate):
    first = await load(name="one")
    (memory_id,) = await book.store("heron")
    await fill_gaps(book.db, first, projection, clock)
    second = await load(name="two", dims=3)
    engine.before["flush_collection"] = gate
    switching = asyncio.create_task(fill_gaps(book.db, second, projection, clock))
    await gate.reached.wait()
    assert (await projection.open_collection(book.workspace)).generation == 1
    old = Query(first.source.vector("heron"), None, 1)
    assert [point.id for point in (await projection.search_points(book.workspace, old, 1)).dense] == [memory_id]
    assert await second.embed_query("heron", (await projection.open_collection(book.workspace)).generation) is None
    gate.opened.set()
    await switching
    assert (await projection.open_collection(book.workspace)).generation == 2
    new = Query((await second.embed_query("heron", 2)).whole, None, 1)
    assert [point.id for point in (await projection.search_points(book.workspace, new, 2)).dense] == [memory_id]
    assert not await engine.has_collection(name_collection(book.workspace, 1, 2))


async def test_until_the_switch_questions_are_put_to_the_model_whose_vectors_are_served(
    book, projection, engine, load, clock, gate
):
    await book.store("heron")
    await fill_gaps(book.db, await load(name="one"), projection, clock)
    asked, old = [], Scripted(name="one")

    def earlier(model):
        asked.append(model)
        return old

    second = await load(earlier, name="two", dims=3)
    assert [(model.name, model.digest, model.dims) for model in asked] == [("one", "0" * 64, 2)]
    assert (await second.embed_query("heron", 1)).whole == pytest.approx(old.vector("heron"))
    engine.before["flush_collection"] = gate
    switching = asyncio.create_task(fill_gaps(book.db, second, projection, clock))
    await gate.reached.wait()
    serving = await projection.open_collection(book.workspace)
    assert (await second.embed_query("heron", serving.generation)).whole == pytest.approx(old.vector("heron"))
    gate.opened.set()
    await switching
    assert old.state == "absent"  # nobody needs it any more
    assert await second.embed_query("heron", 1) is None
    assert len((await second.embed_query("heron", 2)).whole) == 3
    third = await load(earlier, name="two", dims=3)
    assert len(asked) == 1
    await third.close()


async def test_a_question_asked_for_the_old_generation_is_not_put_to_the_new(book, projection, load, clock):
    first = await load(name="one")
    await book.store("heron")
    await fill_gaps(book.db, first, projection, clock)
    vector = first.source.vector("heron")
    await fill_gaps(book.db, await load(name="two", dims=3), projection, clock)
    found = await projection.search_points(book.workspace, Query(vector, None, 1), 1)
    assert (found.dense, found.text) == ([], [])


async def test_what_is_written_while_the_new_generation_is_built_is_in_it(book, projection, engine, load, clock, gate):
    ids = await book.store("heron", "grebe", "bittern")
    await projection.project(book.workspace)
    encoder = await load()
    opening = Gate_of(gate, name_collection(book.workspace, 1, 2))
    engine.after["upsert_points"] = opening
    switching = asyncio.create_task(fill_gaps(book.db, encoder, projection, clock))
    await gate.reached.wait()  # the new one has the rows as they were
    await book.delete(ids[0])
    await book.change(ids[1], content="crane")
    assert await projection.project(book.workspace)  # no writer waits for the new one
    gate.opened.set()
    await switching
    await projection.open_collection(book.workspace)
    assert set(await dense(engine, book.workspace, 1)) == set(ids[1:])
    vector = encoder.source.vector("crane")
    found = await projection.search_points(book.workspace, Query(vector, None, 5), 1)
    assert found.dense[0].id == ids[1]
    assert found.dense[0].score == pytest.approx(1, abs=1e-3)


def Gate_of(gate, collection):  # noqa: N802 - reads as the class it narrows
    async def wait(asked, *_):
        if asked == collection:
            await gate()

    return wait


async def test_a_switch_that_fails_leaves_the_old_generation_and_is_tried_again(book, projection, engine, load, clock):
    ids = await book.store("heron")
    await projection.project(book.workspace)
    encoder = await load()

    async def down(collection, *_):
        if collection.dims:
            raise EngineDown("gone")

    engine.before["upsert_points"] = down
    with pytest.raises(EngineDown):
        await fill_gaps(book.db, encoder, projection, clock)
    assert encoder.filling.has_gaps
    assert (await projection.open_collection(book.workspace)).generation == 0
    del engine.before["upsert_points"]
    await fill_gaps(book.db, encoder, projection, clock)
    assert (await projection.open_collection(book.workspace)).generation == 1
    assert await dense(engine, book.workspace, 1) == dict.fromkeys(ids, True)


async def test_a_switch_is_on_the_disk_before_the_record_says_so(book, projection, engine, load, clock, lite):
    await book.store("heron")
    await projection.project(book.workspace)
    noted = []

    async def note(*_):
        noted.append(await book.row("generation"))

    engine.after["flush_collection"] = note
    await fill_gaps(book.db, await load(), projection, clock)
    assert noted == [(0,)]
    assert await book.row("generation", "revision", "flushed_revision") == (1, 2, 2)
    fresh = Projection(lite, engine, shared=False)
    engine.calls.clear()
    assert (await fresh.open_collection(book.workspace)).generation == 1
    assert engine.count_calls("upsert_points") == 0


async def test_an_empty_workspace_switches_without_a_collection(book, projection, engine, load, clock):
    await fill_gaps(book.db, await load(), projection, clock)
    assert await book.row("generation") == (1,)
    assert engine.count_calls("open_collection") == 0
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    assert await dense(engine, book.workspace, 1) == {memory_id: False}


async def test_a_workspace_deleted_while_it_is_switched_leaves_no_collection(
    book, projection, engine, load, clock, gate
):
    await book.store("heron")
    await projection.project(book.workspace)
    engine.after["upsert_points"] = Gate_of(gate, name_collection(book.workspace, 1, 2))
    switching = asyncio.create_task(fill_gaps(book.db, await load(), projection, clock))
    await gate.reached.wait()
    async with book.db.write() as connection:
        await workspaces.delete_workspace(connection, book.workspace, clock())
    await projection.forget(book.workspace)
    gate.opened.set()
    await switching
    for generation, dims in ((0, 0), (1, 2)):
        assert not await engine.has_collection(name_collection(book.workspace, generation, dims))


async def test_a_text_that_the_model_fails_on_keeps_no_other_from_its_vector(book, projection, engine, load, clock):
    good, bad, late = await book.store("heron", "bad", "grebe")
    encoder = await load()
    with structlog.testing.capture_logs():
        await fill_gaps(book.db, encoder, projection, clock)
    await projection.open_collection(book.workspace)
    assert await dense(engine, book.workspace, 1) == {good: True, bad: False, late: True}
    assert not encoder.filling.has_gaps  # not every second; the housekeeping tries again


async def test_a_model_that_fails_on_everything_switches_nothing(book, projection, load, clock):
    await book.store(*(f"bad {n}" for n in range(100)))
    encoder = await load()
    with structlog.testing.capture_logs():
        await fill_gaps(book.db, encoder, projection, clock)
    assert await book.row("generation") == (0,)
    assert len(encoder.source.asked) == 65


async def test_a_backfill_rests_as_it_is_told_and_says_how_far_it_is(book, projection, load, clock):
    await book.store(*("x" * (n + 1) for n in range(2 * STEP + 1)))
    encoder = await load()
    rests, seen = [], []

    async def rest(seconds):
        rests.append(seconds)
        seen.append(encoder.filling.counts)
        assert not encoder.filling.is_whole

    await fill_gaps(book.db, encoder, projection, clock, Pace(32, rest))
    assert rests == [2, 2, 1 / 32]
    assert seen == [VectorCoverage(STEP, STEP + 1), VectorCoverage(2 * STEP, 1), VectorCoverage(2 * STEP + 1, 0)]
    assert seen[0].percent == 49.6
    assert (encoder.filling.is_whole, encoder.filling.counts, encoder.filling.rounds) == (True, None, 1)


async def test_how_far_a_generation_is_counts_live_memories_of_one_workspace_or_all(make_ledger, db, clock):
    ann, bob = await make_ledger(db, clock, "ann"), await make_ledger(db, clock, "bob")
    async with db.write() as connection:
        one = await generations.ensure_generation(connection, Model("m", "1" * 64, 2, 256, "x"), clock())
        two = await generations.ensure_generation(connection, Model("n", "1" * 64, 2, 256, "x"), clock())
    await ann.store("a", "b", generation=one, windows=[np.ones((1, 2), np.float32)] * 2)
    (gone,) = await ann.store("c")
    await ann.store("d")
    await bob.store("e")
    await ann.delete(gone)
    async with db.read() as connection:
        assert await vectors.count_vectors(connection, one, ann.workspace) == VectorCoverage(2, 1)
        assert await vectors.count_vectors(connection, one) == VectorCoverage(2, 2)
        assert await vectors.count_vectors(connection, two) == VectorCoverage(0, 4)


async def test_without_a_model_nothing_is_filled_in(book, projection, load, clock):
    await book.store("heron")
    encoder = await load()
    encoder.source.state = "loading"
    await fill_gaps(book.db, encoder, projection, clock)
    assert encoder.filling.has_gaps
    assert encoder.source.asked == []


async def test_one_model_is_one_generation_on_both_databases(db, clock):
    one, two = Model("m", "1" * 64, 2, 256, "x"), Model("m", "2" * 64, 2, 256, "x")

    async def generation(model):
        async with db.write() as connection:
            return await generations.ensure_generation(connection, model, clock())

    found = await asyncio.gather(*(generation(one) for _ in range(4)))
    assert len(set(found)) == 1
    assert await generation(two) != found[0]
    async with db.read() as connection:
        assert await generations.find_dims(connection, found[0]) == 2
        assert await generations.find_dims(connection, 0) == 0
