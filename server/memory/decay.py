"""The stored relevance of a memory: it fades with time and grows with use.

It is the product of three parts: recency halves with every half-life since the memory was stored, the boost grows
with the number of recalls, and the last recall counts for some days. It orders lists and chooses for the identity
crystal; recall does not rank by it (docs/decisions/0002).

The formula stands here once, over an `Arithmetic`: plain numbers give one memory's relevance, and SQL's expressions
give that of a hundred thousand rows in one statement.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

WEEK_HOURS = 168.0
ACCESS_HALF_LIFE_HOURS = 48.0
ACCESS_WEIGHT = 0.3
LARGEST_BOOST = 2.0
LAST_ACCESS_WEIGHT = 0.5
#: After more halvings the value is too small for a float, and Postgres calls that an error.
MOST_HALVINGS = 1000.0
#: Hours since the last recall of a memory that never was recalled.
NEVER = ACCESS_HALF_LIFE_HOURS * MOST_HALVINGS

_DAY_HOURS = 24


class Arithmetic(Protocol):
    """The functions that the formula needs beside + and *, for floats or for expressions that stand for them.

    The values have no common type: SQLAlchemy's expressions only act like floats.
    """

    def power(self, base: Any, exponent: Any) -> Any:
        """Return the base to the power of the exponent."""
        ...

    def log(self, value: Any) -> Any:
        """Return the natural logarithm."""
        ...

    def least(self, one: Any, other: Any) -> Any:
        """Return the smaller value."""
        ...

    def greatest(self, one: Any, other: Any) -> Any:
        """Return the larger value."""
        ...


class Floats:
    """The arithmetic of plain numbers."""

    def power(self, base: float, exponent: float) -> float:
        """Return the base to the power of the exponent."""
        return base**exponent

    def log(self, value: float) -> float:
        """Return the natural logarithm."""
        return math.log(value)

    def least(self, one: float, other: float) -> float:
        """Return the smaller value."""
        return min(one, other)

    def greatest(self, one: float, other: float) -> float:
        """Return the larger value."""
        return max(one, other)


FLOATS = Floats()


@dataclass(frozen=True, slots=True)
class HalfLives:
    """The number of hours in which recency halves: for memories of certain types, and for all others."""

    hours: float = WEEK_HOURS
    by_type: Mapping[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def in_days(cls, days: float, by_type: Mapping[str, float]) -> Self:
        """Make half-lives from days, the unit of a workspace's settings."""
        return cls(days * _DAY_HOURS, {kind: each * _DAY_HOURS for kind, each in by_type.items()})

    def get_hours(self, kind: str) -> float:
        """Return the half-life of memories of this type, in hours."""
        return self.by_type.get(kind, self.hours)


def compute_relevance(
    age: Any, accesses: Any, since_access: Any = NEVER, half_life: Any = WEEK_HOURS, *, by: Arithmetic = FLOATS
) -> Any:
    """0.5^(age / half-life) · min(2, 1 + 0.3·log2(1 + accesses)) · (1 + 0.5·0.5^(since access / 48)).

    From 0 to 3; 1 for a memory that was stored now and never recalled. Memento's contract, section 2.

    Args:
        age: hours since the memory was stored; a time in the future counts as now.
        accesses: the number of times it was recalled.
        since_access: hours since the last recall; `NEVER` if there was none. A time in the future counts as now.
        half_life: the number of hours in which recency halves.
        by: the arithmetic to calculate with.
    """
    recency = _compute_fading(age, half_life, by)
    boost = by.least(LARGEST_BOOST, 1 + ACCESS_WEIGHT / math.log(2) * by.log(1 + accesses))
    return recency * boost * (1 + LAST_ACCESS_WEIGHT * _compute_fading(since_access, ACCESS_HALF_LIFE_HOURS, by))


def _compute_fading(hours: Any, half_life: Any, by: Arithmetic) -> Any:
    halvings = by.least(MOST_HALVINGS, by.greatest(0.0, hours) / half_life)
    return by.power(0.5, halvings)
