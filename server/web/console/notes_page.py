"""The page of notes: the work in hand, the skip list, and the identity crystal of a workspace."""

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.errors import Failure
from server.web.console.door import Visit, make_address, open_visit

PATH = "/notes"


async def serve_notes_page(request: Request) -> Response:
    """GET the notes of the query's `workspace`; POST `action` to add or remove an entry, or to set the identity."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        return await _change_notes(visit)
    workspace = request.query_params.get("workspace", "")
    items = (await visit.execute("list_items", workspace, limit=100)).items
    skips = await visit.execute("list_skips", workspace)
    return visit.render(
        "notes.html",
        items=[each for each in items if each.category != "skip_list"],
        skips=skips.entries,
        identity=(await visit.execute("read_identity", workspace)).crystal,
        workspace=skips.meta.workspace,
        workspaces=await visit.list_workspaces(),
    )


async def _change_notes(visit: Visit) -> Response:
    form = await visit.read_form()
    workspace = form.get("workspace")
    match form.get("action"):
        case "add":
            values = {name: form.get(name) for name in ("item", "reason", "expires")}
            await visit.execute("add_skip", workspace, **values)
        case "remove":
            await visit.execute("remove_skip", workspace, id=form.get("id"))
        case "identity":
            await visit.execute("update_identity", workspace, crystal=form.get("crystal"))
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return visit.redirect(make_address(PATH, workspace=workspace))
