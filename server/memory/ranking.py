"""Hybrid ranking: two arms, one order.

final = alpha * keyword + (1 - alpha) * vector, each arm scaled to [0, 1] over the candidates
(Memento Protocol 3.3). A candidate that an arm did not find has 0 there.
"""

from dataclasses import dataclass

ALPHA = 0.5


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and why it stands where it stands; every score is in [0, 1]."""

    id: str
    score: float
    keyword_score: float
    vector_score: float


def scaled(scores: dict[str, float]) -> dict[str, float]:
    """Min-max to [0, 1]; where all are equal, all are 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high == low:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def fuse(keyword: dict[str, float], vector: dict[str, float], alpha: float = ALPHA) -> list[Ranked]:
    """Merge the arms' raw scores by id, best first; ties go to the vector, then to the newer id.

    With no vector arm the keyword arm ranks alone.
    """
    by_keyword, by_vector = scaled(keyword), scaled(vector)
    weight = alpha if vector else 1.0
    ranked = [
        Ranked(
            id=key,
            score=weight * by_keyword.get(key, 0.0) + (1 - weight) * by_vector.get(key, 0.0),
            keyword_score=by_keyword.get(key, 0.0),
            vector_score=by_vector.get(key, 0.0),
        )
        for key in by_keyword.keys() | by_vector.keys()
    ]
    return sorted(ranked, key=lambda r: (r.score, r.vector_score, r.id), reverse=True)
