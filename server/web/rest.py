"""The REST door: `/v1`, generated from the catalogue."""

from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.errors import Failure
from server.web.answers import read_json
from server.web.connection import read_peek_names, read_workspace_name
from tools.core.auditing import note_failure
from tools.core.call import Door
from tools.core.execution import execute_operation
from tools.core.input.plain_arguments import read_truth
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.trace import Trace

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
#: Arguments that a URL may name with any method, as Memento's clients do; `server.web.connection` reads them.
_IN_URL = frozenset({"workspace", "peek_workspaces"})
#: Arguments that may stand in the query when the others stand in the body: they say how to do it.
_IN_QUERY = frozenset({"dry_run", "generate", "wait"})

#: Puts a guard in front of an application that takes these methods.
Protect = Callable[[ASGIApp, frozenset[str]], ASGIApp]


def make_routes(operations: Iterable[Operation], protect: Protect) -> list[Route]:
    """Return one route for each path. It knows all methods of the path, so that a 405 can name them."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        for method, path in operation.routes:
            by_path.setdefault(path, {})[method] = operation
    # A literal path is tried before one with a parameter: /v1/memories/recent before /v1/memories/{id}.
    ordered = sorted(by_path.items(), key=lambda item: "{" in item[0])
    return [Route(path, protect(_make_endpoint(methods), frozenset(methods))) for path, methods in ordered]


def list_flags(operation: Operation) -> frozenset[str]:
    """Return the names of the operation's arguments that may stand in the query of a request with a body."""
    return _IN_QUERY & operation.args.model_fields.keys()


def _make_endpoint(methods: dict[str, Operation]) -> ASGIApp:
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await _answer_request(methods[request.method], request)
        await response(scope, receive, send)

    return endpoint


async def _answer_request(operation: Operation, request: Request) -> Response:
    """Run the operation, and return its answer. Refusals are raised, for the guard and the entrance."""
    services: Services = request.state.services
    door = Door(
        principal=request.state.principal,
        request_id=request.state.request_id,
        workspace=read_workspace_name(request),
        peek=read_peek_names(request),
    )
    try:
        has_body = request.method in METHODS_WITH_BODY
        raw = await _read_body(request, operation) if has_body else await _read_query(request)
        if operation.dialect.complete_body is not None:
            raw = operation.dialect.complete_body(raw)
    except Failure as failure:
        note_failure(services, door, Trace(operation.name, operation.effect.value), failure)
        raise
    result = await execute_operation(operation, services, door, raw | request.path_params)
    is_new = operation.effect is Effect.CREATE and getattr(result, "created", True)
    status, headers = 201 if is_new else 200, {"Cache-Control": "no-store"}
    to_text = operation.dialect.to_text
    text = None if to_text is None else to_text(result)
    if text is None:
        return Response(result.model_dump_json(), status, headers, "application/json")
    body = result.model_dump(mode="json") | {"content": [{"type": "text", "text": text}]}
    return JSONResponse(body, status, headers)


async def _read_query(request: Request) -> dict[str, Any]:
    """Return the query string as arguments; a repeated key is a list. A body is refused, as it would be ignored."""
    if (await request.body()).strip() not in {b"", b"{}"}:
        raise Failure("malformed", f"{request.method} takes its arguments in the query, not in a body.")
    query = request.query_params
    return {key: values[0] if len(values := query.getlist(key)) == 1 else values for key in query}


async def _read_body(request: Request, operation: Operation) -> dict[str, Any]:
    """Return the body and the flags of the query as arguments.

    Any other name in the query is refused, as it would be ignored.
    """
    flags = list_flags(operation)
    if stray := [name for name in request.query_params if name not in _IN_URL | flags]:
        raise Failure("malformed", f"{stray[0]}: {request.method} takes its arguments in the body, not in the query.")
    arguments = dict(await read_json(request, operation.dialect.list_argument))
    for name in flags:
        sent = [*request.query_params.getlist(name), arguments.get(name)]
        values = [read_truth(value) for value in sent if value not in (None, "")]
        if any(value != values[0] for value in values):
            raise Failure("invalid", f"{name}: the request says different things of it; send it once.", field=name)
        if values:
            arguments[name] = values[-1]  # the body's own, whose type is checked
    return arguments
