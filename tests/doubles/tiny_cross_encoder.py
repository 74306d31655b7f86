"""A cross-encoder of one table: the score of a text is the sum of its words' weights, and the question counts nothing.

Its folder is laid out as fastembed's cross-encoders are.
"""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel

from server.memory.embedding_model import Model
from server.store.embedding.models.model_folder import hash_file, install_model

NAME = "Xenova/ms-marco-MiniLM-L-6-v2"
FILE = "onnx/model.onnx"
WEIGHTS = {"[PAD]": 9.0, "[CLS]": 0.0, "[SEP]": 0.0, "[UNK]": -1.0, "key": 2.0, "mat": 0.5, "broken": float("nan")}
MAX_TOKENS = 16


def build_graph():
    """token ids, mask and types, int64 (b, s), to logits, float32 (b, 1)."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["each"]),
        helper.make_node("And", ["is_text", "is_kept"], ["counts"]),
        helper.make_node("Where", ["counts", "each", "zero"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "axis"], ["logits"], keepdims=1),
    ]
    nodes[1:1] = [
        helper.make_node("Cast", [source], [target], to=TensorProto.BOOL)
        for source, target in (("token_type_ids", "is_text"), ("attention_mask", "is_kept"))
    ]
    constants = {
        "weights": np.array(list(WEIGHTS.values()), np.float32),
        "zero": np.array(0, np.float32),
        "axis": np.array([1]),
    }
    made = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def list_files():
    """The files of it on a hub: path → bytes."""
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(WEIGHTS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    model = build_graph()
    onnx.checker.check_model(model)
    return {
        FILE: model.SerializeToString(),
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": json.dumps({"model_max_length": MAX_TOKENS, "pad_token": "[PAD]"}).encode(),
        "config.json": b'{"pad_token_id": 0}',
        "special_tokens_map.json": b'{"pad_token": "[PAD]"}',
    }


def write_model(folder):
    """Install it in a folder of models."""
    prepared = folder / "prepared"
    for path, data in list_files().items():
        (prepared / path).parent.mkdir(parents=True, exist_ok=True)
        (prepared / path).write_bytes(data)
    model = Model(NAME, hash_file(prepared / FILE), 1, MAX_TOKENS, FILE)
    install_model(prepared, model, folder)
    return model
