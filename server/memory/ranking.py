"""Hybrid ranking: two arms, one order.

final = alpha * keyword + (1 - alpha) * vector, each arm as a share of its best (Memento Protocol 3.3 and 10.5), and on
top of it small nudges, each with a bound of its own. What was measured for every constant here is in docs/recall.md.
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
    "neighbours": 0.3,  # what was said just before or after it fits, too
    "author": 0.15,  # the query names who said it
    "date": 0.15,  # the query names when it was
    "entity": 0.1,  # the query names whom or what it is about, and few memories are about that
    "recency": 0.05,  # it is new
    "scope": 0.05,  # it belongs to the very project, not to all
    "access": 0.03,  # it was of use before
}
LEAST = 0.0005
OPINION = 0.3
"""How much a cross-encoder's opinion weighs beside the ranking's own."""
RECENCY_HALF_LIFE = timedelta(days=30)
ACCESSES = 64
"""From so many recalls on, a memory is as useful as can be."""
_HALF_LIFE_SECONDS = RECENCY_HALF_LIFE.total_seconds()
_MOST_LOG = math.log2(1 + ACCESSES)
_PLACE = attrgetter("score", "vector_score", "id")


# Tuples, as a hundred of each are made for a recall, at a fifth of what frozen dataclasses cost.


class Traits(NamedTuple):
    """What ranking knows of a memory beside its scores. Times are seconds since 1970."""

    happened_at: float
    access_count: int
    #: The ids of those just before it in its session.
    before: tuple[str, ...] = ()
    is_author_named: bool = False
    is_entity_named: bool = False
    is_in_project: bool = False


class Candidate(NamedTuple):
    """A memory that an arm found: BM25 and cosine as they are, None from an arm to which it is not near enough."""

    id: str
    keyword: float | None
    vector: float | None
    #: How sure it is that it has to do with the query, by itself, in [0, 1]: see `server.memory.gate`.
    evidence: float
    traits: Traits
    #: The cosine that is taken for its own where the vector arm did not name it.
    unseen: float = 0.0


class RankedCandidate(NamedTuple):
    """A candidate and why it stands where it stands.

    `fused` is the visible formula of the two arms' scores, all in [0, 1]; `score` is that and the nudges.
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
    """The candidates in order, best first; ties go to the vector, then to the newer id.

    Where nothing has a vector score, keywords rank alone.
    """
    most, nearest = _best(each.keyword for each in candidates), _best(each.vector for each in candidates)
    weight = 1.0 if all(each.vector is None for each in candidates) else alpha
    shares: list[tuple[float, float]] = []
    fused: dict[str, float] = {}
    for each in candidates:
        keyword = max(each.keyword or 0.0, 0.0) / most
        vector = min(max(each.unseen if each.vector is None else each.vector, 0.0) / nearest, 1.0)
        shares.append((keyword, vector))
        fused[each.id] = weight * keyword + (1 - weight) * vector
    near = _neighbours(candidates, fused)
    seconds = now.timestamp()
    ranked: list[RankedCandidate] = []
    for each, (keyword, vector) in zip(candidates, shares, strict=True):
        date = _date(each.traits, spans, now.tzinfo) if spans else 0.0
        nudges = _nudges(each.traits, near.get(each.id, 0.0), date, seconds)
        score = fused[each.id] + sum(nudges.values())
        ranked.append(RankedCandidate(each.id, score, fused[each.id], keyword, vector, nudges, each))
    return sorted(ranked, key=_PLACE, reverse=True)


def blend(scores: Sequence[float], opinions: Sequence[float]) -> list[tuple[int, float]]:
    """Scores, best first, with a second opinion on each (larger is better, on any scale): (place before, new score).

    The opinions are scaled to the scores' own range, and `OPINION` is their weight: they reorder, and never replace.
    """
    low, high = min(opinions), max(opinions)
    worst, best = min(scores), max(scores)
    spread = (best - worst) / (high - low) if high > low else 0.0
    new = [
        (1 - OPINION) * score + OPINION * (worst + (opinion - low) * spread)
        for score, opinion in zip(scores, opinions, strict=True)
    ]
    return sorted(enumerate(new), key=lambda each: -each[1])


def _best(scores: Iterable[float | None]) -> float:
    """What scores are shares of: the best of them; where none is above 0, infinity, so that each is none of it."""
    return max((score for score in scores if score is not None and score > 0), default=math.inf)


def _neighbours(candidates: Iterable[Candidate], fused: Mapping[str, float]) -> dict[str, float]:
    """For each memory, the best score among those just before it and just after it in its session."""
    best: dict[str, float] = {}
    for each in candidates:
        for other in each.traits.before:
            if other in fused:
                best[each.id] = max(best.get(each.id, 0.0), fused[other])
                best[other] = max(best.get(other, 0.0), fused[each.id])
    return best


def _date(traits: Traits, spans: Sequence[Span], zone: tzinfo | None) -> float:
    happened = datetime.fromtimestamp(traits.happened_at, zone)
    return max(compute_nearness(span, happened) for span in spans)


def _nudges(traits: Traits, neighbour: float, date: float, now: float) -> dict[str, float]:
    """What is added to a memory's score, by name; what would not show in three digits is not."""
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
    return {name: nudge for name, nudge in nudges.items() if nudge >= LEAST}
