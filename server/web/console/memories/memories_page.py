"""The page of all memories: the newest, or those that fit a search, as an agent finds them. New ones are added here."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.web.console.assets import SEARCH_SCRIPT
from server.web.console.door import Visit, make_address, open_visit
from server.web.console.memories.change_page import ACTIONS, describe_change
from tools.memories.citation import MEMORY_PATH

PATH = MEMORY_PATH
PAGE = 25
#: The fields of the filters, which the list and the search have in common, and those of them that take several values.
FILTERS = ("type", "tags", "project", "entity", "author")
_LISTS = ("type", "tags")
STATES = ("active", "pinned", "buried", "superseded", "consolidated", "expired", "all")
_SHOWN = {"include": ["stored_by"]}

#: What the page says after a memory is gone.
DONE = {"deleted": say("The memory was deleted."), "erased": say("The memory was erased for good.")}


async def serve_memories_page(request: Request) -> Response:
    """GET the memories of a workspace; POST a new one, or the `id` of a deleted one that is to be restored.

    The query has `workspace`, `q` for what to search, the `FILTERS`, and `status` and `cursor` for the list.
    """
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        return await _change_memories(visit)
    query = request.query_params
    chosen = {name: query.get(name, "") for name in ("workspace", "q", *FILTERS, "status")}
    filters = {name: [chosen[name]] if name in _LISTS else chosen[name] for name in FILTERS if chosen[name]}
    if chosen["q"].strip():
        found = await visit.execute(
            "search", chosen["workspace"], query=chosen["q"], explain=True, track_access=False, **_SHOWN, **filters
        )
        answer: dict[str, Any] = {"total": None, "next_page": None}
    else:
        found = await visit.execute(
            "list_memories",
            chosen["workspace"],
            limit=PAGE,
            cursor=query.get("cursor"),
            status=chosen["status"],
            **_SHOWN,
            **filters,
        )
        answer = {"total": found.total, "next_page": _find_next_page(chosen, found.next_cursor)}
    return visit.render(
        "memories.html",
        **answer,
        memories=found.memories,
        notice=found.meta.notice,
        workspace=found.meta.workspace,
        workspaces=await visit.list_workspaces(),
        chosen=chosen,
        is_filtered=any(chosen[name] for name in (*FILTERS, "status")),
        states=STATES,
        actions=ACTIONS,
        done=DONE.get(query.get("done", "")) or describe_change(visit),
        deleted_id=query.get("id", "") if query.get("done") == "deleted" else "",
        scripts=[SEARCH_SCRIPT],
    )


def _find_next_page(chosen: dict[str, str], cursor: str | None) -> str | None:
    """Return the address of the next page; None if there is none."""
    return None if cursor is None else make_address(PATH, **chosen, cursor=cursor)


async def _change_memories(visit: Visit) -> Response:
    form = await visit.read_form()
    if form.get("action") == "restore":
        await visit.execute("restore_memory", form.get("workspace"), id=form.get("id"))
        return visit.redirect(f"{MEMORY_PATH}/{form.get('id')}?done=restored")
    stored = await visit.execute(
        "store_memory", form.get("workspace"), content=form.get("content"), type=form.get("type"), source="console"
    )
    return visit.redirect(f"{MEMORY_PATH}/{stored.id}")
