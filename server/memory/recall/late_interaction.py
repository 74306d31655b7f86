"""Late interaction: how well each token of a question is met by the nearest token of a memory.

One vector for a whole text loses its particulars; the vectors of its tokens keep them. The sum of the best cosines is
ColBERT's (Khattab and Zaharia, 2020, section 3.3), here with weights by rarity, and with the memories just before one
in its session as a weaker part of it. Figures: docs/recall.md.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from server.memory.languages import Language
from server.memory.text import hash_term, split_words, stem_words
from server.memory.vector import TokenVectors, Vector

BEFORE = 0.6
"""The share of a similarity that a memory has from the memories just before it."""
LEAST_WEIGHT = 0.5
"""The weight of a token of a stop word or a sign; that of another is higher by its word's idf."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the typographic apostrophe is meant


def weigh_tokens(text: str, places: Sequence[int], rarities: Mapping[int, float], language: Language) -> Vector:
    """Return the weight of each token of a question, (m,).

    Args:
        text: the question, as it was embedded.
        places: the characters at which its tokens begin.
        rarities: the idf of the question's terms, by term id.
        language: the language of the question.
    """
    weights = np.full(len(places), LEAST_WEIGHT, np.float32)
    words = _WORD.finditer(text)
    word = next(words, None)
    for number, place in enumerate(places):
        while word is not None and word.end() <= place:
            word = next(words, None)
        if word is not None and word.start() <= place:
            terms = map(hash_term, stem_words(split_words(word[0], language), language))
            weights[number] += max((rarities.get(term, 0.0) for term in terms), default=0.0)
    return weights


def score_memories(
    question: TokenVectors, weights: Vector, memories: Mapping[str, Sequence[str]], tokens: Mapping[str, TokenVectors]
) -> dict[str, float]:
    """Return how well the tokens of each memory meet those of a question: the weighed mean of cosines, in [-1, 1].

    Args:
        question: the vectors of the question's tokens, (m, token_dims).
        weights: of these, (m,).
        memories: the ids of the memories just before each memory, by its id.
        tokens: the vectors of the tokens of all these memories, by id. A memory without any has no score.
    """
    if not len(question):
        return {}
    nearest = _find_nearest(question, {each: rows for each, rows in tokens.items() if len(rows)})
    shares = weights / weights.sum()
    scores: dict[str, float] = {}
    for memory_id, before in memories.items():
        if memory_id in nearest:
            own, earlier = nearest[memory_id], [BEFORE * nearest[each] for each in before if each in nearest]
            scores[memory_id] = float(shares @ np.maximum.reduce([own, *earlier]))
    return scores


def _find_nearest(question: TokenVectors, tokens: Mapping[str, TokenVectors]) -> dict[str, Vector]:
    """Return for each memory the cosines of the question's tokens with the nearest of its tokens, (m,)."""
    if not tokens:
        return {}
    rows = np.concatenate(list(tokens.values())).astype(np.float32)
    cosines = question.astype(np.float32) @ rows.T / 127**2
    starts = _list_starts(map(len, tokens.values()))
    return dict(zip(tokens, np.maximum.reduceat(cosines, starts, axis=1).T, strict=True))


def _list_starts(lengths: Iterable[int]) -> list[int]:
    starts, place = list[int](), 0
    for length in lengths:
        starts.append(place)
        place += length
    return starts
