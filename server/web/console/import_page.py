"""The page of imports: a file is previewed, imported with its progress, reported and undone; an export is downloaded.

The page's script sends the file as it is. A form would have to be kept in memory.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.pages.browser import check_csrf, make_principal
from auth.parameters import Parameters
from auth.texts import say
from server.errors import Failure
from server.web.console.assets import EXPORT_SCRIPT, IMPORT_SCRIPT
from server.web.console.door import Visit, make_address, open_visit
from server.web.everything import ExportEverything, send_export
from server.web.import_endpoint import receive_file
from tools.core.call import Call, Door
from tools.core.execution import open_call
from tools.core.services import Services
from tools.imports.operations import ImportFile, import_upload

PATH = "/import"
FILE_PATH = "/import/file"
STATE_PATH = "/import/state"
EXPORT_PATH = "/import/export"
_HEADERS = {"Cache-Control": "no-store"}


async def serve_import_page(request: Request) -> Response:
    """GET the imports of the query's `workspace`; POST `run` to undo one."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        form = await visit.read_form()
        workspace = form.get("workspace")
        await visit.execute("undo_import", workspace, id=form.get("run"))
        return visit.redirect(make_address(PATH, workspace=workspace))
    found = await visit.execute("list_imports", request.query_params.get("workspace", ""))
    return visit.render(
        "import.html",
        imports=found.imports,
        workspace=found.meta.workspace,
        workspaces=await visit.list_workspaces(),
        export=make_address(EXPORT_PATH, workspace=found.meta.workspace),
        export_markdown=make_address(EXPORT_PATH, workspace=found.meta.workspace, format="markdown"),
        export_pam=make_address(EXPORT_PATH, workspace=found.meta.workspace, format="pam"),
        scripts=[IMPORT_SCRIPT, EXPORT_SCRIPT],
    )


async def receive_import(request: Request) -> Response:
    """POST a file as the body, with the token of the page's forms in a header; the answer is the report."""
    visit = await _require_visit(request)
    check_csrf(visit.browser, Parameters((("csrf", request.headers.get("x-csrf-token", "")),)))
    services: Services = request.state.services
    call, args = await _open_call(visit, "import_memories", "memory:write", ImportFile, "create")
    async with receive_file(request) as path:
        report = await import_upload(services, call, args, path)
    return JSONResponse(report.model_dump(mode="json"), headers=_HEADERS)


async def serve_state(request: Request) -> Response:
    """GET the newest import of the query's `workspace`, which may be running."""
    visit = await _require_visit(request)
    found = await visit.execute("list_imports", request.query_params.get("workspace", ""), limit=1)
    return JSONResponse(found.model_dump(mode="json"), headers=_HEADERS)


async def serve_export(request: Request) -> Response:
    """GET everything of the query's `workspace` as a file, in the query's `format`."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    call, args = await _open_call(visit, "export_everything", "memory:read", ExportEverything, "read")
    return await send_export(request.state.services, call, args)


async def _require_visit(request: Request) -> Visit:
    visit = await open_visit(request)
    if isinstance(visit, Response):
        raise Failure("unauthorized", say("Log in first."))
    return visit


async def _open_call(visit: Visit, name: str, scope: str, model: Any, effect: Any) -> tuple[Call, Any]:
    request = visit.request
    sent = dict(request.query_params)
    door = Door(make_principal(visit.user), request.state.request_id, name="console")
    return await open_call(name, scope, model, request.state.services, door, sent, effect=effect)
