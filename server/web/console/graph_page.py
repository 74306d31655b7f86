"""The page of the graph: memories and entities, and what joins them, as a table that the script draws."""

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.assets import D3, GRAPH_SCRIPT
from server.web.console.door import open_visit

PATH = "/graph"


async def serve_graph_page(request: Request) -> Response:
    """GET the graph of the query's `workspace` and `project`, with at most `limit` nodes."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    query = request.query_params
    chosen = {name: query.get(name, "") for name in ("workspace", "project", "limit")}
    found = await visit.execute(
        "workspace_graph", chosen["workspace"], project=chosen["project"], limit=chosen["limit"]
    )
    return visit.render(
        "graph.html",
        found=found,
        nodes={each.id: each for each in found.nodes},
        chosen=chosen,
        workspace=found.meta.workspace,
        workspaces=await visit.list_workspaces(),
        projects=[each.project for each in (await visit.execute("count_by_project", chosen["workspace"])).projects],
        scripts=[D3, GRAPH_SCRIPT],
    )
