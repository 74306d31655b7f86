"""All endpoints and pages of the authorization server: one row each."""

from starlette.routing import Route

from auth.accounts.password_changes import PATH as RESET_PATH
from auth.authorization.authorization_endpoint import PATH, authorize_client
from auth.clients.registration_endpoint import register_client
from auth.grants.revocation_endpoint import revoke_token
from auth.grants.token_endpoint import issue_tokens
from auth.issued_elsewhere import make_refusal, refuse_login
from auth.metadata import (
    AUTHORIZATION_SERVER_PATHS,
    RESOURCE_METADATA,
    serve_key_set,
    serve_mcp_metadata,
    serve_recall_metadata,
    serve_server_metadata,
)
from auth.pages.apps import serve_apps_page
from auth.pages.language_page import PATH as LANGUAGE_PATH
from auth.pages.language_page import choose_page_language
from auth.pages.login import serve_login_page, serve_logout_page
from auth.pages.own_login import PATH as OWN_LOGIN_PATH
from auth.pages.own_login import serve_own_login_page
from auth.pages.page import STATIC_PATHS, PageHandler, serve_static_file, with_refusal_page
from auth.pages.reset import serve_reset_page
from auth.pages.signup import serve_setup_page, serve_signup_page, serve_welcome_page
from auth.pages.upstream_login import begin_upstream_login, finish_upstream_login
from auth.resources import MCP_PATH, RECALL_PATH
from auth.upstream.upstream import CALLBACK


def build_routes(*, issues_tokens: bool = True) -> list[Route]:
    """Return the routes. Their endpoints find the `AuthorizationServer` in `request.state.auth`.

    If this server does not issue tokens, its OAuth endpoints say who does.
    """
    return [
        Route(RESOURCE_METADATA, serve_mcp_metadata),
        Route(f"{RESOURCE_METADATA}{MCP_PATH}", serve_mcp_metadata),
        Route(f"{RESOURCE_METADATA}{RECALL_PATH}", serve_recall_metadata),
        *(Route(path, serve_server_metadata) for path in AUTHORIZATION_SERVER_PATHS),
        *(_OWN_ENDPOINTS if issues_tokens else _REFUSING_ENDPOINTS),
        _route_page("/setup", serve_setup_page),
        _route_page("/signup", serve_signup_page),
        _route_page("/login", serve_login_page),
        Route("/login/upstream", with_refusal_page(begin_upstream_login), methods=["POST"]),
        Route(f"{CALLBACK}/{{provider}}", with_refusal_page(finish_upstream_login)),
        Route("/welcome", with_refusal_page(serve_welcome_page)),
        _route_page("/logout", serve_logout_page),
        _route_page(OWN_LOGIN_PATH, serve_own_login_page),
        _route_page(RESET_PATH, serve_reset_page),
        Route(LANGUAGE_PATH, with_refusal_page(choose_page_language), methods=["POST"]),
        _route_page("/apps", serve_apps_page),
        *(Route(path, serve_static_file) for path in STATIC_PATHS),
    ]


def _route_page(path: str, handler: PageHandler) -> Route:
    """Return the route of a page: it takes a form, and answers a refusal with a page."""
    return Route(path, with_refusal_page(handler), methods=["GET", "POST"])


_OWN_ENDPOINTS = (
    Route("/oauth/jwks", serve_key_set),
    Route("/oauth/register", register_client, methods=["POST"]),
    _route_page(PATH, authorize_client),
    Route("/oauth/token", issue_tokens, methods=["POST"]),
    Route("/oauth/revoke", revoke_token, methods=["POST"]),
)
#: An app that still has tokens of this server drops them after `invalid_grant`.
_REFUSING_ENDPOINTS = (
    Route("/oauth/jwks", make_refusal("invalid_request")),
    Route("/oauth/register", make_refusal("invalid_request"), methods=["POST"]),
    _route_page(PATH, refuse_login),
    Route("/oauth/token", make_refusal("invalid_grant"), methods=["POST"]),
    Route("/oauth/revoke", make_refusal("invalid_request"), methods=["POST"]),
)
