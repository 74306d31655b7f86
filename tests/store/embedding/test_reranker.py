"""The optional last look: what it says of texts, and that no recall ever waits for it longer than it may."""

import asyncio
import subprocess
import sys
from itertools import chain
from threading import Event

import pytest
import structlog

from server.store.embedding.models.cross_encoder import BATCH_TEXTS, CrossEncoder
from server.store.embedding.models.model_folder import find_model_folder
from server.store.embedding.reranker import MAX_TEXTS, Reranker
from tests.doubles import tiny_cross_encoder as tiny

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path):
    tiny.write_model(tmp_path)
    return tmp_path


class Scripted:
    """Stands in for the cross-encoder: a text's score is its length; a step can be held up."""

    def __init__(self):
        self.steps = []
        self.begun, self.go_on = Event(), Event()
        self.go_on.set()

    def score_texts(self, query, texts):
        for text in texts:
            self.steps.append((query, text))
            self.begun.set()
            self.go_on.wait()
            if text == "bad":
                raise RuntimeError("no such token")
            yield [float("nan") if text == "nan" else float(len(text))]


@pytest.fixture
def scripted():
    return Scripted()


@pytest.fixture
async def make(folder):
    """Makes a reranker, started and settled."""
    made = []

    async def start(wanted=tiny.NAME, milliseconds=10_000, **more):
        reranker = Reranker(folder, wanted, milliseconds, 1, **more)
        made.append(reranker)
        reranker.start()
        await reranker.wait_settled()
        return reranker

    yield start
    for reranker in made:
        await reranker.close()


def test_a_loaded_cross_encoder_scores_the_texts_and_not_the_question(folder):
    model = tiny.write_model(folder)
    encoder = CrossEncoder(find_model_folder(folder, model.name), model, threads=1)
    texts = ["key", "mat key", "nothing", "key " * 500, ""] + ["mat"] * BATCH_TEXTS
    steps = list(encoder.score_texts("mat mat mat", texts))
    assert [len(step) for step in steps] == [BATCH_TEXTS, BATCH_TEXTS]
    scores = list(chain.from_iterable(steps))
    assert scores[:3] == [2, 2.5, -1]
    assert scores[3] > 10  # as much of it as the model's window holds
    assert scores[4:] == [0] + [0.5] * BATCH_TEXTS


async def test_texts_are_scored_in_their_order_by_the_real_thing(make):
    reranker = await make()
    assert (reranker.state, reranker.reason) == ("ready", "")
    assert await reranker.score_texts("where is it", ["mat", "key", "mat key"]) == [0.5, 2, 2.5]
    assert len(await reranker.score_texts("where is it", ["mat"] * MAX_TEXTS)) == MAX_TEXTS
    assert await reranker.score_texts("where is it", []) is None


async def test_more_texts_than_a_recall_may_wait_for_are_refused(make):
    with pytest.raises(ValueError, match="31 texts"):
        await (await make()).score_texts("q", ["mat"] * (MAX_TEXTS + 1))


async def test_where_none_is_wanted_or_here_there_are_no_scores_and_the_reason_is_told(make):
    off = await make("", setting="LOCI_RERANK_MODEL")
    assert (off.state, off.reason, await off.score_texts("q", ["a"])) == ("absent", "LOCI_RERANK_MODEL is empty", None)
    missing = await make("BAAI/bge-reranker-base")
    assert "model pull" in missing.reason
    assert await missing.score_texts("q", ["a"]) is None


async def test_a_model_that_cannot_be_loaded_is_reported_and_not_fatal(make, folder):
    (find_model_folder(folder, tiny.NAME) / tiny.FILE).write_bytes(b"not a graph")
    with structlog.testing.capture_logs() as logs:
        reranker = await make()
    assert reranker.state == "failed"
    assert "cannot be loaded" in reranker.reason
    assert len(logs) == 1
    assert await reranker.score_texts("q", ["a"]) is None


async def test_while_it_loads_a_recall_goes_without(folder, scripted):
    go_on = Event()

    def load(*_):
        go_on.wait()
        return scripted

    reranker = Reranker(folder, tiny.NAME, 10_000, load=load)
    reranker.start()
    assert (reranker.state, await reranker.score_texts("q", ["a"])) == ("loading", None)
    closing = asyncio.create_task(reranker.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert reranker.state == "absent"


async def test_past_the_deadline_a_recall_goes_without_and_the_rest_of_its_work_is_dropped(make, scripted):
    reranker = await make(milliseconds=10, load=lambda *_: scripted)
    scripted.go_on.clear()
    with structlog.testing.capture_logs() as logs:
        assert await reranker.score_texts("slow", ["a", "b", "c"]) is None
        assert await reranker.score_texts("behind it", ["d"]) is None
    assert [entry["event"] for entry in logs] == ["reranking.skipped"] * 2
    scripted.go_on.set()
    while (found := await reranker.score_texts("next", ["four"])) is None:
        pass  # the machine was busy for longer than this deadline
    assert found == [4]
    assert [step for step in scripted.steps if step[0] != "next"] == [("slow", "a")]


@pytest.mark.parametrize("text", ["bad", "nan"])
async def test_a_text_that_the_model_fails_on_fails_its_recalls_look_alone(make, scripted, text):
    reranker = await make(load=lambda *_: scripted)
    with structlog.testing.capture_logs() as logs:
        assert await reranker.score_texts("q", ["a", text]) is None
    assert len(logs) == 1
    assert await reranker.score_texts("q", ["a", "bb"]) == [1, 2]


async def test_the_real_models_nan_is_no_score(make):
    with structlog.testing.capture_logs() as logs:
        assert await (await make()).score_texts("q", ["key", "broken"]) is None
    assert "not finite" in logs[0]["reason"]


async def test_closing_answers_who_waits(make, scripted):
    reranker = await make(load=lambda *_: scripted)
    scripted.go_on.clear()
    waiting = asyncio.create_task(reranker.score_texts("q", ["a", "b"]))
    await asyncio.to_thread(scripted.begun.wait)
    closing = asyncio.create_task(reranker.close())
    assert await waiting is None
    scripted.go_on.set()
    await closing
    assert scripted.steps == [("q", "a")]


def test_importing_the_reranker_does_not_import_the_libraries_that_take_seconds():
    slow = "{'fastembed', 'onnxruntime', 'tokenizers'}"
    code = f"import sys, server.store.embedding.reranker; print({slow} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
