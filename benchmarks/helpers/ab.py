"""Two ways to do the same thing, in alternating turns, by the processor time of this process.

Not a benchmark by itself: `fast_path.py` measures with it. Processor time, and not the clock on the wall, because other
work on the machine would count otherwise. A way is a function that does the work once. A turn is a number of calls of
one way; the figure of a way is the lower quartile of its turns, as other work on the machine makes some turns slower.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from helpers.common import Figure, find_percentile

# The times that a trick makes shorter, in µs, on the machine of docs/benchmarks.md.
RECALL = 7_500
"""A recall over HTTP, p50, at 1,000 memories."""
FETCH = 679
"""The processor time of a `fetch` through `/mcp`: a request that does little."""
INGEST = 328
"""A memory of an ingest by keyword only."""
EMBEDDED_INGEST = 5_990
"""A memory of an ingest with embeddings."""
START = 1_250_000
"""From starting the process to the first answered request."""
SHARE = 0.05
"""A trick without a stated gain shows so much of what it makes faster."""
TURNS = 15
TOLERANCE = 0.75
"""So much of a stated gain must show again, as the speed of shared machines varies: of 5 times, 4 times."""

Way = Callable[[], object]
AsyncWay = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Trick:
    """A trick and its cost in µs, beside the cost of the plain way to do the same.

    `times` and `saves` are its stated gain: the plain way costs so many times as much, or so many µs more. Without
    one, the trick must save 5 % of what it makes faster, `whole`.
    """

    name: str
    unit: str
    quick: float
    plain: float
    turns: int
    whole: float = RECALL
    times: float | None = None
    saves: float | None = None

    @property
    def figure(self) -> Figure:
        """The trick as a line of the table."""
        saved, ratio = self.plain - self.quick, self.plain / max(self.quick, 0.001)
        if self.times is not None:
            target, is_met = f"stated: {self.times:g} x", ratio - 1 >= (self.times - 1) * TOLERANCE
        elif self.saves is not None:
            target, is_met = f"stated: saves {_format_time(self.saves)}", saved >= self.saves * TOLERANCE
        else:
            target, is_met = f"saves {SHARE:.0%} of {_format_time(self.whole)}", saved >= self.whole * SHARE
        times = f", {ratio:.1f} x" if self.quick else ""
        return Figure(
            f"{self.name}: {self.unit}",
            _format_time(self.quick),
            f"{self.turns} turns",
            f"plain {_format_time(self.plain)}{times}; saves {_format_time(saved)}",
            target,
            is_met,
        )


def compare_ways(
    name: str, unit: str, quick: Way, plain: Way, *, calls: int = 20, turns: int = TURNS, **stated: float
) -> Trick:
    """Time both ways in turns; return the trick, in µs a call. `stated` is the trick's `whole`, `times` or `saves`."""
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for which in _order_turn(turn):
            way = (quick, plain)[which]
            started = time.process_time_ns()
            for _ in range(calls):
                way()
            if turn:  # the first turn warms up
                spent[which].append((time.process_time_ns() - started) / calls / 1000)
    return Trick(name, unit, find_percentile(spent[0], 0.25), find_percentile(spent[1], 0.25), turns, **stated)


async def compare_async_ways(
    name: str, unit: str, quick: AsyncWay, plain: AsyncWay, *, calls: int = 20, turns: int = TURNS, **stated: float
) -> Trick:
    """Do the same for two ways that are awaited. Threads that work for them count."""
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for which in _order_turn(turn):
            way = (quick, plain)[which]
            started = time.process_time_ns()
            for _ in range(calls):
                await way()
            if turn:
                spent[which].append((time.process_time_ns() - started) / calls / 1000)
    return Trick(name, unit, find_percentile(spent[0], 0.25), find_percentile(spent[1], 0.25), turns, **stated)


def _order_turn(turn: int) -> tuple[int, int]:
    return (0, 1) if turn % 2 else (1, 0)


def _format_time(microseconds: float) -> str:
    if abs(microseconds) >= 100_000:
        return f"{microseconds / 1e6:.2f} s"
    return f"{microseconds:,.0f} µs" if abs(microseconds) >= 10 else f"{microseconds:.1f} µs"
