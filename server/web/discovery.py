"""The documents by which programs find this MCP server: its server card, and the catalogue that names the card.

The card has the form of the MCP extension for server cards (SEP-2127, version 1 of its schema), the catalogue that of
the AI Catalog. Both are the same for everybody and say nothing that a client does not learn when it connects.
"""

import re
from typing import Any

from mcp_types.version import SUPPORTED_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.resources import MCP_PATH
from server import __version__
from server.network.origins import find_host

#: The extension reserves the place behind the endpoint. Scanners also look below `.well-known`.
CARD_PATHS = (f"{MCP_PATH}/server-card", "/.well-known/mcp/server-card", "/.well-known/mcp/server-card.json")
CATALOG_PATH = "/.well-known/ai-catalog.json"

CARD_SCHEMA = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"
CARD_TYPE = "application/mcp-server-card+json"
CATALOG_TYPE = "application/ai-catalog+json"

TITLE = "Loci"
DESCRIPTION = "Memory for AI agents: they remember across sessions what was said, decided and ruled out."
_NAME = "loci"
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9.-]")
#: A cache that has met a request without an origin may give its answer to a page of another one.
_HEADERS = {"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"}


def build_server_card(public_url: str) -> dict[str, Any]:
    """Return the server card of the MCP server at a public URL."""
    return {
        "$schema": CARD_SCHEMA,
        "name": f"{_reverse_host(public_url)}/{_NAME}",
        "version": __version__,
        "title": TITLE,
        "description": DESCRIPTION,
        "remotes": [
            {
                "type": "streamable-http",
                "url": f"{public_url}{MCP_PATH}",
                "supportedProtocolVersions": list(SUPPORTED_PROTOCOL_VERSIONS),
            }
        ],
    }


def build_catalog(public_url: str) -> dict[str, Any]:
    """Return the catalogue of the MCP servers at a public URL. It has one entry."""
    publisher = _NOT_IN_A_NAME.sub("-", find_host(public_url))
    entry = {
        "identifier": f"urn:air:{publisher}:{_NAME}",
        "displayName": TITLE,
        "type": CARD_TYPE,
        "url": f"{public_url}{CARD_PATHS[0]}",
    }
    return {"specVersion": "1.0", "entries": [entry]}


def make_routes(public_url: str) -> list[Route]:
    """Return the routes of the two documents."""
    card, catalog = build_server_card(public_url), build_catalog(public_url)

    async def serve_card(_request: Request) -> Response:
        return JSONResponse(card, headers=_HEADERS, media_type=CARD_TYPE)

    async def serve_catalog(_request: Request) -> Response:
        return JSONResponse(catalog, headers=_HEADERS, media_type=CATALOG_TYPE)

    return [*(Route(path, serve_card) for path in CARD_PATHS), Route(CATALOG_PATH, serve_catalog)]


def _reverse_host(public_url: str) -> str:
    """Return the host of a URL as a server's name begins: its labels in the opposite order; an address as it is."""
    host = find_host(public_url)
    is_address = re.fullmatch(r"[0-9.]+|.*:.*", host) is not None
    return _NOT_IN_A_NAME.sub("-", host if is_address else ".".join(reversed(host.split("."))))
