"""The composition root of the server: settings → collaborators → routes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.bearers.guard import Guard
from auth.refused_bearers import note_refused_bearer
from auth.resources import MCP_PATH, RECALL_PATH, ProtectedResource
from auth.routes import build_routes
from auth.server import AuthorizationServer
from server import __version__
from server.clock import Clock, utc_now
from server.config import Settings
from server.errors import Failure
from server.services import open_services
from server.telemetry import Telemetry, open_telemetry
from server.web import (
    audit_csv,
    discovery,
    everything,
    export,
    image_endpoint,
    import_endpoint,
    live,
    public,
    rest,
    signup_endpoint,
)
from server.web.browser_page import BrowserPage, answer_missing_page
from server.web.console import routes as console
from server.web.entrance import Entrance
from server.web.mcp.app import McpApps
from server.web.openapi import build_openapi
from tools import catalog
from tools.core.services import Services


@dataclass(frozen=True, slots=True)
class Running:
    """A server's settings and collaborators while they are open."""

    settings: Settings
    services: Services
    auth: AuthorizationServer
    #: The URL that makes the first admin account, or None if there is an admin.
    setup_link: str | None
    #: The metrics and traces that the settings ask for.
    telemetry: Telemetry
    #: The streams of the live page and of `/v1/live`.
    streams: live.OpenStreams = field(default_factory=live.OpenStreams)


@asynccontextmanager
async def open_server(
    settings: Settings, now: Clock = utc_now, hasher: PasswordHasher | None = None
) -> AsyncGenerator[Running]:
    """Open everything a server needs, and close it in the opposite order when the block ends.

    Raises:
        AlreadyOwned: another process has the data folder's embedded engine.
        SchemaTooNew: the record was written by a newer version.
    """
    async with (
        open_telemetry(settings) as telemetry,
        open_services(settings, now, hasher, telemetry.observer) as (services, auth),
    ):
        yield Running(settings, services, auth, await auth.start(), telemetry)


def create_app(running: Running) -> ASGIApp:
    """Return the ASGI application for a set of open collaborators."""
    url, audience = running.settings.public_url, running.settings.resource
    asked_scopes = running.auth.settings.asked_scopes
    api = ProtectedResource(
        metadata_url=f"{url}/.well-known/oauth-protected-resource/mcp",
        audiences=frozenset({audience}),
        asked_scopes=asked_scopes,
    )
    recall_link = ProtectedResource(
        metadata_url=f"{url}/.well-known/oauth-protected-resource/v1/mcp",
        audiences=frozenset({audience, f"{url}/v1/mcp"}),
        is_read_only=True,
        asked_scopes=asked_scopes,
    )
    guard = partial(Guard, on_refused=note_refused_bearer)
    mcp_apps = McpApps()
    watch = live.LiveEndpoint(running.streams)
    post = frozenset({"POST"})
    connector = BrowserPage(guard(mcp_apps.connector, api, post), audience)
    link = BrowserPage(guard(mcp_apps.recall_link, recall_link, post), f"{url}{RECALL_PATH}", is_read_only=True)
    routes: list[BaseRoute] = [
        # People paste the address with a slash at its end, too. A redirect would lose the Authorization header.
        *(Route(path, connector) for path in (MCP_PATH, f"{MCP_PATH}/")),
        *(Route(path, link) for path in (RECALL_PATH, f"{RECALL_PATH}/")),
        Route(export.PATH, guard(export.answer_export, api, frozenset({"GET"}))),
        Route(live.PATH, guard(watch, api, live.METHODS)),
        # before the operation of the same path, which answers with JSON
        audit_csv.CsvRoute(audit_csv.PATH, guard(audit_csv.answer_csv, api, frozenset({"GET"}))),
        *rest.make_routes(catalog.OPERATIONS, lambda app, methods: guard(app, api, methods)),
        *(Route(path, signup_endpoint.SignUpEndpoint) for path in signup_endpoint.PATHS),
        # before the page of the same path, which takes forms
        signup_endpoint.JsonRoute(signup_endpoint.PAGE_PATH, signup_endpoint.SignUpEndpoint),
        Route(import_endpoint.PATH, guard(import_endpoint.answer_import, api, import_endpoint.METHODS)),
        Route(everything.PATH, guard(everything.answer_export, api, frozenset({"GET"}))),
        Route(image_endpoint.PATH, guard(image_endpoint.answer_picture, api, image_endpoint.METHODS)),
        *build_routes(issues_tokens=running.auth.external is None),
        *public.make_routes(describe_api(url)),
        Route("/v1/{path:path}", guard(_refuse_unknown_path, api)),
        *console.make_routes(watch),
        *discovery.make_routes(url),
    ]
    app = Starlette(
        routes=routes,
        lifespan=partial(_run_apps, mcp_apps, running),
        # Starlette's own answers to errors: each goes on to the Entrance, which answers every error.
        exception_handlers={HTTPException: answer_missing_page, Exception: _raise_error},
    )
    app.router.redirect_slashes = False  # a redirect would lose the Authorization header
    return Entrance(
        app,
        public_url=url,
        cors_origins=running.settings.cors_origins,
        observer=running.telemetry.observer,
    )


def describe_api(public_url: str) -> dict[str, Any]:
    """Return the OpenAPI document: the operations, and the routes of the API that are none."""
    openapi = build_openapi(catalog.OPERATIONS, __version__, public_url)
    openapi = everything.add_to_openapi(import_endpoint.add_to_openapi(openapi))
    openapi = audit_csv.add_to_openapi(signup_endpoint.add_to_openapi(openapi))
    return live.add_to_openapi(image_endpoint.add_to_openapi(export.add_to_openapi(openapi)))


@asynccontextmanager
async def _run_apps(mcp_apps: McpApps, running: Running, _app: Starlette) -> AsyncGenerator[dict[str, Any]]:
    """Run the MCP servers, and give each request its collaborators in `request.state`."""
    async with mcp_apps.run():
        services = running.services
        yield {"services": services, "authenticator": services.authenticator, "auth": running.auth}


async def _refuse_unknown_path(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise Failure("not_found", f"There is no {scope['path']}; /openapi.json lists what there is.")


async def _raise_error(_request: Request, error: Exception) -> Response:
    raise error
