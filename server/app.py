"""The composition root: settings → collaborators → routes. Nobody else builds a collaborator or reads a setting."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from auth import routes as oauth
from auth.guard import Guard
from auth.server import AuthorizationServer
from server import __version__
from server.clock import utc_now
from server.config import Settings
from server.errors import STATUS, Failure
from server.services import open_services
from server.web import mcp, public, rest, signup
from server.web.connection import as_failure
from server.web.entrance import MAX_BODY, Entrance
from tools import catalog
from tools.core.services import Services


@dataclass(frozen=True, slots=True)
class Running:
    """A server's collaborators while they are open."""

    services: Services
    auth: AuthorizationServer
    setup_link: str | None


@asynccontextmanager
async def open_server(settings: Settings, now: Callable[[], datetime] = utc_now) -> AsyncGenerator[Running]:
    """Everything a server needs, open; closed in the opposite order when the block ends.

    Raises:
        AlreadyOwned: another process has the data folder's embedded engine.
        SchemaTooNew: the record was written by a newer version.
    """
    async with open_services(settings, now) as (services, auth):
        yield Running(services, auth, await auth.start())


def create_app(running: Running) -> Any:
    """The ASGI application for a set of open collaborators."""
    settings = running.services.settings
    url = settings.public_url
    guard: dict[str, Any] = {
        "metadata_url": f"{url}/.well-known/oauth-protected-resource/mcp",
        "audiences": frozenset({settings.resource}),
    }
    link_guard: dict[str, Any] = {
        "metadata_url": f"{url}/.well-known/oauth-protected-resource/v1/mcp",
        "audiences": frozenset({settings.resource, f"{url}/v1/mcp"}),
        "read_only": True,
    }
    full = _manager(mcp.build(catalog.CANONICAL, catalog.MEMENTO))
    memento = _manager(mcp.build(catalog.MEMENTO, catalog.CANONICAL, instructions=mcp.MEMENTO_INSTRUCTIONS))
    link = _manager(mcp.build(catalog.RECALL_LINK, instructions=mcp.LINK_INSTRUCTIONS, read_only=True))
    toolsets = {"": StreamableHTTPASGIApp(full), "memento": StreamableHTTPASGIApp(memento)}
    post = frozenset({"POST"})
    routes: list[BaseRoute] = [
        Route("/mcp", Guard(_by_toolset(toolsets), methods=post, **guard)),
        Route("/v1/mcp", Guard(StreamableHTTPASGIApp(link), methods=post, **link_guard)),
        *rest.routes(catalog.OPERATIONS, guard),
        Route(signup.PATH, signup.SignUpEndpoint),
        Route("/v1/{path:path}", Guard(_no_such_route, **guard)),
        *oauth.routes(),
        *public.routes(signup.described(rest.openapi(catalog.OPERATIONS, __version__, url))),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[dict[str, Any]]:
        async with full.run(), memento.run(), link.run():
            services = running.services
            yield {"services": services, "authenticator": services.authenticator, "auth": running.auth}

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_exception, Exception: _internal},  # pyright: ignore[reportArgumentType] - Starlette types the exception as Exception
    )
    app.router.redirect_slashes = False  # a redirect would lose the Authorization header
    return Entrance(app, public_url=url)


def _by_toolset(toolsets: Mapping[str, ASGIApp]) -> ASGIApp:
    """The tools that the connector URL's `toolset` names; without one, those with plain names."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        name = Request(scope).query_params.get("toolset", "")
        if name in toolsets:
            await toolsets[name](scope, receive, send)
            return
        known = ", ".join(filter(None, toolsets))
        message = f"toolset: there is no toolset {name[:60]!r}; send one of: {known}, or leave it out."
        await rest.refusal_response(Failure("invalid", message, field="toolset"))(scope, receive, send)

    return serve


def _manager(server: Server[Any]) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        server,
        json_response=True,
        stateless=True,
        max_request_body_size=MAX_BODY,
        # Host and Origin are checked once, by the Entrance, for every path.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


async def _no_such_route(scope: Any, receive: Any, send: Any) -> None:
    failure = Failure("not_found", f"There is no {scope['path']}; /openapi.json lists what there is.")
    await rest.refusal_response(failure)(scope, receive, send)


async def _internal(_request: Request, error: Exception) -> Response:
    """The entrance logs it; the caller learns nothing of it."""
    return rest.refusal_response(as_failure(error))


async def _http_exception(request: Request, error: HTTPException) -> Response:
    """Starlette's own refusals, in the one shape that refusals have."""
    if error.status_code == STATUS["not_found"]:
        return rest.refusal_response(
            Failure("not_found", f"There is no {request.url.path}; /openapi.json lists the API.")
        )
    code = "method_not_allowed" if error.status_code == STATUS["method_not_allowed"] else "malformed"
    refused = rest.refusal_response(Failure(code, f"{error.detail}."))
    refused.headers.update(error.headers or {})
    return refused
