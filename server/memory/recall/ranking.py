"""Hybrid ranking: two arms, one order.

final = alpha * keyword + (1 - alpha) * vector, each arm as a share of its best (Memento Protocol 3.3 and 10.5); a late
interaction of tokens beside the two, if there are any; and on top of it small nudges, each with a bound of its own. The
measurements of every constant here are in docs/recall.md.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter
from typing import NamedTuple

from server.memory.dates.grammar import Span, compute_nearness

ALPHA = 0.5
LATE_WEIGHT = 0.6
"""The weight of late interaction at an alpha of at most 0.5. Above, it falls to 0 at 1, where words rank alone."""

#: How much each nudge adds at most, or takes away.
NUDGES: Mapping[str, float] = {
    "neighbours": 0.4,  # the memories just before or after it fit, too
    "author": 0.25,  # the query names who said it
    "date": 0.3,  # the query names when it was
    "question": -0.15,  # it asks more than it says
    "first_person": 0.1,  # somebody speaks of themselves
    "reply": 0.1,  # the memory just before it asks something, and fits
    "entity": 0.1,  # the query names whom or what it is about, and few memories are about that
    "recency": 0.05,  # it is new
    "scope": 0.05,  # it belongs to the very project, not to all
    "task": 0.05,  # it belongs to the very task, not to all of the project
    "access": 0.03,  # it was of use before
}
ASSISTANT_SHARE = 0.5
"""The share of its score that a memory keeps if an assistant said it, and the query does not ask for that."""
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
    is_in_task: bool = False
    #: See `server.memory.recall.prior`.
    question_share: float = 0.0
    is_first_person: bool = False
    #: Whether an assistant said it, and the query does not ask what was told.
    is_beside_the_person: bool = False
    #: The other times of what a merged memory says.
    other_times: tuple[float, ...] = ()


class Candidate(NamedTuple):
    """A memory that an arm found, with its raw BM25 score and cosine.

    The score is None if it has none of the words, and the cosine if it has no vector, or if no vectors were compared.
    """

    id: str
    keyword: float | None
    vector: float | None
    #: How sure it is that the memory alone is about the query, in [0, 1]: see `server.memory.recall.gate`.
    evidence: float
    traits: Traits
    #: How well its tokens meet those of the query: see `server.memory.recall.late_interaction`. None without tokens.
    interaction: float | None = None


class RankedCandidate(NamedTuple):
    """A candidate and the reasons for its rank.

    `fused` is the published formula over the two arms' scores, and the share of late interaction, all in [0, 1];
    `score` adds the nudges. `token_score` is None if there are no tokens.
    """

    id: str
    score: float
    fused: float
    keyword_score: float
    vector_score: float
    token_score: float | None
    nudges: Mapping[str, float]
    candidate: Candidate


def make_listed(memory_id: str, happened_at: datetime) -> Candidate:
    """Return a memory of a list as a candidate: no words were looked for."""
    return Candidate(memory_id, None, None, 0.0, Traits(happened_at.timestamp(), 0))


def rank_listed(candidate: Candidate) -> RankedCandidate:
    """Return the rank of a memory of a list: its scores are 0."""
    return RankedCandidate(candidate.id, 0.0, 0.0, 0.0, 0.0, None, {}, candidate)


def rank(
    candidates: Sequence[Candidate], *, alpha: float, now: datetime, spans: Sequence[Span] = ()
) -> list[RankedCandidate]:
    """Return the candidates, best first; of equal scores, the higher vector score is first, then the newer id.

    If no candidate has a vector score, keywords rank alone. If some have none, as they wait for their vectors, they are
    taken to be half as near as the farthest of the others: a memory that comes nearer never lifts them past itself. A
    memory without an interaction ranks by its two scores alone.
    """
    most = _find_divisor(each.keyword for each in candidates)
    cosines = [each.vector for each in candidates if each.vector is not None]
    nearest, unseen = _find_divisor(cosines), min(cosines, default=0.0) / 2
    weight = alpha if cosines else 1.0
    late_weight = min(LATE_WEIGHT, 2 * LATE_WEIGHT * (1 - weight))
    interactions = [each.interaction for each in candidates if each.interaction is not None]
    least, spread = min(interactions, default=0.0), max(interactions, default=0.0) - min(interactions, default=0.0)
    shares: list[tuple[float, float, float | None]] = []
    fused: dict[str, float] = {}
    for each in candidates:
        keyword = max(each.keyword or 0.0, 0.0) / most
        vector = min(max(unseen if each.vector is None else each.vector, 0.0) / nearest, 1.0)
        tokens = None if each.interaction is None else (each.interaction - least) / spread if spread else 1.0
        shares.append((keyword, vector, tokens))
        arms = weight * keyword + (1 - weight) * vector
        fused[each.id] = arms if tokens is None else (1 - late_weight) * arms + late_weight * tokens
    neighbour_scores, questions = _score_neighbours(candidates, fused), _score_questions(candidates, fused)
    seconds = now.timestamp()
    ranked: list[RankedCandidate] = []
    for each, (keyword, vector, tokens) in zip(candidates, shares, strict=True):
        nudges = _compute_nudges(each.traits, seconds)
        if neighbour := neighbour_scores.get(each.id):
            nudges["neighbours"] = NUDGES["neighbours"] * neighbour
        if each.traits.before and (question := questions.get(each.traits.before[0])):
            nudges["reply"] = NUDGES["reply"] * question
        if spans:
            nudges["date"] = NUDGES["date"] * _score_date(each.traits, spans, now.tzinfo)
        nudges = {name: nudge for name, nudge in nudges.items() if abs(nudge) >= LEAST_NUDGE}
        score = fused[each.id] + sum(nudges.values())
        if each.traits.is_beside_the_person and score > 0:
            nudges["assistant"] = (ASSISTANT_SHARE - 1) * score
            score *= ASSISTANT_SHARE
        ranked.append(RankedCandidate(each.id, score, fused[each.id], keyword, vector, tokens, nudges, each))
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


def _score_questions(candidates: Iterable[Candidate], fused: Mapping[str, float]) -> dict[str, float]:
    """Return the score of each memory that asks something."""
    return {each.id: fused[each.id] for each in candidates if each.traits.question_share}


def _score_date(traits: Traits, spans: Sequence[Span], zone: tzinfo | None) -> float:
    times = [datetime.fromtimestamp(each, zone) for each in (traits.happened_at, *traits.other_times)]
    return max(compute_nearness(span, happened) for span in spans for happened in times)


def _compute_nudges(traits: Traits, now: float) -> dict[str, float]:
    """Return the nudges of a memory that depend on nothing but itself, by name."""
    age = max(now - traits.happened_at, 0.0)
    nudges = {"recency": NUDGES["recency"] * 0.5 ** (age / _HALF_LIFE_SECONDS)}
    if traits.question_share:
        nudges["question"] = NUDGES["question"] * traits.question_share
    if traits.is_first_person:
        nudges["first_person"] = NUDGES["first_person"]
    if traits.is_author_named:
        nudges["author"] = NUDGES["author"]
    if traits.is_entity_named:
        nudges["entity"] = NUDGES["entity"]
    if traits.is_in_project:
        nudges["scope"] = NUDGES["scope"]
    if traits.is_in_task:
        nudges["task"] = NUDGES["task"]
    if traits.access_count:
        nudges["access"] = NUDGES["access"] * min(math.log2(1 + traits.access_count) / _MOST_LOG, 1.0)
    return nudges
