"""The tables of the figures of `recall.py`: a digest, the full tables, and a comparison with an earlier run.

Not a benchmark by itself.
"""

import sys
from collections.abc import Callable, Iterator, Sequence

from helpers.common import Figure, find_percentile
from helpers.locomo import CATEGORIES
from helpers.recall_metrics import (
    LEVELS,
    METRICS,
    PRODUCT,
    Row,
    compute_interval,
    compute_percent,
    count_injected,
    count_unanswered,
    pair_rows,
)
from rich.console import Console
from rich.table import Table

GROUPS = {**{name: (number,) for number, name in CATEGORIES.items()}, "1-4": (1, 2, 3, 4), "1-5": (1, 2, 3, 4, 5)}
TARGET_RECALL = 78.0
TARGET_MRR = 57.0
TARGET_INJECTION = 20.0

#: A figure by which two runs are compared: its name, whose questions, and its worth for one (None: it has none).
COMPARED: tuple[tuple[str, str, Callable[[Row], float | None]], ...] = (
    ("R@10", "1-5", lambda row: row.compute_metric("R@10")),
    ("R@10", "1-4", lambda row: row.compute_metric("R@10")),
    ("MRR", "1-5", lambda row: row.compute_metric("MRR")),
    ("MRR", "1-4", lambda row: row.compute_metric("MRR")),
    ("no memory for what is known", "1-5", count_unanswered),
    ("false injection", "1-5", lambda row: next(iter(count_injected([row])), None)),
)


def group_rows(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows of each category, of 1-4 and of 1-5. Groups without questions are left out."""
    for name, categories in GROUPS.items():
        if some := [row for row in rows if row.category in categories]:
            yield name, some


def make_figures(rows: Sequence[Row]) -> list[Figure]:
    """Return the digest: R@10 and MRR of each group, and what is printed once."""
    shown: list[Figure] = []
    for name, some in group_rows(rows):
        shown.append(_compare_with_arms("R@10", name, some, TARGET_RECALL if name == "1-5" else None))
        shown.append(_compare_with_arms("MRR", name, some, TARGET_MRR if name == "1-4" else None))
    shown.append(_compare_with_arms("Hit@10", "1-5", rows, None, level="session"))
    return shown + make_answer_figures(rows)


def make_answer_figures(rows: Sequence[Row]) -> list[Figure]:
    """Return the rates of false answers and of missing answers, and the time of an answer."""
    elsewhere = count_injected(rows)
    rate, silent = compute_percent(elsewhere), compute_percent(map(count_unanswered, rows))
    times = [row.milliseconds for row in rows]
    took = " / ".join(f"{find_percentile(times, share):.1f}" for share in (0.5, 0.95, 0.99))
    return [
        Figure(
            "false injection",
            _format_value(rate, " %"),
            f"{len(elsewhere)} questions asked elsewhere",
            f"no memory for what is known: {_format_value(silent, ' %')} of {len(rows)}",
            f"≤ {TARGET_INJECTION:.0f} %",
            None if rate is None else rate <= TARGET_INJECTION,
        ),
        Figure("an answer over MCP, p50 / p95 / p99", f"{took} ms", f"{len(rows)} questions"),
    ]


def _compare_with_arms(
    metric: str, group: str, rows: Sequence[Row], target: float | None, level: str = "turn"
) -> Figure:
    worth = {
        arm: compute_percent(row.compute_metric(metric, arm, level) for row in rows) or 0.0 for arm in rows[0].ranks
    }
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
    """Print every metric of every arm at both levels, the answers by category, and each conversation by itself."""
    screen = make_console()
    for level in LEVELS:
        screen.print(_tabulate_metrics(rows, level))
    screen.print(_tabulate_answers(rows))
    screen.print(_tabulate_conversations(rows))


def _tabulate_metrics(rows: Sequence[Row], level: str) -> Table:
    table = Table("questions", "n", "arm", title=f"{level} level, in %", title_justify="left")
    for metric in METRICS:
        table.add_column(metric, justify="right")
    for name, some in group_rows(rows):
        for arm in rows[0].ranks:
            worth = [
                _format_value(compute_percent(row.compute_metric(metric, arm, level) for row in some))
                for metric in METRICS
            ]
            first = (name, str(len(some))) if arm == PRODUCT else ("", "")
            table.add_row(*first, arm, *worth, end_section=arm == list(rows[0].ranks)[-1])
    return table


def _tabulate_answers(rows: Sequence[Row]) -> Table:
    columns = ("questions", "n", "no memory for what is known", "asked elsewhere", "false injection")
    table = Table(*columns, title="answers and silence, in %", title_justify="left")
    for name, some in group_rows(rows):
        elsewhere = count_injected(some)
        silent, rate = (
            _format_value(compute_percent(map(count_unanswered, some))),
            _format_value(compute_percent(elsewhere)),
        )
        table.add_row(name, str(len(some)), silent, str(len(elsewhere)), rate)
    return table


def _tabulate_conversations(rows: Sequence[Row]) -> Table:
    columns = ("conversation", "n", "R@10, 1-5", "MRR, 1-4", "no memory for what is known", "false injection")
    table = Table(*columns, title="each conversation by itself, turn level, in %", title_justify="left")
    for name in dict.fromkeys(row.conversation for row in rows):
        some = [row for row in rows if row.conversation == name]
        table.add_row(
            name,
            str(len(some)),
            _format_value(compute_percent(row.compute_metric("R@10") for row in some if row.category in GROUPS["1-5"])),
            _format_value(compute_percent(row.compute_metric("MRR") for row in some if row.category in GROUPS["1-4"])),
            _format_value(compute_percent(map(count_unanswered, some))),
            _format_value(compute_percent(count_injected(some))),
        )
    return table


def print_comparison(rows: Sequence[Row], before: Sequence[Row], name: str) -> None:
    """Return the change since an earlier run, over the questions that both have, with its 95 % interval."""
    both = pair_rows(rows, before)
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
        low, high = compute_interval(differences)
        now, then = (compute_percent(column) for column in zip(*values, strict=True))
        change = sum(differences) / len(differences)
        span = f"{low:+.1f} to {high:+.1f}" + ("" if low <= 0 <= high else " *")
        table.add_row(metric, group, str(len(values)), _format_value(then), _format_value(now), f"{change:+.1f}", span)
    table.caption = "* the interval does not hold 0"
    make_console().print(table)


def make_console() -> Console:
    """Return the console of stdout, which is wide if stdout is a file."""
    return Console(width=None if sys.stdout.isatty() else 200)


def _format_value(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.1f}{unit}"
