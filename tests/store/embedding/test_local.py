"""The embedding service: what goes first, who is told what, and what is never waited for; the model is scripted."""

import asyncio
import shutil
import subprocess
import sys
import threading
from threading import Event
from typing import Any

import numpy as np
import pytest

from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors
from server.store.embedding.job_queue import GATHERED, SHARE
from server.store.embedding.local import TURN, LocalEmbeddings
from server.store.embedding.models import model_thread
from server.store.embedding.models.model_folder import MINILM, find_model, find_model_folder, install_model
from server.store.embedding.query_cache import CACHED_CHARACTERS, CACHED_QUERIES
from server.store.embedding.source import EmbeddingFailed, TextUnreadable

pytestmark = pytest.mark.anyio

SCRIPTED = Model(MINILM, "0" * 64, 3, 256, "model.onnx")


MOST_QUESTIONS = 8


class Scripted:
    """Stands in for the embedder: a document takes one step, and a step can be held up."""

    most_questions = MOST_QUESTIONS

    def __init__(self):
        self.asked, self.questions, self.calls, self.ends = [], [], [], []
        self.begun = Event()
        self.go_on = Event()
        self.go_on.set()

    def embed_questions(self, texts):
        self.questions.append(texts)
        self.asked += texts
        if "bad" in texts:
            raise RuntimeError("no such token")
        vectors = QuestionVectors(np.array([1, 0, 0], np.float32))
        return [TextUnreadable("not readable") if text == "unreadable" else vectors for text in texts]

    def embed_documents(self, texts):
        self.calls.append(texts)
        for text in texts:
            self.asked.append(text)
            self.begun.set()
            self.go_on.wait()
            if text == "bad":
                raise RuntimeError("no such token")
            yield
        self.ends.append((texts, len(self.asked)))
        return [TextVectors(np.ones((1, 3), np.float32)) for _ in texts]

    def answered_after(self, text):
        """How many texts had been asked for when the last call with this text was answered."""
        return [asked for texts, asked in self.ends if text in texts][-1]


def put_model(folder, model=SCRIPTED):
    prepared = folder / "prepared"
    prepared.mkdir(parents=True)
    (prepared / model.file).write_bytes(b"not a graph")
    install_model(prepared, model, folder)


@pytest.fixture
def scripted():
    return Scripted()


@pytest.fixture
async def service(scripted, tmp_path):
    put_model(tmp_path)
    embeddings = LocalEmbeddings(tmp_path, "auto", threads=1, load=lambda *_: scripted)
    embeddings.start()
    await embeddings.wait_ready()
    yield embeddings
    scripted.go_on.set()
    await embeddings.close()


async def held_up(service, scripted, texts):
    """A call for documents that the model is in the middle of, until `go_on` is set."""
    scripted.go_on.clear()
    call = asyncio.create_task(service.embed_documents(texts))
    await asyncio.to_thread(scripted.begun.wait)
    return call


async def test_a_question_is_answered_before_documents_that_were_there_first(service, scripted):
    documents = await held_up(service, scripted, ["one", "two", "three"])
    question = asyncio.create_task(service.embed_query("who?"))
    await asyncio.sleep(0)  # let it join the queue
    scripted.go_on.set()
    await asyncio.gather(documents, question)
    assert scripted.asked == ["one", "who?", "two", "three"]


async def test_one_document_does_not_wait_for_a_hundred_that_were_there_first(service, scripted):
    many = await held_up(service, scripted, [f"of many {n}" for n in range(100)])
    single = asyncio.create_task(service.embed_documents(["single"]))
    await asyncio.sleep(0)
    scripted.go_on.set()
    await asyncio.gather(many, single)
    assert scripted.asked.index("single") <= TURN


async def test_single_documents_of_many_callers_are_embedded_together(service, scripted):
    first = await held_up(service, scripted, ["first"])
    singles = [asyncio.create_task(service.embed_documents([f"{n}"])) for n in range(GATHERED.texts + 1)]
    await asyncio.sleep(0)
    scripted.go_on.set()
    answers = await asyncio.gather(first, *singles)
    assert [len(texts) for texts in scripted.calls] == [1, GATHERED.texts, 1]
    assert all(len(rows) == 1 for rows in answers)


async def test_a_short_text_does_not_wait_for_the_long_ones_of_others(service, scripted):
    first = await held_up(service, scripted, ["first"])
    long = [asyncio.create_task(service.embed_documents(["x" * 32_000])) for _ in range(3)]
    short = [asyncio.create_task(service.embed_documents([f"short {n}"])) for n in range(3)]
    await asyncio.sleep(0)
    scripted.go_on.set()
    await asyncio.gather(first, *long, *short)
    assert ["short 0", "short 1", "short 2"] in scripted.calls
    assert all(len(texts) == 1 for texts in scripted.calls if len(texts[0]) > 1_000)


