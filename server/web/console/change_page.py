"""The page of a change of many memories: first what would change, then the change, in one step or not at all."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.parameters import Parameters
from server.errors import Failure
from server.web.console.door import Visit, make_address, open_visit
from tools.memories.citation import MEMORY_PATH

PATH = f"{MEMORY_PATH}/change"
#: The fields that choose the memories, beside `id`, and those that say what changes.
FILTERS = ("type", "tags", "project", "entity", "author", "status")
_LISTS = ("type", "tags")
#: The changes, each with its words before it and after it.
ACTIONS: Mapping[str, tuple[str, str]] = {
    "bury": ("Bury", "buried"),
    "unbury": ("Bring back", "brought back"),
    "tag": ("Add tags", "tagged"),
    "untag": ("Remove tags", "changed"),
    "move": ("Move to a project", "moved"),
    "delete": ("Delete", "deleted"),
}
SKIP_WORDS: Mapping[str, str] = {
    "not_found": "is gone",
    "unchanged": "is so already",
    "merged": "was merged into another one",
    "too_many_tags": "would have too many tags",
    "needs_project": "belongs to a task, which needs a project",
}


async def serve_change_page(request: Request) -> Response:
    """POST the memories and a change to see what it would do; with `expected`, make it."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method != "POST":
        return visit.redirect(MEMORY_PATH)
    form = await visit.read_form()
    workspace, action = form.get("workspace") or "", form.get("action") or ""
    if action not in ACTIONS:
        raise Failure("malformed", "Go back, and choose one of the changes of the page.")
    asked = _read_change(form)
    expected = form.get("expected")
    if expected is not None:
        done = await visit.execute("change_memories", workspace, **asked, expected=expected)
        return visit.redirect(make_address(MEMORY_PATH, workspace=workspace, done=action, count=str(done.count)))
    tried = await visit.execute("change_memories", workspace, **asked, dry_run=True)
    return visit.render(
        "change.html",
        tried=tried,
        verb=ACTIONS[action][0],
        form=form,
        workspace=workspace,
        fields=_list_fields(form),
        skip_words=SKIP_WORDS,
    )


def _read_change(form: Parameters) -> dict[str, Any]:
    """Return the arguments of the operation: of the memories that were ticked, or of all that pass the filters."""
    words = [each.strip() for each in (form.get("words") or "").split(",") if each.strip()]
    action = form.get("action")
    asked: dict[str, Any] = {"action": action}
    if action in {"tag", "untag"}:
        asked["words"] = words
    if action == "move":
        asked["to_project"] = form.get("to_project")
    if form.get("which") == "all":
        filters = {name: form.get(name) for name in FILTERS}
        chosen = {name: [value] if name in _LISTS else value for name, value in filters.items() if value}
        return asked | ({"status": "active"} | chosen)
    if not form.get_all("id"):
        raise Failure("malformed", "Go back, and tick the memories that shall change.")
    return asked | {"ids": form.get_all("id")}


def _list_fields(form: Parameters) -> list[tuple[str, str]]:
    """Return the fields of a form that choose the memories and the change, for the form that makes it."""
    names = {"id", "which", "action", "words", "to_project", "workspace", *FILTERS}
    return [(name, value) for name, value in form.pairs if name in names and value]


def describe_change(visit: Visit) -> str | None:
    """Return what the page of all memories says after a change; None if there was none."""
    query = visit.request.query_params
    done, count = query.get("done", ""), query.get("count", "")
    if done not in ACTIONS or not count.isdecimal():
        return None
    return f"{'1 memory was' if count == '1' else f'{count} memories were'} {ACTIONS[done][1]}."
