"""The page of usage: what an account used in each month, and what its plan allows; for administrators all accounts."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import Visit, make_address, open_visit

PATH = "/usage"
KINDS = ("request", "event", "observation", "tokens")
MONTHS = 12
#: The size of a plot, in its own units: the page scales it.
WIDTH, HEIGHT, FOOT = 240, 96, 14
_GAP = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot: its month and its number, its place and its size."""

    month: str
    count: int
    x: float
    y: float
    width: float
    height: float


async def serve_usage_page(request: Request) -> Response:
    """GET the usage of the query's `account`, or of the person's own; with `month`, the table of administrators."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    query = request.query_params
    accounts = await list_accounts(visit)
    used = await visit.execute("read_usage", account=query.get("account"), months=MONTHS)
    others: Any = None
    if visit.user.is_admin:
        others = await visit.execute("list_usage", month=query.get("month"))
    return visit.render(
        "usage.html",
        accounts=accounts,
        account=query.get("account") or next((each.id for each in accounts if each.is_personal), ""),
        used=used,
        plots=[(kind, *draw_bars(used.months, kind, used.since.strftime("%Y-%m"))) for kind in KINDS],
        quotas=[("requests", used.requests), ("tokens", used.tokens)],
        kinds=KINDS,
        size=(WIDTH, HEIGHT, FOOT),
        others=others,
        newer=None if others is None else _lead_to(others.month, 1, used.since.strftime("%Y-%m")),
        older=None if others is None else _lead_to(others.month, -1, used.since.strftime("%Y-%m")),
    )


async def list_accounts(visit: Visit) -> list[Any]:
    """Return the accounts that the person is in."""
    return (await visit.execute("list_accounts")).accounts


def draw_bars(months: list[Any], kind: str, newest: str) -> tuple[list[Bar], int]:
    """Return the bars of one kind for the last months up to `newest`, the oldest first, and the largest number."""
    counts = {each.month: each.usage.get(kind, 0) for each in months}
    shown = [add_months(newest, -back) for back in range(MONTHS - 1, -1, -1)]
    most = max((counts.get(each, 0) for each in shown), default=0)
    step = WIDTH / MONTHS
    bars: list[Bar] = []
    for place, month in enumerate(shown):
        count = counts.get(month, 0)
        # What is there at all shows, however small it is beside the largest.
        height = max(2.0, (HEIGHT - FOOT) * count / most) if count else 0.0
        bars.append(Bar(month, count, place * step, HEIGHT - FOOT - height, step - _GAP, height))
    return bars, most


def add_months(month: str, by: int) -> str:
    """Return the month that is so many months later."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year:04}-{number + 1:02}"


def _lead_to(month: str, by: int, newest: str) -> str | None:
    """Return the address of the table of another month; None for one that has not begun."""
    other = add_months(month, by)
    return make_address(PATH, month=other) if "0001-01" <= other <= newest else None
