"""All endpoints and pages of the authorization server: one row each."""

from starlette.routing import Route

from auth.authorization.authorization_endpoint import PATH, authorize
from auth.clients.registration_endpoint import register
from auth.grants.revocation_endpoint import revoke
from auth.grants.token_endpoint import token
from auth.metadata import (
    AUTHORIZATION_SERVER_PATHS,
    RESOURCE_METADATA,
    authorization_server,
    jwks,
    mcp_resource,
    recall_resource,
)
from auth.pages.apps import apps
from auth.pages.login import login, logout
from auth.pages.page import PageHandler, style, with_refusal_page
from auth.pages.signup import setup, signup
from auth.resources import MCP_PATH, RECALL_PATH


def build_routes() -> list[Route]:
    """Return the routes. Their endpoints find the `AuthorizationServer` in `request.state.auth`."""
    return [
        Route(RESOURCE_METADATA, mcp_resource),
        Route(f"{RESOURCE_METADATA}{MCP_PATH}", mcp_resource),
        Route(f"{RESOURCE_METADATA}{RECALL_PATH}", recall_resource),
        *(Route(path, authorization_server) for path in AUTHORIZATION_SERVER_PATHS),
        Route("/oauth/jwks", jwks),
        Route("/oauth/register", register, methods=["POST"]),
        _route_page(PATH, authorize),
        Route("/oauth/token", token, methods=["POST"]),
        Route("/oauth/revoke", revoke, methods=["POST"]),
        _route_page("/setup", setup),
        _route_page("/signup", signup),
        _route_page("/login", login),
        _route_page("/logout", logout),
        _route_page("/apps", apps),
        Route("/static/loci.css", style),
    ]


def _route_page(path: str, handler: PageHandler) -> Route:
    """Return the route of a page: it takes a form, and answers a refusal with a page."""
    return Route(path, with_refusal_page(handler), methods=["GET", "POST"])
