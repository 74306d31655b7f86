"""The graph for questions: made once, beside the model's own, and near to it."""

from dataclasses import replace

import numpy as np
import pytest

from server.store.embedding.models.loaded_model import MOST_QUESTIONS, Embedder
from server.store.embedding.models.model_folder import BGE, MINILM, find_model, find_model_folder
from server.store.embedding.models.model_pull import pull_embedder
from server.store.embedding.models.question_graph import GRAPH, find_question_graph, make_question_graph
from server.store.embedding.source import TextUnreadable

QUESTIONS = ("where is the key?", "what did Ann decide about the deploy?", "kettle", "备份什么时候跑", "")


def report_nothing(_step, _done, _total):
    """Stand in for a person who watches a pull."""


@pytest.fixture
def home(models, tmp_path):
    """A folder with the real model, and no graph for questions."""
    source, home = find_model_folder(models, MINILM), find_model_folder(tmp_path, MINILM)
    home.mkdir()
    for path in source.iterdir():
        if path.name != GRAPH:
            (home / path.name).symlink_to(path)
    return home


@pytest.fixture
def model(home):
    found = find_model(home.parent, MINILM)
    assert found is not None
    return found


def describe_processor(folder, flags):
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: fpu vme {flags}\n")
    return path


def test_a_pull_makes_it_for_a_model_that_is_here_and_only_once(home, tmp_path):
    pull_embedder(tmp_path, MINILM, report_nothing)
    made = (home / GRAPH).stat()
    pull_embedder(tmp_path, MINILM, report_nothing)
    assert (home / GRAPH).stat() == made
    assert {path.name for path in tmp_path.iterdir()} == {home.name}


def test_its_vectors_are_near_those_of_the_models_own_graph(home, model):
    whole = Embedder(home, model, threads=1)
    make_question_graph(home, model)
    bytes_ = Embedder(home, model, threads=1)
    if bytes_.most_questions == MOST_QUESTIONS:
        pytest.skip("this processor does not multiply bytes")
    readable = [each for each in QUESTIONS if each.isascii()]
    for text in readable:
        mine, theirs = bytes_.embed_query(text), whole.embed_query(text)
        assert mine.whole @ theirs.whole > 0.97, text
        assert mine.places == theirs.places
        assert mine.tokens is not None
        assert theirs.tokens is not None
        assert mine.tokens.shape == theirs.tokens.shape
    assert isinstance(bytes_.embed_questions(QUESTIONS)[3], TextUnreadable)


def test_memories_have_the_vectors_of_the_models_own_graph(home, model):

    def embed_text():
        work = Embedder(home, model, threads=1).embed_documents(["the key is under the mat"])
        while True:
            try:
                next(work)
            except StopIteration as end:
                return end.value[0].windows

    before = embed_text()
    make_question_graph(home, model)
    np.testing.assert_array_equal(before, embed_text())


def test_it_is_used_where_the_processor_multiplies_bytes(home, model, tmp_path):
    make_question_graph(home, model)
    assert find_question_graph(home, describe_processor(tmp_path, "avx2 avx512_vnni")) == home / GRAPH
    assert find_question_graph(home, describe_processor(tmp_path, "avx2")) is None
    assert find_question_graph(home, tmp_path / "nowhere") is None
    (home / GRAPH).unlink()
    assert find_question_graph(home, describe_processor(tmp_path, "avx_vnni")) is None


def test_a_model_with_which_it_was_not_measured_has_none(home, model):
    make_question_graph(home, replace(model, name=BGE))
    assert not (home / GRAPH).exists()
