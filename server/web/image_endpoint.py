"""GET /v1/images/WORKSPACE/MEMORY/FILENAME: the bytes of a picture of a memory."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.errors import Failure
from server.web.connection import read_workspace_name
from server.web.openapi import add_paths, describe_refusal
from tools.core.answers import AnswerImage
from tools.core.call import Door
from tools.core.execution import execute_operation
from tools.images import VIEW_IMAGE

PATH = "/v1/images/{workspace}/{memory_id}/{filename}"
METHODS = frozenset({"GET"})
#: A picture is data of somebody: no shared cache keeps it, and a browser neither guesses its type nor runs it.
_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


async def answer_picture(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the picture. Refusals are raised, for the guard and the entrance."""
    request = Request(scope, receive)
    named, wanted = read_workspace_name(request), request.path_params["workspace"]
    if named is not None and named.rpartition("/")[2].casefold() != wanted.casefold():
        message = f"This picture is in the workspace {wanted!r}, and the connection names {named!r}."
        raise Failure("forbidden", message, field="workspace")
    door = Door(principal=request.state.principal, request_id=request.state.request_id)
    arguments = dict(request.path_params) | {"workspace": named or wanted}
    found = await execute_operation(VIEW_IMAGE, request.state.services, door, arguments)
    assert isinstance(found, AnswerImage)  # noqa: S101 - the handler's type
    headers = _HEADERS | {"Content-Disposition": f'inline; filename="{found.filename}"'}
    await Response(found.data, 200, headers, found.mimetype)(scope, receive, send)


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    names = ("workspace", "memory_id", "filename")
    picture: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
    operation: dict[str, Any] = {
        "operationId": VIEW_IMAGE.name,
        "summary": VIEW_IMAGE.title,
        "description": "Return a picture of a memory, by its `key` in the memory's `images`.\n\n"
        "Needs the scope `memory:read`.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in names
        ],
        "responses": {
            "200": {"description": "The picture.", "content": {"image/*": picture}},
            "default": describe_refusal(),
        },
    }
    return add_paths(openapi, {PATH: {"get": operation}})
