"""The routes without a login: the root, the health checks and the description of the API."""

from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from server import __version__
from server.errors import STATUS
from server.retry_after import retry_after_headers
from server.store.search.seam import EngineDown

#: For how many seconds a prober should wait before it asks again whether the stores are back.
RETRY_SECONDS = 5


def make_routes(openapi: dict[str, Any]) -> list[Route]:
    """Return the public routes."""

    async def description(_request: Request) -> JSONResponse:
        return JSONResponse(openapi, headers={"Cache-Control": "public, max-age=300"})

    return [
        Route("/", root),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/openapi.json", description),
    ]


async def root(request: Request) -> Response:
    """GET / - send a browser to the pages, and describe the server to a program."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/apps")
    text = f"Loci {__version__}: memory for AI agents. MCP at /mcp, REST at /v1, described by /openapi.json."
    return JSONResponse({"name": "loci", "version": __version__, "content": [{"type": "text", "text": text}]})


async def healthz(_request: Request) -> JSONResponse:
    """GET /healthz - 200 as long as the event loop runs; no store is asked."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> JSONResponse:
    """GET /readyz - 200 if both stores answer, else 503 with the store that does not."""
    services = request.state.services
    states = {"record": "ok", "search": "ok", "embeddings": services.encoder.source.state}
    try:
        await services.db.ping()
    except (DBAPIError, OSError):
        states["record"] = "unavailable"
    try:
        await services.projection.ping()
    except EngineDown:
        states["search"] = "unavailable"
    is_ready = "unavailable" not in states.values()
    headers = {"Cache-Control": "no-store"} | retry_after_headers(None if is_ready else RETRY_SECONDS)
    body = {"status": "ok" if is_ready else "unavailable", **states}
    return JSONResponse(body, 200 if is_ready else STATUS["unavailable"], headers)
