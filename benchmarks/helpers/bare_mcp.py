"""The least that a server of the MCP SDK can be: one tool, no authorization, the same uvicorn options as ours.

Not a benchmark by itself: `door.py` and `startup.py` measure the product beside it. Arguments: a port, and a file
with the JSON that the tool answers.
"""

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": False}


def build_app(port: int, payload: dict[str, Any]) -> Starlette:
    tool = types.Tool(name="fetch", description="Read one memory.", input_schema=SCHEMA)
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))

    async def list_tools(_ctx: object, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool])

    async def call_tool(_ctx: object, _params: object) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=payload)

    server: Server[Any] = Server(
        "bare", on_list_tools=list_tools, on_call_tool=call_tool, get_tool_input_schema={"fetch": SCHEMA}.get
    )
    hosts = TransportSecuritySettings(allowed_hosts=[f"127.0.0.1:{port}"], allowed_origins=[])
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True, security_settings=hosts)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with manager.run():
            yield

    async def healthz(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    routes = [Route("/mcp", StreamableHTTPASGIApp(manager)), Route("/healthz", healthz)]
    return Starlette(lifespan=lifespan, routes=routes)


if __name__ == "__main__":
    listen, answer = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    uvicorn.run(
        build_app(listen, answer),
        port=listen,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
