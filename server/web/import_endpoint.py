"""POST /v1/import: a file to import, as the body, which is kept on the disk while it is read."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.errors import Failure
from server.web.connection import read_workspace_name
from server.web.openapi import (
    add_paths,
    describe_arguments,
    describe_json,
    describe_query,
    describe_refusal,
    move_definitions,
)
from tools.core.call import Door
from tools.core.execution import open_call
from tools.core.schema import build_schema
from tools.core.services import Services
from tools.imports.operations import ImportAnswer, ImportFile, import_upload

PATH = "/v1/import"
METHODS = frozenset({"POST"})


async def answer_import(scope: Scope, receive: Receive, send: Send) -> None:
    """Check the request, receive the file, and answer with the report. Refusals are raised, for the guard."""
    request = Request(scope, receive)
    services: Services = request.state.services
    door = Door(request.state.principal, request.state.request_id, workspace=read_workspace_name(request))
    sent = dict(request.query_params)
    call, args = await open_call("import_memories", "memory:write", ImportFile, services, door, sent, effect="create")
    async with receive_file(request) as path:
        report = await import_upload(services, call, args, path)
    status = 200 if args.dry_run else 201
    headers = {"Cache-Control": "no-store"}
    await Response(report.model_dump_json(), status, headers, "application/json")(scope, receive, send)


@asynccontextmanager
async def receive_file(request: Request) -> AsyncGenerator[Path]:
    """Receive a body into a file, which is gone when the block ends. The entrance bounds its size.

    Raises:
        Failure: `malformed`, there is no body; `unavailable`, the disk has no room for it.
    """
    with tempfile.NamedTemporaryFile(prefix="loci-import-") as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            await _write(file, piece)
        if not size:
            raise Failure("malformed", "The body is empty. Send the file to import as the body.")
        await _write(file, b"")
        yield Path(file.name)


async def _write(file: Any, piece: bytes) -> None:
    """Write a piece of a body so that others can read it."""

    def write_and_flush() -> None:
        file.write(piece)
        file.flush()

    try:
        await to_thread.run_sync(write_and_flush)
    except OSError as error:
        message = f"The server's folder for temporary files has no room for this file ({error.strerror}). "
        raise Failure("unavailable", f"{message}Import it with `loci import`, or in parts.") from None


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    schemas = dict(openapi["components"]["schemas"])
    report = describe_json("The report of the import.", move_definitions(build_schema(ImportAnswer), schemas))
    operation: dict[str, Any] = {
        "operationId": "import_memories",
        "summary": "Import memories",
        "description": "Import a file of this or of another program: a zip, JSON, lines of JSON, markdown or SQLite. A "
        "second import of the same file adds nothing.\n\nNeeds the scope `memory:write`.",
        "parameters": describe_query(describe_arguments(ImportFile, schemas)),
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {"200": report, "201": report, "default": describe_refusal()},
    }
    return add_paths(openapi, {PATH: {"post": operation}}, schemas)
