"""GET /v1/export: everything of a workspace or of an account as a file, sent as it is read."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from server import __version__
from server.errors import Failure
from server.store.record import workspaces
from server.store.record.people.rights import Right
from server.store.record.workspaces import Workspace
from server.web.connection import read_workspace_name
from server.web.openapi import add_paths, describe_arguments, describe_query, describe_refusal
from tools.core.arguments import InWorkspace
from tools.core.call import Call, Door
from tools.core.execution import open_call
from tools.core.services import Services
from tools.core.standing import check_credential, check_standing
from tools.exports.lines import write_lines
from tools.exports.markdown import write_zip
from tools.exports.pam import Signer, write_pam

PATH = "/v1/export"
#: The media type and the name of the file, by the format.
FILES = {
    "jsonl": ("application/x-ndjson", "loci.jsonl"),
    "pam": ("application/json", "loci.pam.json"),
    "markdown": ("application/zip", "loci.zip"),
}
#: The bytes or characters that are sent at once.
PIECE = 1 << 16


class ExportEverything(InWorkspace):
    """The arguments of an export of everything."""

    format: Literal["jsonl", "pam", "markdown"] = Field(
        default="jsonl",
        description="`jsonl`: lines of JSON; `pam`: a signed document of Portable AI Memory 1.0; `markdown`: a folder "
        "for people, in a zip.",
    )
    all_workspaces: bool = Field(
        default=False, description="Whether to send all workspaces of your own account, and not the one of the call."
    )


async def answer_export(scope: Scope, receive: Receive, send: Send) -> None:
    """Check the request, then send the file. An export that breaks off ends without the last chunk of its body."""
    request = Request(scope, receive)
    services: Services = request.state.services
    door = Door(request.state.principal, request.state.request_id, workspace=read_workspace_name(request))
    sent = dict(request.query_params)
    call, args = await open_call("export_everything", "memory:read", ExportEverything, services, door, sent)
    response = await send_export(services, call, args)
    await response(scope, receive, send)


async def send_export(services: Services, call: Call, args: ExportEverything) -> StreamingResponse:
    """Return the answer that sends everything of a workspace, or of an account, as a file.

    Raises:
        Failure: `forbidden`, a key that is bound to one workspace asks for all of them.
    """
    places = await _find_places(services, call, args)
    media_type, name = FILES[args.format]
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    pieces = _check_pieces(services, call, args, _open_pieces(services, call, places, args.format))
    return StreamingResponse(pieces, headers=headers, media_type=media_type)


async def _find_places(services: Services, call: Call, args: ExportEverything) -> list[Workspace]:
    if not args.all_workspaces:
        return [call.workspace] if isinstance(call.workspace, Workspace) else []
    if call.principal.workspace_id is not None:
        message = "This key is bound to one workspace; it exports no others."
        raise Failure("forbidden", message, field="all_workspaces")
    async with services.db.read() as connection:
        return await workspaces.list_workspaces(connection, call.principal.account_id)


async def _open_pieces(
    services: Services, call: Call, places: Sequence[Workspace], form: Literal["jsonl", "pam", "markdown"]
) -> AsyncGenerator[str | bytes]:
    now = services.now()
    if form == "markdown":
        async for piece in write_zip(services.db, places, __version__, now):
            yield piece
        return
    signer = Signer(call.principal.user_id, __version__, services.export_key)
    written = (
        write_pam(services.db, places, signer, now)
        if form == "pam"
        else write_lines(services.db, places, __version__, now)
    )
    async for text, _ in written:
        yield text


async def _check_pieces(
    services: Services, call: Call, args: ExportEverything, pieces: AsyncGenerator[str | bytes]
) -> AsyncGenerator[str | bytes]:
    """Yield pieces as long as the caller may still read them. Others have their turn after each large one."""
    waiting, size = list[str | bytes](), 0
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            await _check(services, call, args)
            for each in waiting:
                yield each
            waiting, size = [], 0
            await asyncio.sleep(0)
    await _check(services, call, args)
    for each in waiting:
        yield each


async def _check(services: Services, call: Call, args: ExportEverything) -> None:
    if args.all_workspaces:
        await check_credential(services, call.principal)
    else:
        await check_standing(services, call, Right.READ)


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    schemas = dict(openapi["components"]["schemas"])
    operation: dict[str, Any] = {
        "operationId": "export_everything",
        "summary": "Export everything",
        "description": "Send everything of a workspace or of your account: memories with history and pictures, notes, "
        "settings and golden cases. One JSON object in a line, or another format.\n\nNeeds the scope `memory:read`.",
        "parameters": describe_query(describe_arguments(ExportEverything, schemas)),
        "responses": {
            "200": {"description": "The file.", "content": {each: {"schema": {}} for each, _ in FILES.values()}},
            "default": describe_refusal(),
        },
    }
    return add_paths(openapi, {PATH: {"get": operation}}, schemas)
