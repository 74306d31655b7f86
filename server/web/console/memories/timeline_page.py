"""The page of the timeline: what happened, or what was stored, by day or by month."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import make_address, open_visit

PATH = "/timeline"
_CHOICES = ("workspace", "unit", "axis", "project", "until")


async def serve_timeline_page(request: Request) -> Response:
    """GET a page of the timeline of the query's `workspace`."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    query = request.query_params
    chosen = {name: query.get(name, "") for name in _CHOICES}
    asked: dict[str, Any] = {name: chosen[name] for name in _CHOICES[1:]}
    found = await visit.execute("read_timeline", chosen["workspace"], cursor=query.get("cursor"), **asked)
    days = {name: chosen[name] for name in ("workspace", "axis", "project")}
    has_months = chosen["unit"] == "month"
    return visit.render(
        "timeline.html",
        # A month leads to its days.
        periods=[
            (each, make_address(PATH, **days, until=each.end.isoformat()) if has_months else None)
            for each in found.periods
        ],
        next_page=None if found.next_cursor is None else make_address(PATH, **chosen, cursor=found.next_cursor),
        chosen=chosen,
        workspace=found.meta.workspace,
        workspaces=await visit.list_workspaces(),
        projects=[each.project for each in (await visit.execute("count_by_project", chosen["workspace"])).projects],
    )