FLOODS = {
    "small calls": [["tiny"]] * 300,
    "calls with many small texts": [["tiny"] * 50] * 20,
    "long texts": [["x" * 32_000]] * 20,
    "calls with many long texts": [["x" * 32_000] * 50] * 20,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_small_store_waits_for_about_one_turn_of_each_other_account(service, scripted, flood):
    first = await held_up(service, scripted, ["first"])
    calls = [asyncio.create_task(service.embed_documents(texts, f"of {n % 2}")) for n, texts in enumerate(flood)]
    for _ in range(2):  # the second store comes in the middle of the flood
        store = asyncio.create_task(service.embed_documents(["store"], "small"))
        await asyncio.sleep(0)
        before = len(scripted.asked)
        scripted.go_on.set()
        await store
        # Its job has at most the shares of two others, and they have a step after each of its own.
        assert scripted.answered_after("store") - before <= 3 * (2 * SHARE.texts + 1)
    for each in (first, *calls):
        each.cancel()


async def test_accounts_that_store_one_small_text_each_are_embedded_together(service, scripted):
    first = await held_up(service, scripted, ["first"])
    calls = [asyncio.create_task(service.embed_documents([f"{n}"], f"account {n}")) for n in range(10)]
    await asyncio.sleep(0)
    scripted.go_on.set()
    await asyncio.gather(first, *calls)
    assert [len(texts) for texts in scripted.calls] == [1, 10]


async def test_a_text_that_fails_among_those_of_other_callers_fails_alone(service, scripted):
    first = await held_up(service, scripted, ["first"])
    calls = [asyncio.create_task(service.embed_documents(texts)) for texts in (["a", "b"], ["bad"], ["c"])]
    await asyncio.sleep(0)
    scripted.go_on.set()
    good, bad, also_good = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(good, list)
    assert isinstance(also_good, list)
    assert (len(await first), len(good), len(also_good)) == (1, 2, 1)
    assert isinstance(bad, EmbeddingFailed)


async def test_a_caller_that_goes_away_leaves_the_others_served(service, scripted):
    documents = await held_up(service, scripted, ["one", "two", "three"])
    documents.cancel()
    with pytest.raises(asyncio.CancelledError):
        await documents
    scripted.go_on.set()
    assert (await service.embed_documents(["next"]))[0].windows.shape == (1, 3)
    assert scripted.asked == ["one", "next"]


async def test_an_error_of_the_model_reaches_its_caller_and_nobody_else(service):
    with pytest.raises(EmbeddingFailed, match="no such token") as caught:
        await service.embed_query("bad")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert (await service.embed_query("good")).whole.shape == (3,)


async def ask_together(service, scripted, questions):
    """Ask questions while the model is busy, and return their answers or errors."""
    documents = await held_up(service, scripted, ["one", "two"])
    asked = [asyncio.create_task(service.embed_query(each)) for each in questions]
    await asyncio.sleep(0)  # let them join the queue
    scripted.go_on.set()
    await documents
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    return answers


async def test_questions_that_wait_are_embedded_together_and_not_too_many(service, scripted):
    questions = [f"who is number {n}?" for n in range(MOST_QUESTIONS + 3)]
    answers = await ask_together(service, scripted, questions)
    assert scripted.questions == [questions[:MOST_QUESTIONS], questions[MOST_QUESTIONS:]]
    assert all(each.whole.shape == (3,) for each in answers)


async def test_a_question_that_the_model_chokes_on_fails_alone(service, scripted):
    first, bad, unreadable, last = await ask_together(service, scripted, ["who?", "bad", "unreadable", "where?"])
    assert (first.whole.shape, last.whole.shape) == ((3,), (3,))
    assert isinstance(bad, EmbeddingFailed)
    assert isinstance(unreadable, EmbeddingFailed)
    assert isinstance(unreadable.__cause__, TextUnreadable)


async def test_a_question_asked_again_does_not_reach_the_model(service, scripted):
    first = await service.embed_query("who?")
    assert await service.embed_query("who?") is first
    assert scripted.asked == ["who?"]
    assert not first.whole.flags.writeable


async def test_the_cache_forgets_the_questions_that_were_asked_longest_ago(service, scripted):
    await service.embed_query("kept")
    await service.embed_query("forgotten")
    for n in range(CACHED_QUERIES - 2):
        await service.embed_query(f"{n}")
    await service.embed_query("kept")
    await service.embed_query("one more")
    scripted.asked.clear()
    await service.embed_query("kept")
    await service.embed_query("forgotten")
    assert scripted.asked == ["forgotten"]


async def test_questions_that_are_to_be_forgotten_reach_the_model_again(service, scripted):
    await service.embed_query("who?")
    service.forget_queries()
    await service.embed_query("who?")
    assert scripted.asked == ["who?", "who?"]


async def test_a_very_long_question_is_answered_and_not_remembered(service, scripted):
    text = "w" * (CACHED_CHARACTERS + 1)
    await service.embed_query(text)
    await service.embed_query(text)
    assert scripted.asked == [text, text]


async def test_closing_refuses_what_waits_and_what_comes_later(service, scripted):
    documents = await held_up(service, scripted, ["one", "two"])
    closing = asyncio.create_task(service.close())
    with pytest.raises(EmbeddingFailed, match="stopping"):
        await documents
    scripted.go_on.set()
    await closing
    assert scripted.asked == ["one"]
    with pytest.raises(EmbeddingFailed, match="stopping"):
        await service.embed_query("late")


async def test_closing_while_the_model_is_loading_ends_well(tmp_path, scripted):
    put_model(tmp_path)
    go_on = Event()

    def load(*_):
        go_on.wait()
        return scripted

    embeddings = LocalEmbeddings(tmp_path, "auto", threads=1, load=load)
    embeddings.start()
    assert (embeddings.state, embeddings.model) == ("loading", SCRIPTED)
    with pytest.raises(EmbeddingFailed, match="is being loaded"):
        await embeddings.embed_query("early")
    closing = asyncio.create_task(embeddings.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert embeddings.state == "absent"


@pytest.mark.parametrize("is_loading", [True, False])
async def test_a_model_that_is_held_up_does_not_hold_up_the_end(tmp_path, scripted, monkeypatch, is_loading):
    monkeypatch.setattr(model_thread, "CLOSE_SECONDS", 0.05)
    put_model(tmp_path)
    go_on = Event()

    def load(*_):
        if is_loading:
            go_on.wait()
        return scripted

    embeddings = LocalEmbeddings(tmp_path, "auto", threads=1, load=load)
    embeddings.start()
    (thread,) = (each for each in threading.enumerate() if each.name == "embedding model")
    try:
        async with asyncio.timeout(60):
            calls = []
            if not is_loading:
                await embeddings.wait_ready()
                calls = [await held_up(embeddings, scripted, ["one"])]
            await embeddings.close()
            for call in calls:
                with pytest.raises(EmbeddingFailed, match="stopping"):
                    await call
        assert (embeddings.state, thread.is_alive()) == ("absent", True)
    finally:
        go_on.set()
        scripted.go_on.set()
        thread.join()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [("auto", "model pull"), ("none", "MODEL is none"), ("BAAI/bge-small-en-v1.5", "bge-small")],
)
async def test_where_there_is_no_model_the_reason_is_told(tmp_path, wanted, reason):
    embeddings = LocalEmbeddings(tmp_path, wanted, threads=0, setting="MODEL")
    embeddings.start()
    assert (embeddings.state, embeddings.model) == ("absent", None)
    assert reason in embeddings.reason
    with pytest.raises(EmbeddingFailed, match=reason):
        await embeddings.wait_ready()
    with pytest.raises(EmbeddingFailed, match=reason):
        await embeddings.embed_documents(["x"])
    await embeddings.close()


async def test_a_model_that_was_pulled_meanwhile_is_loaded_by_another_start(tmp_path, scripted):
    embeddings = LocalEmbeddings(tmp_path, "auto", threads=1, load=lambda *_: scripted)
    embeddings.start()
    assert embeddings.state == "absent"
    put_model(tmp_path)
    embeddings.start()
    await embeddings.wait_ready()
    assert (embeddings.state, embeddings.reason, embeddings.model) == ("ready", "", SCRIPTED)
    await embeddings.close()


async def test_a_model_that_cannot_be_loaded_is_reported_and_not_fatal(models, tmp_path):
    model = find_model(models, MINILM)
    assert model is not None
    shutil.copytree(
        find_model_folder(models, MINILM),
        find_model_folder(tmp_path, MINILM),
        ignore=shutil.ignore_patterns("model.onnx"),
    )
    (find_model_folder(tmp_path, MINILM) / "model.onnx").write_bytes(b"not a graph")
    embeddings = LocalEmbeddings(tmp_path, "auto", threads=1)
    embeddings.start()
    with pytest.raises(EmbeddingFailed, match="cannot be loaded"):
        await embeddings.wait_ready()
    assert embeddings.state == "failed"
    assert model.name in embeddings.reason
    await embeddings.close()


def test_importing_the_service_does_not_import_the_libraries_that_take_seconds():
    code = (
        "import sys, server.store.embedding.local; print({'fastembed', 'onnxruntime', 'tokenizers'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


class Panic(BaseException):
    """As Rust's libraries raise them: no `Exception`."""


async def test_a_panic_of_a_library_fails_the_text_and_not_the_service(service, scripted, monkeypatch):
    def panics(_texts):
        raise Panic

    with monkeypatch.context() as patch:
        patch.setattr(scripted, "embed_questions", panics)
        with pytest.raises(EmbeddingFailed):
            await service.embed_query("who?")
    assert len((await service.embed_query("who?")).whole) == 3
