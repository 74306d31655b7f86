"""Late interaction: how well each token of a question is met by the nearest token of a memory.

One vector for a whole text loses its particulars; the vectors of its tokens keep them. The sum of the best cosines is
ColBERT's (Khattab and Zaharia, 2020, section 3.3), here with weights by rarity, and with the memories just before one
in its session as a weaker part of it. Figures: docs/recall.md.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from server.memory.languages import Language
from server.memory.text import hash_term, split_words, stem_words
from server.memory.vector import TokenVectors, Vector

BEFORE = 0.6
"""The share of a similarity that a memory has from the memories just before it."""
LEAST_WEIGHT = 0.5
"""The weight of a token of a stop word or a sign; that of another is higher by its word's idf."""

_NOBODY = -1  # the last row
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the typographic apostrophe is meant


def weigh_tokens(
    text: str,
    places: Sequence[int],
    rarities: Mapping[int, float],
    language: Language,
    without: AbstractSet[int] = frozenset(),
) -> Vector:
    """Return the weight of each token of a question, (m,).

    Args:
        text: the question, as it was embedded.
        places: the characters at which its tokens begin.
        rarities: the idf of the question's terms, by term id.
        language: the language of the question.
        without: the ids of terms whose tokens do not count.
    """
    weights = np.full(len(places), LEAST_WEIGHT, np.float32)
    words = _WORD.finditer(text)
    word = next(words, None)
    for number, place in enumerate(places):
        while word is not None and word.end() <= place:
            word = next(words, None)
        if word is not None and word.start() <= place:
            terms = set(map(hash_term, stem_words(split_words(word[0], language), language)))
            weights[number] += max((rarities.get(term, 0.0) for term in terms), default=0.0)
            if not without.isdisjoint(terms):
                weights[number] = 0.0
    return weights


class Meetings(NamedTuple):
    """How near the nearest token of each memory is to each token of a question, as cosines.

    `own` has the tokens of the memory alone, `whole` those of the memories before it as well, at `BEFORE`; both are
    (memories, m), in the order of `ids`.
    """

    ids: Sequence[str]
    own: Vector
    whole: Vector


def compare_tokens(
    question: TokenVectors, memories: Mapping[str, Sequence[str]], tokens: Mapping[str, TokenVectors]
) -> Meetings | None:
    """Compare the tokens of a question with those of memories; None if either has none.

    Args:
        question: the vectors of the question's tokens, (m, token_dims).
        memories: the ids of the memories just before each memory, by its id.
        tokens: the vectors of the tokens of all these memories, by id. A memory without any is left out.
    """
    have = {each: rows for each, rows in tokens.items() if len(rows)}
    found = [each for each in memories if each in have]
    if not len(question) or not found:
        return None
    nearest = _find_nearest(question, list(have.values()))
    # Whole columns at a time: one call of numpy for each memory would cost ten times as much as the comparison.
    row_of = {memory_id: row for row, memory_id in enumerate(have)}
    own = whole = nearest[[row_of[each] for each in found]]
    for place in range(max(len(memories[each]) for each in found)):
        before = [memories[each][place : place + 1] for each in found]
        rows = [row_of.get(each[0], _NOBODY) if each else _NOBODY for each in before]
        whole = np.maximum(whole, BEFORE * nearest[rows])
    return Meetings(found, own, whole)


def average_cosines(cosines: Vector, weights: Vector) -> list[float]:
    """Return the weighed mean of each row of cosines (n, m), in [-1, 1]; the weights are (m,) and not all 0."""
    return (cosines @ (weights / weights.sum())).tolist()


def _find_nearest(question: TokenVectors, tokens: Sequence[TokenVectors]) -> Vector:
    """Return the cosines of a question's tokens with the nearest token of each memory, (memories + 1, m).

    The last row is that of nobody.
    """
    cosines = np.concatenate(tokens).astype(np.float32) @ (question.astype(np.float32).T / 127**2)
    starts = np.cumsum([0, *map(len, tokens[:-1])])
    nobody = np.full((1, len(question)), -np.inf, np.float32)
    return np.concatenate([np.maximum.reduceat(cosines, starts, axis=0), nobody])
