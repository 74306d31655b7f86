"""The MCP servers as ASGI applications: for `/mcp` the one that the URL's `toolset` names, for `/v1/mcp` another."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from server.errors import Failure
from server.web.mcp import door
from server.web.mcp.request import read_first
from server.web.request_body import MAX_BODY
from tools import catalog, toolsets

#: What an agent is told to do with the tools of other systems, by the toolset.
_INSTRUCTIONS = {
    "memento": door.MEMENTO_INSTRUCTIONS,
    "min-memory": door.MIN_MEMORY_INSTRUCTIONS,
    "knowledge-graph": door.KNOWLEDGE_GRAPH_INSTRUCTIONS,
    "mem0": door.MEM0_INSTRUCTIONS,
}


class McpApps:
    """The MCP servers. They answer while `run` is entered.

    Attributes:
        connector: the server for `/mcp`. The `toolset` of its URL says which of the tools it lists.
        recall_link: the read-only server for `/v1/mcp`.
    """

    def __init__(self) -> None:
        operations = {**catalog.CANONICAL, **catalog.MEMENTO}
        connectors = {
            name: _make_manager(
                door.build_server(
                    operations,
                    toolset,
                    instructions=_INSTRUCTIONS.get(name, door.INSTRUCTIONS),
                    others=catalog.OTHERS.get(name, {}),
                )
            )
            for name, toolset in toolsets.TOOLSETS.items()
        }
        link = _make_manager(
            door.build_server(
                catalog.RECALL_LINK, toolsets.RECALL_LINK, instructions=door.LINK_INSTRUCTIONS, read_only=True
            )
        )
        self._managers = [*connectors.values(), link]
        self.connector = _route_by_toolset({name: _serve(each) for name, each in connectors.items()})
        self.recall_link = _serve(link)

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Keep the servers running while the block lasts."""
        async with AsyncExitStack() as stack:
            for each in self._managers:
                await stack.enter_async_context(each.run())
            yield


def _serve(manager: StreamableHTTPSessionManager) -> ASGIApp:
    return read_first(StreamableHTTPASGIApp(manager))


def _route_by_toolset(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    """Return the application that passes a request to the toolset of the URL's query, "" if it names none."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        name = Request(scope).query_params.get("toolset", "") if scope["query_string"] else ""
        if name not in apps:
            known = ", ".join(filter(None, apps))
            message = f"toolset: there is no toolset {name[:60]!r}; send one of: {known}, or leave it out."
            raise Failure("invalid", message, field="toolset")
        await apps[name](scope, receive, send)

    return serve


def _make_manager(server: Server[Any]) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        server,
        json_response=True,
        stateless=True,
        max_request_body_size=MAX_BODY,
        # Host and Origin are checked once, by the Entrance, for every path.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
