"""The page of a change of many memories: first what would change, then the change, in one step or not at all."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.parameters import Parameters
from auth.texts import Text, say, say_count
from server.errors import Failure
from server.web.console.door import Visit, make_address, open_visit, read_number
from tools.memories.citation import MEMORY_PATH

PATH = f"{MEMORY_PATH}/change"
#: The fields that choose the memories, beside `id`, and those that say what changes.
FILTERS = ("type", "tags", "project", "entity", "author", "status")
_LISTS = ("type", "tags")
#: The words for each change, before it.
ACTIONS: Mapping[str, Text] = {
    "bury": say("Bury"),
    "unbury": say("Bring back"),
    "tag": say("Add tags"),
    "untag": say("Remove tags"),
    "move": say("Move to a project"),
    "delete": say("Delete"),
}
SKIP_WORDS: Mapping[str, Text] = {
    "not_found": say("is gone"),
    "unchanged": say("is so already"),
    "merged": say("was merged into another one"),
    "too_many_tags": say("would have too many tags"),
    "needs_project": say("belongs to a task, which needs a project"),
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
        raise Failure("malformed", say("Go back, and choose one of the changes of the page."))
    asked = _read_change(form)
    expected = form.get("expected")
    if expected is not None:
        done = await visit.execute("change_memories", workspace, **asked, expected=expected)
        return visit.redirect(make_address(MEMORY_PATH, workspace=workspace, done=action, count=str(done.count)))
    tried = await visit.execute("change_memories", workspace, **asked, dry_run=True)
    return visit.render(
        "change.html",
        tried=tried,
        verb=ACTIONS[action],
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
        raise Failure("malformed", say("Go back, and tick the memories that shall change."))
    return asked | {"ids": form.get_all("id")}


def _list_fields(form: Parameters) -> list[tuple[str, str]]:
    """Return the fields of a form that choose the memories and the change, for the form that makes it."""
    names = {"id", "which", "action", "words", "to_project", "workspace", *FILTERS}
    return [(name, value) for name, value in form.pairs if name in names and value]


def describe_change(visit: Visit) -> Text | None:
    """Return what the page of all memories says after a change; None if there was none."""
    query = visit.request.query_params
    done, count = query.get("done", ""), read_number(query.get("count"))
    return None if done not in ACTIONS or count is None else _say_done(done, count)


def _say_done(action: str, count: int) -> Text:
    match action:
        case "bury":
            return say_count("%(count)s memory was buried.", "%(count)s memories were buried.", count)
        case "unbury":
            return say_count("%(count)s memory was brought back.", "%(count)s memories were brought back.", count)
        case "tag":
            return say_count("%(count)s memory was tagged.", "%(count)s memories were tagged.", count)
        case "move":
            return say_count("%(count)s memory was moved.", "%(count)s memories were moved.", count)
        case "delete":
            return say_count("%(count)s memory was deleted.", "%(count)s memories were deleted.", count)
        case _:
            return say_count("%(count)s memory was changed.", "%(count)s memories were changed.", count)
