"""The routes without a login: the root, the health checks and the description of the API."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from server import __version__
from server.errors import STATUS
from server.network.retry_after import retry_after_headers
from server.store.db import Database
from server.store.outage import Outage, find_outage
from server.store.search.seam import EngineDown
from tools.core.services import Services

#: The time between two tries to write into the record.
WRITE_INTERVAL = timedelta(seconds=5)
#: Where claude-mem's clients ask what server this is.
INFO_PATH = "/v1/info"
_STATES: dict[Outage, str] = {"full": "disk full", "damaged": "damaged", "down": "unavailable"}
#: For how many seconds a prober should wait before it asks again whether the stores are back.
RETRY_SECONDS = 5


def make_routes(openapi: dict[str, Any]) -> list[Route]:
    """Return the public routes."""

    async def get_description(_request: Request) -> JSONResponse:
        return JSONResponse(openapi, headers={"Cache-Control": "public, max-age=300"})

    return [
        Route("/", get_root),
        Route("/healthz", get_healthz),
        Route("/health", get_health),
        Route("/readyz", Readiness().answer),
        Route(INFO_PATH, get_info),
        Route("/openapi.json", get_description),
    ]


async def get_root(request: Request) -> Response:
    """GET / - send a browser to the pages, and describe the server to a program."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/memories")
    text = f"Loci {__version__}: memory for AI agents. MCP at /mcp, REST at /v1, described by /openapi.json."
    return JSONResponse({"name": "loci", "version": __version__, "content": [{"type": "text", "text": text}]})


async def get_healthz(_request: Request) -> JSONResponse:
    """GET /healthz - 200 as long as the event loop runs; no store is asked."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def get_health(request: Request) -> JSONResponse:
    """GET /health - as /healthz, in the form of Context Memory."""
    services: Services = request.state.services
    body = {"status": "ok", "version": __version__, "timestamp": services.now().isoformat()}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def get_info(_request: Request) -> JSONResponse:
    """GET /v1/info - the server's name, in the form of claude-mem: its clients look for this runtime."""
    body = {"name": "loci", "version": __version__, "runtime": "server-beta", "authMode": "api-key"}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


class Readiness:
    """The answer of /readyz. A write is tried at most every few seconds; in between the last result counts."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._next_write: datetime | None = None
        self._outage: Outage | None = None

    async def answer(self, request: Request) -> JSONResponse:
        """GET /readyz - 200 if both stores answer and the record can be written, else 503 with the store at fault."""
        services = request.state.services
        states = {"record": "ok", "search": "ok", "embeddings": services.encoder.source.state}
        if outage := await self._find_outage(services):
            states["record"] = _STATES[outage]
        try:
            await services.projection.ping()
        except EngineDown:
            states["search"] = "unavailable"
        is_ready = states["record"] == states["search"] == "ok"
        headers = {"Cache-Control": "no-store"} | retry_after_headers(None if is_ready else RETRY_SECONDS)
        body = {"status": "ok" if is_ready else "unavailable", **states}
        return JSONResponse(body, 200 if is_ready else STATUS["unavailable"], headers)

    async def _find_outage(self, services: Services) -> Outage | None:
        try:
            await services.db.ping()
            async with self._lock:
                now = services.now()
                if self._next_write is None or now >= self._next_write:
                    self._next_write = now + WRITE_INTERVAL
                    self._outage = await _try_write(services.db)
        except (DBAPIError, OSError) as error:
            return find_outage(error) or "down"
        return "damaged" if services.db.is_damaged else self._outage


async def _try_write(db: Database) -> Outage | None:
    """Return the outage that keeps the record from being written, None if it can be."""
    try:
        await db.check_write()
    except (DBAPIError, OSError) as error:
        return find_outage(error) or "down"
    return None
