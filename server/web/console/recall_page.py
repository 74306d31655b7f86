"""The page of a recall: what an agent would be told for a prompt, in tokens, and what was left out, with the reason."""

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.errors import Failure
from server.memory.models import Memory
from server.memory.recall.packing import estimate_tokens
from server.web.console.door import Visit, make_address, open_visit
from tools.recall.answers import Omitted

PATH = "/recall-check"
SHOWN = 15
"""The most memories that were left out and are shown: the best of them."""
#: What the page says after a golden case was added, by what the case expects.
DONE = {
    "recalled": say("From now on a golden case checks that this memory comes for this prompt."),
    "not_recalled": say("From now on a golden case checks that this memory does not come for this prompt."),
}


async def serve_recall_page(request: Request) -> Response:
    """GET the answer to the `message` of the query, in its `workspace` and `project`. Nothing counts as used.

    POST a golden case: that the memory `id` comes for the message, or that it does not.
    """
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        return await _add_golden_case(visit)
    query = request.query_params
    chosen = {name: query.get(name, "") for name in ("message", "workspace", "project")}
    context = None
    if chosen["message"].strip():
        context = await visit.execute(
            "retrieve_context",
            chosen["workspace"],
            message=chosen["message"],
            project=chosen["project"],
            explain=True,
            track_access=False,
        )
    omitted: list[Omitted] = [] if context is None else context.memories.omitted or []
    found = await _fetch(visit, chosen["workspace"], omitted[:SHOWN])
    projects = (await visit.execute("count_by_project", chosen["workspace"])).projects
    told = "" if context is None else context.to_text()
    return visit.render(
        "recall.html",
        chosen=chosen,
        context=context,
        told=told,
        tokens=estimate_tokens(told),
        measure=estimate_tokens,
        left_out=[(each, found.get(each.id)) for each in omitted[:SHOWN]],
        more=len(omitted[SHOWN:]),
        projects=[each.project for each in projects],
        done=DONE.get(query.get("done", "")),
        workspace=chosen["workspace"] or (visit.user.default_workspace if context is None else context.meta.workspace),
        workspaces=await visit.list_workspaces(),
    )


async def _fetch(visit: Visit, workspace: str, omitted: list[Omitted]) -> dict[str, Memory]:
    """Return the memories that were left out, by their ids, in one operation; those that are gone are left out."""
    if not omitted:
        return {}
    found = await visit.execute("fetch_memories", workspace, ids=[each.id for each in omitted])
    return {each.id: each for each in found.memories}


async def _add_golden_case(visit: Visit) -> Response:
    form = await visit.read_form()
    expect = form.get("expect")
    if expect not in DONE:
        raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    values = {name: form.get(name) for name in ("message", "workspace", "project")}
    await visit.execute(
        "add_golden", values["workspace"], query=values["message"], memory_id=form.get("id"), expect=expect
    )
    return visit.redirect(make_address(PATH, **values, done=expect))
