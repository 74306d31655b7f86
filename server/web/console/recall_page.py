"""The page of a recall: what an agent would be told for a prompt, in tokens, and what was left out, with the reason."""

from starlette.requests import Request
from starlette.responses import Response

from server.errors import Failure
from server.memory.recall.packing import estimate_tokens
from server.web.console.door import Visit, open_visit
from tools.memories.citation import make_title
from tools.recall.answers import Omitted

PATH = "/recall-check"
SHOWN = 15
"""The most memories that were left out and are shown: the best of them."""


async def serve_recall_page(request: Request) -> Response:
    """GET the answer to the `message` of the query, in its `workspace` and `project`. Nothing counts as used."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
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
    told = "" if context is None else context.to_text()
    return visit.render(
        "recall.html",
        chosen=chosen,
        context=context,
        told=told,
        tokens=estimate_tokens(told),
        left_out=[(each, await _find_title(visit, chosen["workspace"], each.id)) for each in omitted[:SHOWN]],
        more=len(omitted[SHOWN:]),
        workspace=chosen["workspace"] or (visit.user.default_workspace if context is None else context.meta.workspace),
        workspaces=await visit.list_workspaces(),
    )


async def _find_title(visit: Visit, workspace: str, memory_id: str) -> str:
    """Return the first line of a memory; its id if it is gone by now."""
    try:
        memory = await visit.execute("fetch", workspace, id=memory_id)
    except Failure:
        return memory_id
    return make_title(memory.content)
