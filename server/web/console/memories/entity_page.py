"""The page of one entity: everything that is known about it, and the ways to change what it is called."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.parameters import Parameters
from auth.texts import say
from server.errors import Failure
from server.web.console.door import Visit, make_address, open_visit
from server.web.console.memories.entities_page import PATH as LIST_PATH

PATH = f"{LIST_PATH}/{{id}}"


async def serve_entity_page(request: Request) -> Response:
    """GET the entity of the path, an id or a name; POST `action` to change it."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    asked = request.path_params["id"]
    if request.method == "POST":
        form = await visit.read_form()
        shown = await _change(visit, asked, form)
        path = LIST_PATH if shown is None else f"{LIST_PATH}/{shown}"
        return visit.redirect(make_address(path, workspace=form.get("workspace")))
    workspace = request.query_params.get("workspace", "")
    found = await visit.execute("read_entity", workspace, id=asked)
    return visit.render("entity.html", found=found, entity=found.entity, workspace=found.meta.workspace)


async def _change(visit: Visit, asked: str, form: Parameters) -> str | None:
    """Do what a button says, and return the id of the entity to show; None if it is gone."""
    workspace, names = form.get("workspace"), form.get_all("name")
    changes: dict[str, Any] = {}
    match form.get("action"):
        case "rename":
            changes = {"name": form.get("name"), "type": form.get("type")}
        case "alias":
            changes = {"add_aliases": names}
        case "remove":
            changes = {"remove_aliases": names}
        case "merge":
            return (await visit.execute("merge_entities", workspace, id=asked, others=[form.get("other")])).entity.id
        case "split":
            return (await visit.execute("split_entity", workspace, id=asked, names=names)).entity.id
        case "undo":
            undone = await visit.execute("undo_entity_change", workspace, id=form.get("change"))
            return asked if any(each.id == asked for each in undone.entities) else undone.entities[0].id
        case "delete":
            await visit.execute("delete_entity", workspace, id=asked)
            return None
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return (await visit.execute("update_entity", workspace, id=asked, **changes)).entity.id
