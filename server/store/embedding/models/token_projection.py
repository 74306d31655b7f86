"""The vectors of tokens, made small: a fixed projection to fewer dimensions, and a byte for each of them.

The projection is a random one with orthogonal directions, which keeps cosines up to an error of about 1/sqrt(dims)
(Johnson and Lindenstrauss, 1984). Its seed are bits of SHA-256, so it is the same everywhere, for each model, and needs
no file. docs/recall.md compares it with a projection that was made from text.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from server.memory.vector import TokenVectors, Vector

STEPS = 127
"""The steps of a number between 0 and 1 in the vectors of tokens."""


class TokenProjection:
    """Projects the hidden states of a model, (n, hidden), to vectors of tokens, (n, dims)."""

    def __init__(self, hidden: int, dims: int) -> None:
        self._directions: Vector = _make_directions(hidden, dims).astype(np.float32)

    def project_tokens(self, states: Vector) -> TokenVectors:
        """Return the vectors of some tokens: directions alone, in steps of 1/127."""
        vectors = states @ self._directions
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.rint(vectors * (STEPS / np.maximum(lengths, np.finfo(np.float32).tiny))).astype(np.int8)


def _make_directions(hidden: int, dims: int) -> NDArray[np.float64]:
    """Return orthogonal columns of length 1, (hidden, dims)."""
    blocks = -(-hidden * dims // 256)
    digests = b"".join(hashlib.sha256(f"direction {number}".encode()).digest() for number in range(blocks))
    signs = np.unpackbits(np.frombuffer(digests, np.uint8))[: hidden * dims].reshape(hidden, dims) * 2.0 - 1.0
    columns, upper = np.linalg.qr(signs)
    return columns * np.sign(np.diag(upper))  # else the signs of columns would depend on the library of numpy
