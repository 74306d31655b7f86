"""The worth of a ranking: arithmetic on the ranks at which a question's evidence was found.

Not a benchmark by itself. Ranks count from 1; None is an evidence that was not found at all. Every metric is in
[0, 1] for one question, and averaged over questions: each question weighs the same, however much evidence it has.
"""

import json
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PRODUCT = "product"
LEVELS = ("turn", "session")
RESAMPLES = 2_000
SEED = 20

Ranks = Sequence[int | None]


def find_ranks(found: Sequence[Hashable], wanted: Iterable[Hashable]) -> list[int | None]:
    """Return the rank of each wanted thing: its first place in the found things, or None if it is not there."""
    first: dict[Hashable, int] = {}
    for rank, each in enumerate(found, 1):
        first.setdefault(each, rank)
    return [first.get(each) for each in wanted]


def compute_recall(k: int, ranks: Ranks) -> float:
    """Return the fraction of the evidence that is among the first k."""
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def compute_hit(k: int, ranks: Ranks) -> float:
    """Return 1 if any of the evidence is among the first k, else 0."""
    return float(any(rank is not None and rank <= k for rank in ranks))


def compute_reciprocal_rank(ranks: Ranks) -> float:
    """Return 1 / the rank of the first evidence; 0 if none was found."""
    return max((1 / rank for rank in ranks if rank is not None), default=0.0)


def compute_ndcg(k: int, ranks: Ranks) -> float:
    """Return the normalized discounted cumulative gain, each evidence with a gain of 1 (Järvelin and Kekäläinen, 2002).

    The ideal has all of the evidence at the top, also what was not found.
    """
    gained = sum(1 / math.log2(1 + rank) for rank in ranks if rank is not None and rank <= k)
    return gained / sum(1 / math.log2(1 + rank) for rank in range(1, min(k, len(ranks)) + 1))


METRICS: dict[str, Callable[[Ranks], float]] = {
    **{f"R@{k}": partial(compute_recall, k) for k in (5, 10, 20, 30)},
    **{f"Hit@{k}": partial(compute_hit, k) for k in (5, 10, 20, 30)},
    "MRR": compute_reciprocal_rank,
    "NDCG@10": partial(compute_ndcg, 10),
}


@dataclass(frozen=True)
class Row:
    """The outcome of one question, without any text of it.

    `ranks` are the evidence's, by arm (the product is one) and then by level; `returned` is how many memories the
    product answered with, and `elsewhere` how many in a workspace that knows nothing of it (None: not asked there).
    """

    conversation: str
    question: int
    category: int
    ranks: dict[str, dict[str, list[int | None]]]
    milliseconds: float
    returned: int
    elsewhere: int | None

    def compute_metric(self, metric: str, arm: str = PRODUCT, level: str = "turn") -> float:
        """Return one of METRICS for this question."""
        return METRICS[metric](self.ranks[arm][level])


def compute_percent(values: Iterable[float]) -> float | None:
    """Return the mean in percent; None if there are no values."""
    counted = list(values)
    return sum(counted) / len(counted) * 100 if counted else None


def count_unanswered(row: Row) -> float:
    """Return 1 if a question that can be answered got no memory, else 0."""
    return float(not row.returned)


def count_injected(rows: Iterable[Row]) -> list[float]:
    """Return, for each question that was also asked elsewhere, 1 if it got memories there, which cannot be relevant."""
    return [float(row.elsewhere > 0) for row in rows if row.elsewhere is not None]


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Keep the rows for a later comparison."""
    path.write_text(json.dumps({"questions": [asdict(row) for row in rows]}) + "\n")


def read_rows(path: Path) -> list[Row]:
    """Return the outcomes that `write` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: `write` did not write it.
    """
    try:
        return [Row(**each) for each in json.loads(path.read_text())["questions"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} was not written by --json: {error!r}") from error


def pair_rows(rows: Iterable[Row], before: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Return the row of now and the row of before, for each question that both have.

    Raises:
        ValueError: they have none in common, or are of different files.
    """
    known = {(row.conversation, row.question): row for row in before}
    both = [(row, known[key]) for row in rows if (key := (row.conversation, row.question)) in known]
    if not both:
        raise ValueError("the two runs have no question in common")
    if any(now.category != then.category for now, then in both):
        raise ValueError("the two runs are not of the same conversations: a question's category differs")
    return both


def compute_interval(differences: Sequence[float]) -> tuple[float, float]:
    """Return the range of the mean difference in 95 % of the resamples: the paired bootstrap's percentile interval.

    Questions are drawn with replacement, and a question's difference is drawn whole (Efron and Tibshirani, 1993,
    chapter 13). Seeded, so the same differences give the same interval.
    """
    values: NDArray[np.float64] = np.asarray(differences, dtype=np.float64)
    chance = np.random.default_rng(SEED)
    means = [values[chance.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
