"""The card of a recall, inside the chat (the extension MCP Apps, SEP-1865): what came up, why, and what to do with it.

A host that declares the extension gets the address of the card with the tools that recall, and the tools that the
card's buttons call, which its model does not see. Every other host gets the tools as they are.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mcp import types
from mcp.server.context import ServerRequestContext
from starlette.requests import Request

from tools.core.operation import Operation

#: The names of the specification.
EXTENSION = "io.modelcontextprotocol/ui"
MIME_TYPE = "text/html;profile=mcp-app"
URI = "ui://loci/recalled.html"
#: The tools whose answers the card shows.
SHOWN = ("retrieve_context", "search")
#: The tools that its buttons call.
ACTIONS = (
    "delete_memory",
    "restore_memory",
    "bury_memory",
    "unbury_memory",
    "pin_memory",
    "unpin_memory",
    "explain_recall",
)
#: The field of an answer that names the buttons that the caller may use.
ACTIONS_FIELD = "loci/actions"
#: A client of the protocols with a handshake says once what it can do, and this server keeps no sessions. So the id of
#: its session says it again with each request.
_SESSION = "cards-"
SESSION_HEADER = "mcp-session-id"
_CARD = {"ui": {"resourceUri": URI}}
_FOR_THE_CARD = {"ui": {"visibility": ["app"]}}
_FOLDER = Path(__file__).parent / "card"


def _build_page() -> str:
    """Return the page as one file. Its policy allows its own style and script alone, and no connection."""
    style, script = ((_FOLDER / name).read_text() for name in ("card.css", "card.js"))
    parts = {"STYLE_HASH": _hash(style), "SCRIPT_HASH": _hash(script), "STYLE": style, "SCRIPT": script}
    page = (_FOLDER / "card.html").read_text()
    for name, text in parts.items():
        page = page.replace(name, text, 1)
    return page


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


PAGE = _build_page()


def declares_cards(capabilities: object) -> bool:
    """Whether a client's capabilities, as they were sent, have the extension and the media type of its pages."""
    value: Any = capabilities
    for name in ("extensions", EXTENSION, "mimeTypes"):
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return isinstance(value, list) and MIME_TYPE in value


def make_session_id() -> str:
    """Return the id of a session of a client that declares the extension in its handshake."""
    return f"{_SESSION}{secrets.token_hex(16)}"


def shows_cards(ctx: ServerRequestContext[Any, Any], request: Request) -> bool:
    """Whether the client of a request shows cards: it says so in the request, or said so in its handshake."""
    declared = ctx.session.client_capabilities
    if declared is not None and declares_cards({"extensions": declared.extensions}):
        return True
    return request.headers.get(SESSION_HEADER, "").startswith(_SESSION)


class Cards:
    """Gives the hosts that show cards what they need.

    Args:
        operations: all operations that can be called.
        actions: the tools that the buttons call, by their names; empty if the server has no cards.
    """

    def __init__(self, operations: Mapping[str, Operation], actions: Mapping[str, types.Tool]) -> None:
        self._scopes = {name: operations[name].scope for name in actions}
        self._actions = actions

    def add_to_list(
        self, ctx: ServerRequestContext[Any, Any], request: Request, listed: list[types.Tool]
    ) -> list[types.Tool]:
        """Return a list of tools; for a host with cards with the card, and with the tools of its buttons."""
        if not self._actions or not shows_cards(ctx, request):
            return listed
        names = {each.name for each in listed}
        shown = [each.model_copy(update={"meta": _CARD}) if each.name in SHOWN else each for each in listed]
        missing = [self._actions[name] for name in self._list_actions(request) if name not in names]
        return shown + [each.model_copy(update={"meta": _FOR_THE_CARD}) for each in missing]

    def add_to_result(
        self, ctx: ServerRequestContext[Any, Any], request: Request, tool: str, result: types.CallToolResult
    ) -> types.CallToolResult:
        """Return the result of a tool; for a host with cards, and a tool that has one, with the caller's actions."""
        if not self._actions or tool not in SHOWN or not shows_cards(ctx, request):
            return result
        return result.model_copy(update={"meta": {ACTIONS_FIELD: self._list_actions(request)}})

    def _list_actions(self, request: Request) -> list[str]:
        """Return the names of the actions that the caller may do."""
        scopes: frozenset[str] = request.state.principal.scopes
        return [name for name, scope in self._scopes.items() if scope in scopes]


def read_page(uri: str) -> types.ReadResourceResult:
    """Return the page as a resource. It needs nothing of other sites, and asks for no permission."""
    ui: dict[str, Any] = {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
    content = types.TextResourceContents.model_validate(
        {"uri": uri, "mimeType": MIME_TYPE, "text": PAGE, "_meta": {"ui": ui}}
    )
    return types.ReadResourceResult(contents=[content])
