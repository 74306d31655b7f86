"""The tables of the figures of `recall.py`: a digest, the full tables, and a comparison with an earlier run.

Not a benchmark by itself.
"""

import sys
from collections.abc import Callable, Iterator, Sequence

from helpers.common import Figure, percentile
from helpers.locomo import CATEGORIES
from helpers.recall_metrics import LEVELS, METRICS, PRODUCT, Row, injected, interval, pairs, percent, unanswered
from rich.console import Console
from rich.table import Table

GROUPS = {**{name: (number,) for number, name in CATEGORIES.items()}, "1-4": (1, 2, 3, 4), "1-5": (1, 2, 3, 4, 5)}
TARGET_RECALL = 78.0
TARGET_MRR = 57.0
TARGET_INJECTION = 20.0

#: What two runs are compared by: its name, whose questions, and its worth for one (None: it has none).
COMPARED: tuple[tuple[str, str, Callable[[Row], float | None]], ...] = (
    ("R@10", "1-5", lambda row: row.worth("R@10")),
    ("R@10", "1-4", lambda row: row.worth("R@10")),
    ("MRR", "1-5", lambda row: row.worth("MRR")),
    ("MRR", "1-4", lambda row: row.worth("MRR")),
    ("no memory for what is known", "1-5", unanswered),
    ("false injection", "1-5", lambda row: next(iter(injected([row])), None)),
)


def by_group(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each category, of 1-4 and of 1-5; groups without questions are left out."""
    for name, categories in GROUPS.items():
        if some := [row for row in rows if row.category in categories]:
            yield name, some


def figures(rows: Sequence[Row]) -> list[Figure]:
    """The digest: R@10 and MRR of each group, and what is printed once."""
    shown: list[Figure] = []
    for name, some in by_group(rows):
        shown.append(_beside_arms("R@10", name, some, TARGET_RECALL if name == "1-5" else None))
        shown.append(_beside_arms("MRR", name, some, TARGET_MRR if name == "1-4" else None))
    shown.append(_beside_arms("Hit@10", "1-5", rows, None, level="session"))
    return shown + answers(rows)


def answers(rows: Sequence[Row]) -> list[Figure]:
    """The rates of false answers and of missing answers, and the time of an answer."""
    elsewhere = injected(rows)
    rate, silent = percent(elsewhere), percent(map(unanswered, rows))
    times = [row.milliseconds for row in rows]
    took = " / ".join(f"{percentile(times, share):.1f}" for share in (0.5, 0.95, 0.99))
    return [
        Figure(
            "false injection",
            _shown(rate, " %"),
            f"{len(elsewhere)} questions asked elsewhere",
            f"no memory for what is known: {_shown(silent, ' %')} of {len(rows)}",
            f"≤ {TARGET_INJECTION:.0f} %",
            None if rate is None else rate <= TARGET_INJECTION,
        ),
        Figure("an answer over MCP, p50 / p95 / p99", f"{took} ms", f"{len(rows)} questions"),
    ]


def _beside_arms(metric: str, group: str, rows: Sequence[Row], target: float | None, level: str = "turn") -> Figure:
    worth = {arm: percent(row.worth(metric, arm, level) for row in rows) or 0.0 for arm in rows[0].ranks}
    mine = worth.pop(PRODUCT)
    return Figure(
        f"{metric}, {group}" + ("" if level == "turn" else f", {level} level"),
        f"{mine:.1f} %",
        f"{len(rows)} questions",
        ", ".join(f"{arm} {each:.1f}" for arm, each in worth.items()),
        "" if target is None else f"≥ {target:.0f}",
        None if target is None else mine >= target,
    )


def print_tables(rows: Sequence[Row]) -> None:
    """Every metric of every arm at both levels, the answers by category, and each conversation by itself."""
    screen = console()
    for level in LEVELS:
        screen.print(_metrics(rows, level))
    screen.print(_answers(rows))
    screen.print(_conversations(rows))


def _metrics(rows: Sequence[Row], level: str) -> Table:
    table = Table("questions", "n", "arm", title=f"{level} level, in %", title_justify="left")
    for metric in METRICS:
        table.add_column(metric, justify="right")
    for name, some in by_group(rows):
        for arm in rows[0].ranks:
            worth = [_shown(percent(row.worth(metric, arm, level) for row in some)) for metric in METRICS]
            first = (name, str(len(some))) if arm == PRODUCT else ("", "")
            table.add_row(*first, arm, *worth, end_section=arm == list(rows[0].ranks)[-1])
    return table


def _answers(rows: Sequence[Row]) -> Table:
    columns = ("questions", "n", "no memory for what is known", "asked elsewhere", "false injection")
    table = Table(*columns, title="answers and silence, in %", title_justify="left")
    for name, some in by_group(rows):
        elsewhere = injected(some)
        silent, rate = _shown(percent(map(unanswered, some))), _shown(percent(elsewhere))
        table.add_row(name, str(len(some)), silent, str(len(elsewhere)), rate)
    return table


def _conversations(rows: Sequence[Row]) -> Table:
    columns = ("conversation", "n", "R@10, 1-5", "MRR, 1-4", "no memory for what is known", "false injection")
    table = Table(*columns, title="each conversation by itself, turn level, in %", title_justify="left")
    for name in dict.fromkeys(row.conversation for row in rows):
        some = [row for row in rows if row.conversation == name]
        table.add_row(
            name,
            str(len(some)),
            _shown(percent(row.worth("R@10") for row in some if row.category in GROUPS["1-5"])),
            _shown(percent(row.worth("MRR") for row in some if row.category in GROUPS["1-4"])),
            _shown(percent(map(unanswered, some))),
            _shown(percent(injected(some))),
        )
    return table


def print_comparison(rows: Sequence[Row], before: Sequence[Row], name: str) -> None:
    """Return the change since an earlier run, over the questions that both have, with its 95 % interval."""
    both = pairs(rows, before)
    columns = ("turn level, in %", "questions", "n", "before", "now", "difference", "95 % interval")
    table = Table(*columns, title=f"against {name}, paired by question", title_justify="left")
    for metric, group, worth in COMPARED:
        values = [
            (now, then)
            for row, old in both
            if row.category in GROUPS[group] and (now := worth(row)) is not None and (then := worth(old)) is not None
        ]
        if not values:
            continue
        differences = [(now - then) * 100 for now, then in values]
        low, high = interval(differences)
        now, then = (percent(column) for column in zip(*values, strict=True))
        change = sum(differences) / len(differences)
        span = f"{low:+.1f} to {high:+.1f}" + ("" if low <= 0 <= high else " *")
        table.add_row(metric, group, str(len(values)), _shown(then), _shown(now), f"{change:+.1f}", span)
    table.caption = "* the interval does not hold 0"
    console().print(table)


def console() -> Console:
    """Stdout; wide where it is a file."""
    return Console(width=None if sys.stdout.isatty() else 200)


def _shown(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.1f}{unit}"
