"""Hybrid ranking: two arms, one order.

final = alpha * keyword + (1 - alpha) * vector, each arm as a share of its best (Memento Protocol 3.3 and 10.5), and on
top of it small nudges, each with a bound of its own. The measurements of every constant here are in docs/recall.md.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter
from typing import NamedTuple

from server.memory.dates.grammar import Span, compute_nearness

ALPHA = 0.5

#: How much each nudge adds at most, in the order in which they are worth something.
NUDGES: Mapping[str, float] = {
    "neighbours": 0.3,  # the memories just before or after it fit, too
    "author": 0.15,  # the query names who said it
    "date": 0.15,  # the query names when it was
    "entity": 0.1,  # the query names whom or what it is about, and few memories are about that
    "recency": 0.05,  # it is new
    "scope": 0.05,  # it belongs to the very project, not to all
    "access": 0.03,  # it was of use before
}
LEAST_NUDGE = 0.0005
OPINION_WEIGHT = 0.3
"""The weight of a cross-encoder's opinion; the ranking's own score has the rest."""
RECENCY_HALF_LIFE = timedelta(days=30)
MOST_ACCESSES = 64
"""After this many recalls, the nudge for use does not grow any more."""
_HALF_LIFE_SECONDS = RECENCY_HALF_LIFE.total_seconds()
_MOST_LOG = math.log2(1 + MOST_ACCESSES)
_RANK_ORDER = attrgetter("score", "vector_score", "id")


# Tuples, as a hundred of each are made for a recall, at two fifths of the cost of frozen dataclasses.


class Traits(NamedTuple):
    """The facts of a memory that ranking uses beside its scores. Times are seconds since 1970."""

    happened_at: float
    access_count: int
    #: The ids of those just before it in its session.
    before: tuple[str, ...] = ()
    is_author_named: bool = False
    is_entity_named: bool = False
    is_in_project: bool = False


class Candidate(NamedTuple):
    """A memory that an arm found, with its raw BM25 score and cosine; None for an arm that it is not near enough to."""

    id: str
    keyword: float | None
    vector: float | None
    #: How sure it is that the memory alone is about the query, in [0, 1]: see `server.memory.recall.gate`.
    evidence: float
    traits: Traits
    #: The cosine that is assumed if the vector arm did not find the memory.
    unseen: float = 0.0


class RankedCandidate(NamedTuple):
    """A candidate and the reasons for its rank.

    `fused` is the published formula over the two arms' scores, all in [0, 1]; `score` adds the nudges.
    """

    id: str
    score: float
    fused: float
    keyword_score: float
    vector_score: float
    nudges: Mapping[str, float]
    candidate: Candidate


def rank(
    candidates: Sequence[Candidate], *, alpha: float, now: datetime, spans: Sequence[Span] = ()
) -> list[RankedCandidate]:
    """Return the candidates, best first; of equal scores, the higher vector score is first, then the newer id.

    If no candidate has a vector score, keywords rank alone.
    """
    most = _find_divisor(each.keyword for each in candidates)
    nearest = _find_divisor(each.vector for each in candidates)
    weight = 1.0 if all(each.vector is None for each in candidates) else alpha
    shares: list[tuple[float, float]] = []
    fused: dict[str, float] = {}
    for each in candidates:
        keyword = max(each.keyword or 0.0, 0.0) / most
        vector = min(max(each.unseen if each.vector is None else each.vector, 0.0) / nearest, 1.0)
        shares.append((keyword, vector))
        fused[each.id] = weight * keyword + (1 - weight) * vector
    neighbour_scores = _score_neighbours(candidates, fused)
    seconds = now.timestamp()
    ranked: list[RankedCandidate] = []
    for each, (keyword, vector) in zip(candidates, shares, strict=True):
        date = _score_date(each.traits, spans, now.tzinfo) if spans else 0.0
        nudges = _compute_nudges(each.traits, neighbour_scores.get(each.id, 0.0), date, seconds)
        score = fused[each.id] + sum(nudges.values())
        ranked.append(RankedCandidate(each.id, score, fused[each.id], keyword, vector, nudges, each))
    return sorted(ranked, key=_RANK_ORDER, reverse=True)


def blend(scores: Sequence[float], opinions: Sequence[float]) -> list[tuple[int, float]]:
    """Blend scores with a second opinion on each (larger is better, on any scale).

    The opinions are scaled to the range of the scores and have the weight `OPINION_WEIGHT`, so they reorder the scores
    and never replace them.

    Returns:
        The index of each score and its new value, best first.
    """
    low, high = min(opinions), max(opinions)
    worst, best = min(scores), max(scores)
    spread = (best - worst) / (high - low) if high > low else 0.0
    new = [
        (1 - OPINION_WEIGHT) * score + OPINION_WEIGHT * (worst + (opinion - low) * spread)
        for score, opinion in zip(scores, opinions, strict=True)
    ]
    return sorted(enumerate(new), key=lambda each: -each[1])


def _find_divisor(scores: Iterable[float | None]) -> float:
    """Return the divisor for normalising scores: the highest one, or infinity if all are 0."""
    return max((score for score in scores if score is not None and score > 0), default=math.inf)


def _score_neighbours(candidates: Iterable[Candidate], fused: Mapping[str, float]) -> dict[str, float]:
    """Return for each memory the best score of those just before it and just after it in its session."""
    best: dict[str, float] = {}
    for each in candidates:
        for other in each.traits.before:
            if other in fused:
                best[each.id] = max(best.get(each.id, 0.0), fused[other])
                best[other] = max(best.get(other, 0.0), fused[each.id])
    return best


def _score_date(traits: Traits, spans: Sequence[Span], zone: tzinfo | None) -> float:
    happened = datetime.fromtimestamp(traits.happened_at, zone)
    return max(compute_nearness(span, happened) for span in spans)


def _compute_nudges(traits: Traits, neighbour: float, date: float, now: float) -> dict[str, float]:
    """Return the nudges of a memory by name, without those too small to change a score of three digits."""
    age = max(now - traits.happened_at, 0.0)
    nudges = {"neighbours": NUDGES["neighbours"] * neighbour} if neighbour else {}
    if traits.is_author_named:
        nudges["author"] = NUDGES["author"]
    if date:
        nudges["date"] = NUDGES["date"] * date
    if traits.is_entity_named:
        nudges["entity"] = NUDGES["entity"]
    nudges["recency"] = NUDGES["recency"] * 0.5 ** (age / _HALF_LIFE_SECONDS)
    if traits.is_in_project:
        nudges["scope"] = NUDGES["scope"]
    if traits.access_count:
        nudges["access"] = NUDGES["access"] * min(math.log2(1 + traits.access_count) / _MOST_LOG, 1.0)
    return {name: nudge for name, nudge in nudges.items() if nudge >= LEAST_NUDGE}
