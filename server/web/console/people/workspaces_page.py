"""The page of workspaces: those that the person may use, and the people whom their own ones are shared with."""

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.errors import Failure
from server.web.console.door import Visit, open_visit

PATH = "/workspaces"


async def serve_workspaces_page(request: Request) -> Response:
    """GET the workspaces with their shares; POST `action` to share one, to end a share, or to make a workspace."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        return await _change(visit)
    workspaces = (await visit.execute("list_workspaces")).workspaces
    return visit.render(
        "workspaces.html", workspaces=[(each, await _list_shares(visit, each.id)) for each in workspaces]
    )


async def _list_shares(visit: Visit, workspace_id: str) -> list[object] | None:
    """Return the shares of a workspace; None if the person may not share it, or if it is gone."""
    try:
        return (await visit.execute("list_shares", id=workspace_id)).shares
    except Failure:
        return None


async def _change(visit: Visit) -> Response:
    form = await visit.read_form()
    workspace = form.get("id")
    match form.get("action"):
        case "share":
            may_write = form.get("may") == "write"
            await visit.execute("share_workspace", id=workspace, receiver=form.get("receiver"), may_write=may_write)
        case "unshare":
            await visit.execute("unshare_workspace", id=workspace, share_id=form.get("share"))
        case "create":
            await visit.execute("create_workspace", name=form.get("name"))
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return visit.redirect(PATH)
