"""The page of nights: what was merged in a workspace, by night or because somebody asked, and the way back."""

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import make_address, open_visit

PATH = "/nights"


async def serve_nights_page(request: Request) -> Response:
    """GET the runs of the query's `workspace`; POST `run` to undo one."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        form = await visit.read_form()
        await visit.execute("undo_consolidation", form.get("workspace"), run=form.get("run"))
        return visit.redirect(make_address(PATH, workspace=form.get("workspace")))
    found = await visit.execute("list_consolidations", request.query_params.get("workspace", ""), limit=50)
    return visit.render(
        "nights.html", runs=found.runs, workspace=found.meta.workspace, workspaces=await visit.list_workspaces()
    )
