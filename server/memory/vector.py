"""The types of vectors: of a text, and of a question."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""float32, (dims,) or (n, dims)."""

TokenVectors = NDArray[np.int8]
"""Vectors of tokens, (n, token_dims): the directions of unit vectors, in steps of 1/127."""


class TextVectors(NamedTuple):
    """The vectors of one text.

    `windows` is (n, dims): one row for each window, n = 1 for a text that fits into the model. `tokens` is (m,
    token_dims), one row for each of its first tokens, or None if the model gives none.
    """

    windows: Vector
    tokens: TokenVectors | None = None


class QuestionVectors(NamedTuple):
    """The vectors of one question.

    `whole` is (dims,). `tokens` is (m, token_dims), one row for each token, or None if the model gives none; `places`
    are the characters at which the tokens begin.
    """

    whole: Vector
    tokens: TokenVectors | None = None
    places: tuple[int, ...] = ()
