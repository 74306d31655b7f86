"""How a memory's stored relevance fades, and what use adds to it.

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
#: Of more halvings nothing is left that a float could hold, and Postgres calls that an error.
MOST_HALVINGS = 1000.0
#: Hours since the last recall of a memory that never was recalled.
NEVER = ACCESS_HALF_LIFE_HOURS * MOST_HALVINGS

_DAY_HOURS = 24


class Arithmetic(Protocol):
    """What the formula needs beside + and *: of floats, or of whatever stands for them."""

    def power(self, base: Any, exponent: Any) -> Any:
        """The base to the exponent."""
        ...

    def log(self, value: Any) -> Any:
        """The natural logarithm."""
        ...

    def least(self, one: Any, other: Any) -> Any:
        """The smaller one."""
        ...

    def greatest(self, one: Any, other: Any) -> Any:
        """The larger one."""
        ...


class Floats:
    """The arithmetic of plain numbers."""

    def power(self, base: float, exponent: float) -> float:
        """The base to the exponent."""
        return base**exponent

    def log(self, value: float) -> float:
        """The natural logarithm."""
        return math.log(value)

    def least(self, one: float, other: float) -> float:
        """The smaller one."""
        return min(one, other)

    def greatest(self, one: float, other: float) -> float:
        """The larger one."""
        return max(one, other)


FLOATS = Floats()


@dataclass(frozen=True, slots=True)
class HalfLives:
    """In how many hours recency halves: for memories of a type, and for all others."""

    hours: float = WEEK_HOURS
    by_type: Mapping[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def in_days(cls, days: float, by_type: Mapping[str, float]) -> Self:
        """From days, as a workspace's settings have them."""
        return cls(days * _DAY_HOURS, {kind: each * _DAY_HOURS for kind, each in by_type.items()})

    def get_hours(self, kind: str) -> float:
        """The half-life of memories of this type, in hours."""
        return self.by_type.get(kind, self.hours)


def compute_relevance(
    age: Any, accesses: Any, since_access: Any = NEVER, half_life: Any = WEEK_HOURS, *, by: Arithmetic = FLOATS
) -> Any:
    """0.5^(age / half-life) · min(2, 1 + 0.3·log2(1 + accesses)) · (1 + 0.5·0.5^(since access / 48)).

    From 0 to 3; 1 for a memory that was stored now and never recalled. Memento's contract, section 2.

    Args:
        age: hours since the memory was stored; one from the future counts as stored now.
        accesses: how often it was recalled.
        since_access: hours since the last recall; `NEVER` where there was none, and one from the future is now.
        half_life: in how many hours recency halves.
        by: what calculates.
    """
    recency = _fading(age, half_life, by)
    boost = by.least(LARGEST_BOOST, 1 + ACCESS_WEIGHT / math.log(2) * by.log(1 + accesses))
    return recency * boost * (1 + LAST_ACCESS_WEIGHT * _fading(since_access, ACCESS_HALF_LIFE_HOURS, by))


def _fading(hours: Any, half_life: Any, by: Arithmetic) -> Any:
    halvings = by.least(MOST_HALVINGS, by.greatest(0.0, hours) / half_life)
    return by.power(0.5, halvings)
