"""An embedding model and its vectors, as values: nothing here loads a model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model, and what a generation of vectors is keyed by: vectors of unequal models never mix.

    `digest` is the SHA-256, in hex, of the weights as they were published; `dims` the length of a vector;
    `max_tokens` where a text is cut, the special tokens included; `file` the ONNX file within its folder. Of a model
    at an endpoint the digest names endpoint and model, `max_tokens` counts characters, and there is no file; a
    cross-encoder gives one score, which is its `dims`.
    """

    name: str
    digest: str
    dims: int
    max_tokens: int
    file: str
