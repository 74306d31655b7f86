"""The page of one memory: the address that answers cite, for whoever may see it. It is changed and deleted here."""

from starlette.requests import Request
from starlette.responses import Response

from auth.parameters import Parameters
from server.errors import Failure
from server.store.record import memories
from server.store.record.people.accounts import list_member_accounts
from server.store.record.workspaces import get_workspace
from server.web.console.door import Visit, make_address, open_visit
from tools.core.services import Services
from tools.memories.citation import MEMORY_PATH, make_title
from tools.memories.rows import make_memory_not_found

PATH = f"{MEMORY_PATH}/{{id}}"
#: The fields that the form changes; an empty one is cleared, if it may be.
CHANGED = ("content", "type", "project", "entity", "author")
CLEARED = ("project", "entity", "author")


async def serve_memory_page(request: Request) -> Response:
    """GET a memory of any workspace of the person's accounts, all others are the same 404; POST a change of it."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    memory_id: str = request.path_params["id"]
    workspace = await _find_workspace(visit, memory_id)
    if request.method == "POST":
        return await _change_memory(visit, workspace, memory_id, await visit.read_form())
    memory = await visit.execute("fetch", workspace, id=memory_id)
    return visit.render(
        "memory.html",
        memory=memory,
        workspace=workspace,
        title=make_title(memory.content),
        is_saved=request.query_params.get("done") == "saved",
    )


async def _find_workspace(visit: Visit, memory_id: str) -> str:
    """Return the name of a memory's workspace, as the person names it. Raises `not_found`."""
    services: Services = visit.request.state.services
    async with services.db.read() as connection:
        home = await memories.find_workspace_id(connection, memory_id)
        workspace = None if home is None else await get_workspace(connection, home)
        mine = await list_member_accounts(connection, visit.user.id)
    accounts = {account_id: name for name, account_id in mine.items()}
    if workspace is None or workspace.account_id not in accounts:
        raise make_memory_not_found(memory_id)
    if workspace.account_id == visit.user.account_id:
        return workspace.name
    return f"{accounts[workspace.account_id]}/{workspace.name}"


async def _change_memory(visit: Visit, workspace: str, memory_id: str, form: Parameters) -> Response:
    match form.get("action"):
        case "save":
            values = {name: form.get(name) for name in CHANGED}
            # Without a tag the argument is still sent: the tags of before go.
            tags = [each.strip() for each in (form.get("tags") or "").split(",") if each.strip()]
            cleared = [name for name in CLEARED if not values[name]]
            await visit.execute("update_memory", workspace, id=memory_id, clear=cleared, tags=tags, **values)
            return visit.redirect(f"{MEMORY_PATH}/{memory_id}?done=saved")
        case "delete" | "erase" as action:
            await visit.execute("delete_memory", workspace, id=memory_id, erase=action == "erase")
            done = "erased" if action == "erase" else "deleted"
            return visit.redirect(make_address(MEMORY_PATH, workspace=workspace, done=done))
        case _:
            raise Failure("malformed", "Go back, and use one of the buttons of the page.")
