"""The page of one memory: the address that answers cite. A person changes, marks, links and forgets it here."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from auth.parameters import Parameters
from auth.texts import Text, say
from server.errors import Failure
from server.memory.models import Linkage
from server.store.record import memories
from server.web.console.door import Visit, make_address, open_visit
from server.web.console.memories.fields_form import list_fields, list_sent_fields, read_changes
from server.web.console.memories.history_view import show_change
from tools.core.services import Services
from tools.memories.citation import MEMORY_PATH, make_title
from tools.memories.rows import make_memory_not_found

PATH = f"{MEMORY_PATH}/{{id}}"
#: What the page says after a form; any other word says nothing.
DONE: Mapping[str, Text] = {
    "saved": say("Saved."),
    "buried": say("Buried: no recall returns it any more."),
    "unburied": say("Recall returns it again."),
    "pinned": say("Pinned: each context and each briefing begins with it."),
    "unpinned": say("It is not pinned any more."),
    "linked": say("The link is there."),
    "unlinked": say("The link is gone."),
    "undone": say("The change was undone."),
    "proposed": say("Proposed. Those who may write there decide."),
    "restored": say("It is back."),
}
#: The buttons that run an operation on the memory alone, with the word for it afterwards.
_MARKS: Mapping[str, tuple[str, str]] = {
    "bury": ("bury_memory", "buried"),
    "unbury": ("unbury_memory", "unburied"),
    "pin": ("pin_memory", "pinned"),
    "unpin": ("unpin_memory", "unpinned"),
}


async def serve_memory_page(request: Request) -> Response:
    """GET a memory of any workspace of the person's accounts, all others are the same 404; POST a change of it."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    memory_id: str = request.path_params["id"]
    workspace = await _find_workspace(visit, memory_id)
    if request.method == "POST":
        return await _change_memory(visit, workspace, memory_id, await visit.read_form())
    return await _show_memory(visit, workspace, memory_id)


async def _show_memory(
    visit: Visit, workspace: str, memory_id: str, form: Parameters | None = None, failure: Failure | None = None
) -> Response:
    """Return the page; after a form that was refused, with its fields as they were sent, and the reason."""
    memory = await visit.execute("fetch", workspace, id=memory_id)
    history = await visit.execute("memory_history", workspace, id=memory_id)
    linked = [each.id for each in memory.linkages if each.type == "memory"]
    titles = await list_titles(visit, workspace, [*linked, *memory.contradicted_by])
    targets = [each for each in await visit.list_workspaces() if "/" in each and each != workspace]
    return visit.render(
        "memory.html",
        status=200 if failure is None else failure.status,
        failure=failure,
        targets=targets,
        memory=memory,
        workspace=workspace,
        title=make_title(memory.content),
        titles=titles,
        links=[(name_link(each), each, titles.get(each.id or "")) for each in memory.linkages],
        fields=list_fields(memory) if form is None else list_sent_fields(memory, form),
        changes=[show_change(each) for each in history.changes],
        has_more=history.truncated,
        metadata=list_fields(memory)["metadata"],
        done=DONE.get(visit.request.query_params.get("done", "")),
    )


async def list_titles(visit: Visit, workspace: str, ids: list[str]) -> dict[str, str]:
    """Return the first lines of memories by their ids, in one operation; those that are gone are left out."""
    if not ids:
        return {}
    found = await visit.execute("fetch_memories", workspace, ids=ids)
    return {each.id: make_title(each.content) for each in found.memories}


async def _find_workspace(visit: Visit, memory_id: str) -> str:
    """Return the name of a memory's workspace, as the person names it. Raises `not_found`."""
    services: Services = visit.request.state.services
    async with services.db.read() as connection:
        home = await memories.find_workspace_id(connection, memory_id)
    mine = {each.id: each.address for each in (await visit.execute("list_workspaces")).workspaces}
    if home not in mine:
        raise make_memory_not_found(memory_id)
    return mine[home]


async def _change_memory(visit: Visit, workspace: str, memory_id: str, form: Parameters) -> Response:
    action = form.get("action") or ""
    if action in _MARKS:
        operation, done = _MARKS[action]
        await visit.execute(operation, workspace, id=memory_id)
        return _go_back(visit, memory_id, done)
    match action:
        case "save":
            try:
                await _save_fields(visit, workspace, memory_id, form)
            except Failure as failure:
                if failure.code not in {"invalid", "malformed"}:
                    raise
                return await _show_memory(visit, workspace, memory_id, form, failure)
            done = "saved"
        case "link":
            link = {"type": "memory", "id": form.get("to"), "label": form.get("label")}
            await visit.execute("link_memories", workspace, id=memory_id, linkages=[_leave_out_empty(link)])
            done = "linked"
        case "unlink":
            await _remove_link(visit, workspace, memory_id, form.get("link") or "")
            done = "unlinked"
        case "undo":
            await visit.execute("undo_change", workspace, id=memory_id, change=form.get("change"))
            done = "undone"
        case "propose":
            await visit.execute("propose_memory", workspace, id=memory_id, to=form.get("to"))
            done = "proposed"
        case "delete" | "erase":
            await visit.execute("delete_memory", workspace, id=memory_id, erase=action == "erase")
            left = {"done": "erased"} if action == "erase" else {"done": "deleted", "id": memory_id}
            return visit.redirect(make_address(MEMORY_PATH, workspace=workspace, **left))
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return _go_back(visit, memory_id, done)


def _go_back(visit: Visit, memory_id: str, done: str) -> Response:
    return visit.redirect(f"{MEMORY_PATH}/{memory_id}?done={done}")


async def _save_fields(visit: Visit, workspace: str, memory_id: str, form: Parameters) -> None:
    memory = await visit.execute("fetch", workspace, id=memory_id)
    if values := read_changes(memory, form):
        await visit.execute("update_memory", workspace, id=memory_id, **values)


async def _remove_link(visit: Visit, workspace: str, memory_id: str, wanted: str) -> None:
    """Remove the link that a button names; nothing if it is gone by now."""
    memory = await visit.execute("fetch", workspace, id=memory_id)
    left = [each for each in memory.linkages if name_link(each) != wanted]
    if len(left) < len(memory.linkages):
        linkages = [each.model_dump(exclude_none=True) for each in left]
        await visit.execute("update_memory", workspace, id=memory_id, linkages=linkages)


def name_link(link: Linkage) -> str:
    """Return the name of a link in a form, which another link of the memory does not have."""
    return f"{link.type} {link.id or link.path} {link.label or ''}"


def _leave_out_empty(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
