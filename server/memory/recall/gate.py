"""Whether a candidate is about the query at all, so that "nothing relevant" is a possible answer.

Scores relative to the best one cannot decide this: even the best of unrelated memories scores 1. So before scores are
normalised, each candidate is measured alone, by two measures that mean the same in every query. The figures are in
docs/recall.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

RAREST = 6
"""No memory holds every word of a long message: one that holds this many of its rarest words counts as complete."""
COMPANY = 0.1
"""The least evidence of a memory that is answered beside one that passes the gate."""
UNKNOWN_NAME = 0.1
"""How much more evidence is needed if the query names somebody or something that no memory has."""
_BOTH = 1.3
#: The mean cosine of the nearest tokens at which late interaction speaks neither for a memory nor against it, by model.
#: For a model that is not named here it is not known.
_USUAL_INTERACTIONS = {"sentence-transformers/all-MiniLM-L6-v2": 0.45}
REST_OF_ANOTHER = 0.5
"""How well something must be met by memories without the name that a query has to be somebody else's fact."""
_LEAST_SHARE, _LEAST_SHARE_OF_COMMON = 0.8, 0.5

_SURE, _SOME = 0.45, 0.2
_MANY = 400
# The cosine of unrelated texts, by model. For a model that is not named here it is taken to be 0,
# which opens the gate rather than closing it. bge's was not measured here, but read off its authors' remarks.
_BASES = {"BAAI/bge-small-en-v1.5": 0.45, "BAAI/bge-base-en-v1.5": 0.45, "BAAI/bge-large-en-v1.5": 0.45}
# Models that have read English alone know letters of other languages rather than words: there unrelated texts are near
# each other. Measured with the second of these on prompts in eight languages (docs/recall.md).
_ENGLISH_MODELS = frozenset({*_BASES, "sentence-transformers/all-MiniLM-L6-v2"})
_FOREIGN_BASE = 0.55


def compute_idf(total: int, holding: int) -> float:
    """Return the idf of a term that is in `holding` of `total` memories, by Lucene's BM25, which both engines use."""
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def is_common(rarity: float, total: int) -> bool:
    """Whether a term with this idf is in so many memories (15 % of at least 50) that it distinguishes none."""
    return total >= 50 and rarity < math.log(1 / 0.15)  # noqa: PLR2004 - said in the docstring


def limit_missing(rarities: Sequence[float], total: int) -> list[float]:
    """Return the idf of a query's terms in `total` memories, with a limit for the terms that none of them holds.

    Among a few memories a term that each of them holds has an idf near 0, and one that they lack some five to fifteen
    times as much: beside it the term that was found would count as nothing. So a missing term counts at most `2 + total
    / 10` times as much as the rarest term that was found. Among many memories this limit is above the idf.
    """
    missing = compute_idf(total, 0)
    held = max((each for each in rarities if each < missing), default=missing)
    limit = held * (2 + total / 10)
    return [min(each, limit) for each in rarities]


@dataclass(frozen=True, slots=True)
class Scales:
    """The scales of a query's scores: the best possible BM25 score, and the cosine of unrelated texts."""

    best_keyword_score: float
    base_cosine: float

    @classmethod
    def from_rarities(cls, rarities: Sequence[float], model: str | None, *, is_english: bool = True) -> Self:
        """Make the scales of a query whose terms have these idfs, with vectors of this model."""
        base = _BASES.get(model or "", 0.0)
        if not is_english and model in _ENGLISH_MODELS:
            base = max(base, _FOREIGN_BASE)
        return cls(sum(sorted(rarities, reverse=True)[:RAREST]), base)

    def compute_evidence(self, keyword: float | None, vector: float | None) -> float:
        """Return how sure it is that a memory is about the query, in [0, 1], by its BM25 score and its cosine.

        By words, this is the share of the query's `RAREST` rarest terms that the memory holds, weighed by idf. By
        meaning, it is the cosine above the model's base. The higher of both counts, or 1.3 times their mean: a memory
        that is near by words and by meaning is surer than by each alone.
        """
        by_words = keyword / self.best_keyword_score if keyword is not None and self.best_keyword_score > 0 else 0.0
        by_meaning = (vector - self.base_cosine) / (1 - self.base_cosine) if vector is not None else 0.0
        by_both = _BOTH * (min(by_words, 1.0) + by_meaning) / 2
        return min(max(by_words, by_meaning, by_both, 0.0), 1.0)


def weigh_interaction(interaction: float | None, model: str | None, *, is_english: bool = True) -> float:
    """Return how much the best late interaction of own tokens adds to the best evidence, or takes away.

    0 if there is none, or if it was not measured what it means: in another model, or in a language that the model does
    not know.
    """
    usual = _USUAL_INTERACTIONS.get(model or "")
    return 0.0 if interaction is None or usual is None or not is_english else interaction - usual


def is_of_another(named: float, others: float, *, is_common: bool) -> bool:
    """Whether what a query asks of somebody is known of somebody else only: "When is Priya's birthday?" of Ben's.

    Args:
        named: how well memories with the name meet the rest of the query's tokens: the best one.
        others: how well memories without it do.
        is_common: whether the name is in many memories. They rarely say it where they mean it then, so that more is
            needed.
    """
    share = _LEAST_SHARE_OF_COMMON if is_common else _LEAST_SHARE
    return others >= REST_OF_ANOTHER and named < share * others


def compute_threshold(total: int, *, has_unknown_name: bool = False) -> float:
    """Return the evidence that the best candidate of `total` memories needs for an answer.

    The best of unrelated memories scores higher among many. Among a few, rarity says little, so less is needed. A query
    with a name that no memory has is mostly about somebody else.
    """
    sure = _SOME + (_SURE - _SOME) * min(math.log(1 + total) / math.log(1 + _MANY), 1.0)
    return sure + UNKNOWN_NAME * has_unknown_name
