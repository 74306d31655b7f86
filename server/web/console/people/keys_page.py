"""The page of keys: those of the person, each with what it may do; new ones are made here, and any is ended here."""

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.errors import Failure
from server.web.console.door import Visit, open_visit

PATH = "/keys"


async def serve_keys_page(request: Request) -> Response:
    """GET the keys; POST `action` to make one, which is shown once, or to end one."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    made = None
    if request.method == "POST":
        form = await visit.read_form()
        match form.get("action"):
            case "make":
                made = await visit.execute(
                    "create_key",
                    name=form.get("name"),
                    scopes=form.get_all("scope"),
                    workspace=form.get("workspace"),
                    expires_in_days=form.get("days"),
                )
            case "end":
                await visit.execute("revoke_key", id=form.get("id"))
                return visit.redirect(PATH)
            case _:
                raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return await _list_keys(visit, made)


async def _list_keys(visit: Visit, made: object) -> Response:
    keys = (await visit.execute("list_keys")).keys
    return visit.render("keys.html", keys=keys, made=made, workspaces=await visit.list_workspaces(), has_script=True)
