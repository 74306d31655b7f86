"""Whether what was found has to do with the query at all, so that "nothing relevant" is an answer.

Scores that are shares of the best one cannot say it: the best of nothing is 1. So before they are made, each candidate
is weighed by itself, by two measures that mean the same in every query. The figures are in docs/recall.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

RAREST = 6
"""Of a long message nothing can hold every word: a memory that holds so many of its rarest has them all."""
COMPANY = 0.2
"""What a memory must have itself to come along with one that passes the gate."""

_SURE, _SOME = 0.45, 0.2
_MANY = 400
# Where a model's cosines begin: what unrelated texts have. Models that are not named here are taken to begin at 0,
# which opens the gate rather than closing it. bge's was not measured here, but read off its authors' remarks.
_BASES = {"BAAI/bge-small-en-v1.5": 0.45, "BAAI/bge-base-en-v1.5": 0.45, "BAAI/bge-large-en-v1.5": 0.45}


def compute_idf(total: int, holding: int) -> float:
    """How rare a term is that stands in `holding` of `total` memories: Lucene's BM25 idf, which both engines use."""
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def is_common(rarity: float, total: int) -> bool:
    """Whether a term of this idf stands in so many memories (15 % of at least 50) that it tells none apart."""
    return total >= 50 and rarity < math.log(1 / 0.15)  # noqa: PLR2004 - said in the docstring


@dataclass(frozen=True, slots=True)
class Scales:
    """What a query's scores are measured by: the most that words can say, and where the model's cosines begin."""

    best_keyword_score: float
    base_cosine: float

    @classmethod
    def from_rarities(cls, rarities: Sequence[float], model: str | None) -> Self:
        """For a query whose terms have these idfs, and vectors of this model."""
        return cls(sum(sorted(rarities, reverse=True)[:RAREST]), _BASES.get(model or "", 0.0))

    def compute_evidence(self, keyword: float | None, vector: float | None) -> float:
        """How sure it is that a memory has to do with the query, in [0, 1], by its BM25 score or its cosine.

        By words, it is the share of the query's `RAREST` rarest terms, weighed by their idf, that it holds; by
        meaning, the cosine above the model's base. The better of both counts.
        """
        by_words = keyword / self.best_keyword_score if keyword is not None and self.best_keyword_score > 0 else 0.0
        by_meaning = (vector - self.base_cosine) / (1 - self.base_cosine) if vector is not None else 0.0
        return min(max(by_words, by_meaning, 0.0), 1.0)

    def compute_floors(self, evidence: float) -> tuple[float, float]:
        """The BM25 score and the cosine from which on `evidence`, above 0, is reached."""
        by_words = evidence * self.best_keyword_score if self.best_keyword_score > 0 else math.inf
        return by_words, self.base_cosine + evidence * (1 - self.base_cosine)


def compute_threshold(total: int) -> float:
    """What the best candidate of `total` memories must have for there to be an answer.

    The more memories, the better the best of unrelated ones; among a few, rarity says little and the bar is low.
    """
    return _SOME + (_SURE - _SOME) * min(math.log(1 + total) / math.log(1 + _MANY), 1.0)
