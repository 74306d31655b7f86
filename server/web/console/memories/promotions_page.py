"""The page of promotions: what is proposed to a workspace, what it contradicts, and a button for each decision."""

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import make_address, open_visit

PATH = "/promotions"


async def serve_promotions_page(request: Request) -> Response:
    """GET the open proposals to the query's `workspace`; POST `decision` to decide one."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        form = await visit.read_form()
        workspace = form.get("workspace")
        await visit.execute("decide_proposal", workspace, id=form.get("id"), decision=form.get("decision"))
        return visit.redirect(make_address(PATH, workspace=workspace))
    workspace = request.query_params.get("workspace", "")
    found = await visit.execute("list_proposals", workspace, limit=50)
    return visit.render(
        "promotions.html",
        proposals=found.proposals,
        workspace=workspace or found.meta.workspace,
        workspaces=await visit.list_workspaces(),
    )
