"""GET /v1/memories/export: all memories of a workspace, one JSON object in a line, sent as they are read."""

from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from server.memory.models import Memory
from server.web.connection import read_workspace_name
from server.web.openapi import (
    add_paths,
    describe_arguments,
    describe_json,
    describe_query,
    describe_refusal,
    move_definitions,
)
from tools.core.call import Call, Door
from tools.core.execution import open_call
from tools.core.schema import build_schema
from tools.core.services import Services
from tools.memories.export import ExportMemories, export_memories

PATH = "/v1/memories/export"
MEDIA_TYPE = "application/x-ndjson"


async def answer_export(scope: Scope, receive: Receive, send: Send) -> None:
    """Check the request, then send the memories. An export that breaks off ends without the last chunk of its body."""
    request = Request(scope, receive)
    services: Services = request.state.services
    door = Door(request.state.principal, request.state.request_id, workspace=read_workspace_name(request))
    sent = dict(request.query_params)
    call, args = await open_call("export_memories", "memory:read", ExportMemories, services, door, sent)
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="memories.ndjson"'}
    lines = _write_lines(services, call, args)
    first = await anext(lines, "")  # if the record cannot be read, the answer says so
    response = StreamingResponse(_prepend(first, lines), headers=headers, media_type=MEDIA_TYPE)
    await response(scope, receive, send)


async def _write_lines(services: Services, call: Call, args: ExportMemories) -> AsyncGenerator[str]:
    async for memory in export_memories(services, call, args):
        yield memory.model_dump_json() + "\n"


async def _prepend(first: str, rest: AsyncGenerator[str]) -> AsyncGenerator[str]:
    yield first
    async for line in rest:
        yield line


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    schemas = dict(openapi["components"]["schemas"])
    lines = describe_json("One memory in each line.", move_definitions(build_schema(Memory), schemas))
    operation: dict[str, Any] = {
        "operationId": "export_memories",
        "summary": "Export memories",
        "description": "Send all memories of a workspace, oldest first, one JSON object in a line.\n\n"
        "Needs the scope `memory:read`.",
        "parameters": describe_query(describe_arguments(ExportMemories, schemas)),
        "responses": {
            "200": lines | {"content": {MEDIA_TYPE: lines["content"]["application/json"]}},
            "default": describe_refusal(),
        },
    }
    return add_paths(openapi, {PATH: {"get": operation}}, schemas)
