"""The hops of the first calls, with a token: the handshake, the list of tools, and the newest form of the protocol."""

from typing import Any

from server.checks.connection.discovery import MCP
from server.checks.connection.hop import Hop, HopBroken
from server.checks.connection.visitor import Answer, Visitor

#: The version of the handshake that most clients speak, and the newest one, which has none.
HANDSHAKE, NEWEST = "2025-06-18", "2026-07-28"
STREAM = "/v1/live"
_OK, _UNAUTHORIZED = 200, 401
_CLIENT = {"name": "loci-connection-check", "version": "1"}


async def initialize(visitor: Visitor) -> str:
    """Send the first call of most clients, `initialize`."""
    asked = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": _CLIENT}
    result = _read_result(await _call(visitor, "initialize", asked))
    name: Any = result.get("serverInfo")
    if not isinstance(name, dict):
        raise HopBroken("`initialize` is answered without the server's name.", _CURE)
    return "`initialize` is answered."


async def list_tools(visitor: Visitor) -> str:
    """Ask for the tools, as a client does next."""
    headers = {"mcp-protocol-version": HANDSHAKE}
    result = _read_result(await _call(visitor, "tools/list", {}, headers))
    tools: Any = result.get("tools")
    if not isinstance(tools, list) or not tools:
        raise HopBroken("`tools/list` is answered without any tool.", _CURE)
    return f"`tools/list` names {len(tools)} tools."  # pyright: ignore[reportUnknownArgumentType] - JSON


async def call_newest(visitor: Visitor) -> str:
    """Ask for the tools as a client of the newest protocol does, which names the method in a header."""
    about = {"protocolVersion": NEWEST, "clientCapabilities": {}, "clientInfo": _CLIENT}
    asked = {"_meta": {f"io.modelcontextprotocol/{name}": value for name, value in about.items()}}
    headers = {"mcp-protocol-version": NEWEST, "mcp-method": "tools/list"}
    try:
        _read_result(await _call(visitor, "tools/list", asked, headers))
    except HopBroken as broken:
        cure = "Let the proxy pass on the headers MCP-Protocol-Version and Mcp-Method, and those that begin with Mcp-."
        raise HopBroken(broken.detail, cure, is_warning=True) from None
    return f"The protocol of {NEWEST} works, too."


async def read_stream(visitor: Visitor) -> str:
    """Begin to read a stream (SSE): its first event comes at once, unless a proxy waits for the end."""
    if not await visitor.get_first_bytes(STREAM, {"authorization": f"Bearer {visitor.token}"}):
        raise HopBroken(
            "No event of a stream arrives: the proxy waits for the end of an answer before it passes it on.",
            "Turn that off (nginx: `proxy_buffering off`). Calls work; the page Live and exports do not, or come late.",
            is_warning=True,
        )
    return "The first event of a stream arrives."


_CURE = "Look whether a proxy answers in the place of Loci, and into the log of both."


async def _call(visitor: Visitor, method: str, params: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    sent = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {visitor.token}",
        **(headers or {}),
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return await visitor.ask("POST", MCP, json=message, headers=sent)


def _read_result(answer: Answer) -> dict[str, Any]:
    """Return the result of a call. Raises `HopBroken` if there is none."""
    if answer.status == _UNAUTHORIZED:
        raise HopBroken(
            "The token is refused (401), although the server has just issued it.",
            "Let the proxy pass Authorization on; if there are several servers, let all have one database and one "
            "LOCI_SECRET_KEY.",
        )
    body = answer.read_object()
    result: Any = body.get("result")
    if answer.status != _OK or not isinstance(result, dict):
        error: Any = body.get("error")
        told = f": {error['message']}"[:300] if isinstance(error, dict) and "message" in error else "."
        raise HopBroken(f"The call got {answer.status}{told}", _CURE)
    return result  # pyright: ignore[reportUnknownVariableType] - JSON


HOPS = (
    Hop("initialize", initialize),
    Hop("tools", list_tools),
    Hop("newest protocol", call_newest),
    Hop("streams", read_stream),
)
