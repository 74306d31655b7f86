"""The references for the product: words alone, meaning alone, and the plain formula of both.

Not a benchmark by itself; the product offers no recall by one arm, so `recall.py` computes these, with the product's
own analyzer and embedding model. They stay what they are while the product's ranking changes: BM25 over text, author
and date; the cosine of the texts as they are; and alpha 0.5 of the two, each scaled from 0 to 1 over its candidates.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from helpers.common import MODELS, show_progress
from helpers.locomo import Turn
from numpy.typing import NDArray

if TYPE_CHECKING:
    from server.memory.vector import TextVectors
    from server.store.embedding.models.loaded_model import Embedder

KEYWORD, VECTOR, FUSION = "BM25 alone", "vector alone", "plain fusion"
CANDIDATES = 100
ALPHA = 0.5
CHUNK = 64

Scores = dict[int, float]


def load_embedder() -> "Embedder | None":
    """Return the product's embedding model, or None if it is not here."""
    from server.store.embedding.models.loaded_model import Embedder  # noqa: PLC0415 - only after ROOT is importable
    from server.store.embedding.models.model_folder import find_model, find_model_folder  # noqa: PLC0415 - as above

    model = find_model(MODELS, "auto")
    return Embedder(find_model_folder(MODELS, model.name), model, 0) if model is not None else None


class Arms:
    """A conversation, as each arm finds in it."""

    def __init__(self, turns: Sequence[Turn], embedder: "Embedder | None", what: str) -> None:
        self._keyword = _Keyword(turns)
        self._vector = _Vector(turns, embedder, what) if embedder is not None else None

    def rank_turns(self, question: str, limit: int) -> dict[str, list[int]]:
        """The places of turns by arm, best first."""
        keyword = _rank_best(self._keyword.score_turns(question))
        ranked = {KEYWORD: list(keyword)[:limit]}
        if self._vector is not None:
            vector = _rank_best(self._vector.score_turns(question))
            ranked[VECTOR] = list(vector)[:limit]
            ranked[FUSION] = list(_fuse_scores(keyword, vector))[:limit]
        return ranked


class _Keyword:
    """BM25 with the product's analyzer and weights, over text, author and date, with Lucene's idf as in Qdrant."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        from server.memory.recall.question import Question  # noqa: PLC0415 - only after ROOT is importable
        from server.memory.text import split_words, stem_words, weigh_terms  # noqa: PLC0415 - as above

        self._question = Question
        self._count = len(turns)
        self._postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for place, turn in enumerate(turns):
            key = f"{turn.text}\n{turn.author}\n{turn.at.day} {turn.at:%B %Y}"
            for term, weight in zip(*weigh_terms(Counter(stem_words(split_words(key)))), strict=True):
                self._postings[term].append((place, weight))

    def score_turns(self, question: str) -> Scores:
        """Return the scores of every turn that has a word of the question."""
        scores: Scores = defaultdict(float)
        for term in self._question(question).term_ids:
            there = self._postings.get(term, [])
            rarity = math.log(1 + (self._count - len(there) + 0.5) / (len(there) + 0.5))
            for place, weight in there:
                scores[place] += weight * rarity
        return scores


class _Vector:
    """The embedding model alone: the texts as they are, the question as it is. Of a text in windows the best counts."""

    def __init__(self, turns: Sequence[Turn], embedder: "Embedder", what: str) -> None:
        self._embedder = embedder
        texts = [turn.text for turn in turns]
        windows = [
            each
            for first in show_progress(range(0, len(texts), CHUNK), f"embedding {what}")
            for each in await_windows(embedder.embed_documents(texts[first : first + CHUNK]))
        ]
        self._rows = np.concatenate(windows)
        self._starts = np.cumsum([0, *map(len, windows[:-1])])

    def score_turns(self, question: str) -> Scores:
        """Return the scores of every turn."""
        cosines = np.maximum.reduceat(self._rows @ self._embedder.embed_query(question).whole, self._starts)
        return dict(enumerate(cosines.tolist()))


def await_vectors(work: "Generator[None, None, list[TextVectors]]") -> "list[TextVectors]":
    """Return the vectors of an embedder's work, when it has ended."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def await_windows(work: "Generator[None, None, list[TextVectors]]") -> list[NDArray[np.float32]]:
    """Return the windows of each text of an embedder's work."""
    return [each.windows for each in await_vectors(work)]


def _rank_best(scores: Scores) -> Scores:
    """Return the candidates of an arm, best first. Of equal ones the earlier comes first."""
    return dict(sorted(scores.items(), key=lambda each: (-each[1], each[0]))[:CANDIDATES])


def _fuse_scores(keyword: Scores, vector: Scores) -> Scores:
    """Return the candidates of both arms, weighed by alpha. A candidate that an arm did not find has 0 there."""
    words, meaning = _scale_scores(keyword), _scale_scores(vector)
    places = words.keys() | meaning.keys()
    return _rank_best(
        {place: ALPHA * words.get(place, 0.0) + (1 - ALPHA) * meaning.get(place, 0.0) for place in places}
    )


def _scale_scores(scores: Scores) -> Scores:
    """Return the scores as numbers from 0 to 1. If all are equal, all are 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {place: (score - low) / (high - low) if high > low else 1.0 for place, score in scores.items()}
