"""The REST door: `/v1`, generated from the catalogue."""

import json
import re
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.guard import Guard, need_scopes
from server.errors import STATUS, Failure
from server.web.connection import WORKSPACE_HEADER, named_workspace, peeked_workspaces
from tools.core.operation import Door, Effect, Operation, Spoken, run
from tools.core.schema import schema

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
#: What a URL may name whatever the method, as Memento's clients do: see `server.web.connection`.
_IN_URL = frozenset({"workspace", "peek_workspaces"})
#: Arguments that may stand in the query where others stand in the body: they say how, and not what.
_IN_QUERY = frozenset({"dry_run"})
_TEXT = {"type": "object", "properties": {"type": {"const": "text"}, "text": {"type": "string"}}}
_ENVELOPE = {"type": "array", "items": _TEXT, "description": "The answer in words, as Memento's clients read it."}
_REFUSAL = {
    "type": "object",
    "required": ["error", "message", "content"],
    "properties": {
        "error": {"enum": sorted(STATUS), "description": "A stable code."},
        "message": {"type": "string", "description": "What is wrong, and what to send instead."},
        "field": {"type": "string", "description": "The argument that is wrong."},
        "scopes": {"type": "array", "items": {"type": "string"}, "description": "The scopes to ask for."},
        "retry_after": {"type": "integer", "description": "Seconds after which the same request may succeed."},
        "limit": {"type": "integer", "description": "With quota_exceeded: how many the account's plan allows."},
        "current": {"type": "integer", "description": "With quota_exceeded: how many the account has."},
        "content": _ENVELOPE,
    },
}


def routes(operations: Iterable[Operation], guard: dict[str, Any]) -> list[Route]:
    """One route for each path, dispatching on its methods; so a wrong method is a 405 that names the right ones."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        for method, path in operation.routes:
            by_path.setdefault(path, {})[method] = operation
    # A literal path is tried before one with a parameter: /v1/memories/recent before /v1/memories/{id}.
    ordered = sorted(by_path.items(), key=lambda item: "{" in item[0])
    return [Route(path, Guard(_endpoint(methods), methods=frozenset(methods), **guard)) for path, methods in ordered]


def _endpoint(methods: dict[str, Operation]) -> Any:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await _answer(methods[request.method], request)
        except Failure as failure:
            if failure.code == "insufficient_scope":
                need_scopes(scope, failure)
            response = refusal_response(failure)
        await response(scope, receive, send)

    return endpoint


def refusal_response(failure: Failure) -> JSONResponse:
    """A refusal as HTTP."""
    headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
    return JSONResponse(failure.body(), int(failure.status), headers)


async def _answer(operation: Operation, request: Request) -> Response:
    has_body = request.method in _WITH_BODY
    raw = await _body(request, _flags(operation)) if has_body else await _query(request)
    door = Door(
        principal=request.state.principal,
        request_id=request.state.request_id,
        workspace=named_workspace(request),
        peek=peeked_workspaces(request),
        as_text=not has_body,
    )
    result = await run(operation, request.state.services, door, raw | request.path_params)
    is_new = operation.effect is Effect.CREATE and getattr(result, "created", True)
    status, headers = 201 if is_new else 200, {"Cache-Control": "no-store"}
    if not isinstance(result, Spoken):
        return Response(result.model_dump_json(), status, headers, "application/json")
    body = result.model_dump(mode="json") | {"content": [{"type": "text", "text": result.text()}]}
    return JSONResponse(body, status, headers)


async def _query(request: Request) -> dict[str, Any]:
    """The query string as arguments; a repeated key is a list. What stands in a body would be passed over: refused."""
    if (await request.body()).strip() not in {b"", b"{}"}:
        raise Failure("malformed", f"{request.method} takes its arguments in the query, not in a body.")
    query = request.query_params
    return {key: values[0] if len(values := query.getlist(key)) == 1 else values for key in query}


def _flags(operation: Operation) -> frozenset[str]:
    return _IN_QUERY & operation.args.model_fields.keys()


async def _body(request: Request, flags: frozenset[str]) -> dict[str, Any]:
    """The JSON object in the body; no body is an empty one. What stands in the query would be passed over: refused."""
    if stray := [name for name in request.query_params if name not in _IN_URL | flags]:
        raise Failure("malformed", f"{stray[0]}: {request.method} takes its arguments in the body, not in the query.")
    sent = {name: value for name, value in request.query_params.items() if name in flags}
    return {name: {"true": True, "false": False}.get(value, value) for name, value in sent.items()} | (
        await parsed(request)
    )


async def parsed(request: Request) -> dict[str, Any]:
    """The JSON object in the body, empty where there is no body. Raises `malformed` or `unsupported_media_type`."""
    content = await request.body()
    if not content.strip():
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Failure(
            "unsupported_media_type", f"Send JSON with `Content-Type: application/json`; this is {media_type!r}."
        )
    try:
        parsed = json.loads(content, parse_constant=_no_constant)
    except RecursionError:
        raise Failure("malformed", "The body is nested too deep.") from None
    except ValueError as error:
        reason = str(error).partition(";")[0]  # behind it, Python says how to lift a limit of its own
        raise Failure("malformed", f"The body is not valid JSON: {reason}.") from None
    if not isinstance(parsed, dict):
        raise Failure("malformed", "The body must be a JSON object.")
    return parsed  # pyright: ignore[reportUnknownVariableType] - JSON


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def openapi(operations: Iterable[Operation], version: str, public_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description of `/v1`, from the same rows."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Refusal": _REFUSAL}
    for operation in operations:
        for method, path in operation.routes:
            paths.setdefault(path, {})[method.lower()] = _described(operation, method, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Loci", "version": version, "description": "The memory server for AI agents."},
        "servers": [{"url": public_url}],
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
        "paths": paths,
    }


def hoisted(shape: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """A schema whose definitions stand among the document's, where OpenAPI resolves references."""
    moved = json.loads(json.dumps(shape).replace('"#/$defs/', '"#/components/schemas/'))
    schemas |= moved.pop("$defs", {})
    return moved


