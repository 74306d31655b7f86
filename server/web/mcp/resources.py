"""Memories as MCP resources: `memory://recent`, `memory://workspaces` and `memory://memories/{id}`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from server.errors import Failure
from server.web.mcp import cards
from tools.core.operation import Operation

Context = ServerRequestContext[Any, Any]
AnswerOperation = Callable[[Operation, Context, dict[str, Any]], Awaitable[BaseModel]]

SCHEME = "memory"
JSON = "application/json"

#: The resources without a parameter: the operation that reads each, its title and its description.
STATIC = {
    "recent": ("recent", "Recent memories", "The newest memories of the connection's workspace."),
    "workspaces": ("list_workspaces", "Workspaces", "The workspaces you can use."),
}
TEMPLATES = (
    types.ResourceTemplate(
        name="memory",
        title="One memory",
        uri_template="memory://memories/{id}",
        description="A memory by its id.",
        mime_type=JSON,
    ),
    types.ResourceTemplate(
        name="recent-in-workspace",
        title="Recent memories of a workspace",
        uri_template="memory://workspaces/{workspace}/recent",
        description="The newest memories of a workspace, by its name.",
        mime_type=JSON,
    ),
)


def make_handlers(operations: Mapping[str, Operation], answer_operation: AnswerOperation) -> dict[str, Any]:
    """Return the SDK's handlers for resources and for the completion of their templates."""
    resources = types.ListResourcesResult(
        resources=[
            types.Resource(name=name, title=title, uri=f"{SCHEME}://{name}", description=description, mime_type=JSON)
            for name, (_, title, description) in STATIC.items()
        ]
    )
    templates = types.ListResourceTemplatesResult(resource_templates=list(TEMPLATES))

    async def call(name: str, ctx: Context, arguments: dict[str, Any], about: object) -> BaseModel:
        try:
            return await answer_operation(operations[name], ctx, arguments)
        except Failure as failure:
            code = types.INVALID_PARAMS if failure.code in {"invalid", "not_found"} else types.INTERNAL_ERROR
            raise MCPError(code, f"{failure.code}: {failure.message}", about) from None

    async def list_resources(_ctx: Context, _params: object) -> types.ListResourcesResult:
        return resources

    async def list_templates(_ctx: Context, _params: object) -> types.ListResourceTemplatesResult:
        return templates

    async def read(ctx: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        if uri == cards.URI:
            return cards.read_page(uri)
        name, arguments = _parse_uri(uri)
        result = await call(name, ctx, arguments, {"uri": uri})
        text = result.model_dump_json(exclude_none=True)
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=params.uri, mime_type=JSON, text=text)]
        )

    async def complete(ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        values = []
        if params.argument.name == "workspace":
            listed = await call("list_workspaces", ctx, {}, None)
            names = [each["address"] for each in listed.model_dump()["workspaces"]]
            values = [name for name in names if name.startswith(params.argument.value)][:100]
        return types.CompleteResult(completion=types.Completion(values=values, total=len(values), has_more=False))

    return {
        "on_list_resources": list_resources,
        "on_list_resource_templates": list_templates,
        "on_read_resource": read,
        "on_completion": complete,
    }


def _parse_uri(uri: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments of the operation that reads a URI. Raises MCPError if there is none."""
    scheme, _, path = uri.partition("://")
    if scheme == SCHEME:
        match [unquote(part) for part in path.split("/")]:
            case [name] if name in STATIC:
                return STATIC[name][0], {}
            case ["memories", memory_id]:
                return "fetch", {"id": memory_id}
            case ["workspaces", workspace, "recent"]:
                return "recent", {"workspace": workspace}
            case _:
                pass
    raise MCPError(types.INVALID_PARAMS, f"Resource not found: {uri}", {"uri": uri})
