"""GET /v1/export: everything of a workspace, in lines of JSON, sent as it is read."""

from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from server import __version__
from server.store.record.people.rights import Right
from server.store.record.workspaces import Workspace
from server.web.connection import read_workspace_name
from server.web.openapi import add_paths, describe_arguments, describe_query, describe_refusal
from tools.core.arguments import InWorkspace
from tools.core.call import Call, Door
from tools.core.execution import open_call
from tools.core.services import Services
from tools.core.standing import check_standing
from tools.exports.lines import write_lines

PATH = "/v1/export"
MEDIA_TYPE = "application/x-ndjson"


class ExportEverything(InWorkspace):
    """The arguments of an export of everything."""


async def answer_export(scope: Scope, receive: Receive, send: Send) -> None:
    """Check the request, then send the lines. An export that breaks off ends without the last chunk of its body."""
    request = Request(scope, receive)
    services: Services = request.state.services
    door = Door(request.state.principal, request.state.request_id, workspace=read_workspace_name(request))
    sent = dict(request.query_params)
    call, _ = await open_call("export_everything", "memory:read", ExportEverything, services, door, sent)
    await send_lines(services, call)(scope, receive, send)


def send_lines(services: Services, call: Call) -> StreamingResponse:
    """Return the answer that sends everything of a workspace as a file."""
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="loci.jsonl"'}
    return StreamingResponse(_write_lines(services, call), headers=headers, media_type=MEDIA_TYPE)


async def _write_lines(services: Services, call: Call) -> AsyncGenerator[str]:
    places = [call.workspace] if isinstance(call.workspace, Workspace) else []
    async for text, _ in write_lines(services.db, places, __version__, services.now()):
        await check_standing(services, call, Right.READ)
        yield text


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    schemas = dict(openapi["components"]["schemas"])
    operation: dict[str, Any] = {
        "operationId": "export_everything",
        "summary": "Export everything",
        "description": "Send everything of a workspace, one JSON object in a line: memories with history and pictures, "
        "notes, settings and golden cases.\n\nNeeds the scope `memory:read`.",
        "parameters": describe_query(describe_arguments(ExportEverything, schemas)),
        "responses": {
            "200": {"description": "The lines.", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}},
            "default": describe_refusal(),
        },
    }
    return add_paths(openapi, {PATH: {"get": operation}}, schemas)