def _described(operation: Operation, method: str, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    takes, answers = hoisted(schema(operation.args), schemas), hoisted(schema(operation.returns), schemas)
    if issubclass(operation.returns, Spoken):
        answers["properties"]["content"] = _ENVELOPE
    statuses = ["201"] if operation.effect is Effect.CREATE else ["200"]
    if "created" in answers["properties"]:
        statuses.append("200")
    in_path = re.findall(r"{(\w+)}", path)
    described: dict[str, Any] = {
        "operationId": operation.name if method != "PATCH" else f"{operation.name}_patch",
        "summary": operation.title,
        "description": f"{operation.description}\n\nNeeds the scope `{operation.scope}`.",
        "responses": {
            **{status: as_json("The answer.", answers) for status in statuses},
            "default": as_json("A refusal.", {"$ref": "#/components/schemas/Refusal"}),
        },
    }
    parameters = [_parameter(name, takes["properties"][name], "path") for name in in_path]
    if method in _WITH_BODY:
        rest = {k: v for k, v in takes["properties"].items() if k not in in_path}
        required = [name for name in takes.get("required", []) if name not in in_path]
        body = takes | {"properties": rest, "required": required}
        described["requestBody"] = as_json("The arguments.", body) | {"required": bool(required)}
        flags = sorted(_flags(operation) & takes["properties"].keys())
        parameters += [_parameter(name, takes["properties"][name], "query", required=False) for name in flags]
    else:
        required = takes.get("required", [])
        parameters += [
            _parameter(name, each, "query", required=name in required)
            for name, each in takes["properties"].items()
            if name not in in_path
        ]
    parameters.append(_parameter(WORKSPACE_HEADER, {"type": "string"}, "header", required=False))
    return described | {"parameters": parameters}


def as_json(description: str, shape: dict[str, Any]) -> dict[str, Any]:
    """A body or an answer of this shape, as OpenAPI describes it."""
    return {"description": description, "content": {"application/json": {"schema": shape}}}


def _parameter(name: str, shape: dict[str, Any], where: str, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": shape}
