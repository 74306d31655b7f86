"""The page of one memory: the address that answers cite, for whoever may see the memory."""

from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import load_browser
from auth.pages.page import add_templates, redirect_browser, render_page
from server.errors import Failure
from server.store.record import memories
from server.store.record.people.accounts import list_member_accounts
from server.store.record.workspaces import get_workspace
from tools.core.services import Services
from tools.memories.citation import MEMORY_PATH, make_title
from tools.memories.rows import make_memory_not_found

PATH = f"{MEMORY_PATH}/{{id}}"
TEMPLATES = add_templates(__file__)


async def serve_memory_page(request: Request) -> Response:
    """GET a memory of any workspace of the person's accounts; all others are the same 404."""
    if request.method != "GET":
        raise Failure("method_not_allowed", "This page is read only.")
    browser = await load_browser(request)
    if browser.user is None:
        return redirect_browser(request, f"/login?next={request.url.path}")
    services: Services = request.state.services
    memory_id: str = request.path_params["id"]
    async with services.db.read() as connection:
        home = await memories.find_workspace_id(connection, memory_id)
        workspace = None if home is None else await get_workspace(connection, home)
        mine = await list_member_accounts(connection, browser.user.id)
        if workspace is None or workspace.account_id not in mine.values():
            raise make_memory_not_found(memory_id)
        memory = await memories.get_memory(connection, workspace.id, memory_id)
    if memory is None:
        raise make_memory_not_found(memory_id)
    title = make_title(memory.content)
    return render_page(
        request, browser, "memory.html", templates=TEMPLATES, memory=memory, workspace=workspace.name, title=title
    )
