"""The page of entities: the people and things that the memories of a workspace name, and similar names."""

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import make_address, make_page_links, open_visit, read_number

PATH = "/entities"
ON_A_PAGE = 50
_CHOICES = ("workspace", "query", "type", "project")


async def serve_entities_page(request: Request) -> Response:
    """GET a page of entities, by the query's filters; POST `name` to make one."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        form = await visit.read_form()
        workspace = form.get("workspace")
        made = await visit.execute("add_entity", workspace, name=form.get("name"), type=form.get("type"))
        return visit.redirect(make_address(f"{PATH}/{made.entity.id}", workspace=workspace))
    query = request.query_params
    chosen = {name: query.get(name, "").strip() for name in _CHOICES}
    offset = read_number(query.get("offset")) or 0
    found = await visit.execute(
        "list_entities",
        chosen["workspace"],
        query=chosen["query"],
        type=[chosen["type"]] if chosen["type"] else None,
        project=chosen["project"],
        limit=ON_A_PAGE,
        offset=offset,
    )
    newer, older = make_page_links(PATH, chosen, offset, ON_A_PAGE, found.total)
    return visit.render(
        "entities.html",
        entities=found.entities,
        total=found.total,
        notice=found.meta.notice,
        chosen=chosen,
        workspace=found.meta.workspace,
        workspaces=await visit.list_workspaces(),
        projects=[each.project for each in (await visit.execute("count_by_project", chosen["workspace"])).projects],
        newer=newer,
        older=older,
    )
