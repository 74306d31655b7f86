"""The page of health: what a workspace holds and how it is searched; for administrators what the server finds."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import open_visit

PATH = "/health-check"


async def serve_health_page(request: Request) -> Response:
    """GET the health of the query's `workspace`, and the findings of the server if an administrator asks."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    health = await visit.execute("health", request.query_params.get("workspace", ""))
    findings: Any = None
    if visit.user.is_admin:
        findings = (await visit.execute("list_findings")).findings
    return visit.render(
        "health.html",
        health=health,
        quotas=[(name, getattr(health.quota, name)) for name in ("memories", "items", "workspaces")],
        findings=findings,
        workspace=health.meta.workspace,
        workspaces=await visit.list_workspaces(),
    )
