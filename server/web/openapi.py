"""The OpenAPI 3.1 description of `/v1`, from the catalogue's rows."""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from pydantic import BaseModel

from server.errors import STATUS
from server.web.connection import WORKSPACE_HEADER
from server.web.rest import METHODS_WITH_BODY
from tools.core.arguments import WORKSPACE_PATTERN
from tools.core.operation import Effect, Operation
from tools.core.schema import build_schema

_BLOCK = {"type": "object", "properties": {"type": {"const": "text"}, "text": {"type": "string"}}}
_ENVELOPE = {"type": "array", "items": _BLOCK, "description": "The answer in words, as Memento's clients read it."}
#: An account's name may stand before a workspace's. Neither is blank or has more than 100 characters.
_NAME = r"[^/\s\x00-\x1f]([^/\x00-\x1f]{0,98}[^/\s\x00-\x1f])?"
_WORKSPACE_NAMES = rf"^{_NAME}(/{_NAME})?$"
_WORKSPACE = {"type": "string", "maxLength": 201, "pattern": _WORKSPACE_NAMES}
#: So many characters fit into a URL however they are encoded.
MOST_IN_URL = 2000
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key, in place of a bearer."},
}
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


def build_openapi(operations: Iterable[Operation], version: str, public_url: str) -> dict[str, Any]:
    """Return the OpenAPI document of these operations."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Refusal": _REFUSAL}
    for operation in operations:
        for method, path in operation.routes:
            paths.setdefault(path, {})[method.lower()] = _describe_operation(operation, method, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Loci", "version": version, "description": "The memory server for AI agents."},
        "servers": [{"url": public_url}],
        "security": [{name: []} for name in _SECURITY],
        "components": {"securitySchemes": _SECURITY, "schemas": schemas},
        "paths": paths,
    }


def move_definitions(shape: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without its definitions. They are added to `schemas`, where OpenAPI resolves references."""
    moved = json.loads(json.dumps(shape).replace('"#/$defs/', '"#/components/schemas/'))
    schemas |= moved.pop("$defs", {})
    return moved


def describe_json(description: str, shape: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAPI's description of a body or an answer of this shape."""
    return {"description": description, "content": {"application/json": {"schema": shape}}}


def describe_arguments(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an operation's arguments.

    It says two things more than the tools of MCP show to a model: the whole rule for names of workspaces, and that a
    list that may not be empty is required.
    """
    text = json.dumps(move_definitions(build_schema(model), schemas))
    shape = json.loads(text.replace(json.dumps(WORKSPACE_PATTERN), json.dumps(_WORKSPACE_NAMES)))
    lists = [name for name, each in shape["properties"].items() if each.get("minItems")]
    required = list(dict.fromkeys([*shape.get("required", []), *lists]))
    return shape | ({"required": required} if required else {})


def describe_refusal() -> dict[str, Any]:
    """Return OpenAPI's description of a refusal."""
    return describe_json("A refusal.", {"$ref": "#/components/schemas/Refusal"})


def add_paths(openapi: dict[str, Any], paths: dict[str, Any], schemas: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an OpenAPI document with paths added, and with these schemas in place of its own if they are given."""
    components = openapi["components"] if schemas is None else openapi["components"] | {"schemas": schemas}
    return openapi | {"components": components, "paths": openapi["paths"] | paths}


def describe_query(takes: dict[str, Any], in_path: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return OpenAPI's description of the arguments of this schema that stand in the query: not those in the path."""
    required = takes.get("required", [])
    return [
        _describe_parameter(name, each, "query", is_required=name in required)
        for name, each in takes["properties"].items()
        if name not in in_path
    ]


def _name_operation(operation: Operation, method: str, in_path: Collection[str]) -> str:
    """Return an id of its own for each route: the first one has the operation's name."""
    first = operation.routes[0][1]
    more = [f"_by_{name}" for name in in_path if f"{{{name}}}" not in first]
    return "".join([operation.name, "_patch" if method == "PATCH" else "", *more])


def _describe_operation(operation: Operation, method: str, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    takes = describe_arguments(operation.args, schemas)
    answers = move_definitions(build_schema(operation.returns), schemas)
    if operation.dialect.to_text:
        answers["properties"]["content"] = _ENVELOPE
    statuses = ["201"] if operation.effect is Effect.CREATE else ["200"]
    if "created" in answers["properties"]:
        statuses.append("200")
    in_path = re.findall(r"{(\w+)}", path)
    described: dict[str, Any] = {
        "operationId": _name_operation(operation, method, in_path),
        "summary": operation.title,
        "description": f"{operation.description}\n\nNeeds the scope `{operation.scope}`.",
        "responses": {
            **{status: describe_json("The answer.", answers) for status in statuses},
            "default": describe_refusal(),
        },
    }
    parameters = [_describe_parameter(name, takes["properties"][name], "path") for name in in_path]
    if method in METHODS_WITH_BODY:
        rest = {k: v for k, v in takes["properties"].items() if k not in in_path}
        required = [name for name in takes.get("required", []) if name not in in_path]
        body = takes | {"properties": rest, "required": required}
        described["requestBody"] = describe_json("The arguments.", body) | {"required": bool(required)}
    else:
        parameters += describe_query(takes, in_path)
    parameters.append(_describe_parameter(WORKSPACE_HEADER, _WORKSPACE, "header", is_required=False))
    return described | {"parameters": parameters}


def _describe_parameter(name: str, shape: dict[str, Any], place: str, *, is_required: bool = True) -> dict[str, Any]:
    if shape.get("maxLength", 0) > MOST_IN_URL:
        shape = shape | {"maxLength": MOST_IN_URL}
    return {"name": name, "in": place, "required": is_required, "schema": shape}
