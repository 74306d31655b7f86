"""The documents by which clients discover the server: RFC 9728 for resources, RFC 8414 for the authorization server."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.grants.table import GRANTS
from auth.issuers.assertions import GRANT_TYPE, PROFILE
from auth.principal import GRANTABLE
from auth.resources import MCP_PATH, RECALL_PATH
from auth.rfc import AUTH_METHODS
from auth.server import AuthorizationServer, get_authorization_server
from auth.tokens.signing import CACHE_SECONDS

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
OPENID_CONFIGURATION = "/.well-known/openid-configuration"

#: Clients look in different places: at the root, or with the resource's path behind or before the well-known path.
AUTHORIZATION_SERVER_PATHS = tuple(
    path
    for name in (AUTHORIZATION_SERVER, OPENID_CONFIGURATION)
    for path in (name, f"{name}{MCP_PATH}", f"{name}{RECALL_PATH}", f"{MCP_PATH}{name}", f"{RECALL_PATH}{name}")
)

_CACHED = {"cache-control": f"public, max-age={CACHE_SECONDS}"}


def build_resource_metadata(auth: AuthorizationServer, path: str) -> dict[str, Any]:
    """Return the metadata of the resource at a path (RFC 9728)."""
    metadata: dict[str, Any] = {
        "resource": f"{auth.settings.public_url}{path}",
        "resource_name": "Loci",
        "authorization_servers": list(auth.issuers),
        "bearer_methods_supported": ["header"],
    }
    if scopes := auth.settings.asked_scopes.names:
        metadata["scopes_supported"] = list(scopes)
    return metadata


def build_server_metadata(auth: AuthorizationServer) -> dict[str, Any]:
    """Return the metadata of this authorization server (RFC 8414)."""
    settings = auth.settings
    base = f"{settings.public_url}/oauth"
    metadata: dict[str, Any] = {
        "issuer": settings.public_url,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "revocation_endpoint": f"{base}/revoke",
        "jwks_uri": f"{base}/jwks",
        "scopes_supported": list(GRANTABLE),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": _list_grant_types(auth),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
    }
    if auth.assertions is not None:
        metadata["authorization_grant_profiles_supported"] = [PROFILE]
    if settings.allows_registration:
        metadata["registration_endpoint"] = f"{base}/register"
    return metadata


def _list_grant_types(auth: AuthorizationServer) -> list[str]:
    """Return the grant types that can succeed here: an assertion needs a provider that the server trusts."""
    return [each for each in GRANTS if each != GRANT_TYPE or auth.assertions is not None]


async def serve_mcp_metadata(request: Request) -> Response:
    """GET the metadata of PUBLIC_URL/mcp. It is also at the root, the next place where clients look."""
    return JSONResponse(build_resource_metadata(get_authorization_server(request), MCP_PATH), headers=_CACHED)


async def serve_recall_metadata(request: Request) -> Response:
    """GET the metadata of PUBLIC_URL/v1/mcp."""
    return JSONResponse(build_resource_metadata(get_authorization_server(request), RECALL_PATH), headers=_CACHED)


async def serve_server_metadata(request: Request) -> Response:
    """GET the metadata of the authorization server. Clients of 2025-03 look for them here, whoever issues the tokens.

    If issuers do, these are the first one's, as it publishes them.
    """
    auth = get_authorization_server(request)
    if auth.external is not None:
        issuer = next(iter(auth.external.issuers.values()))
        return JSONResponse(await issuer.get_metadata(), headers=_CACHED)
    return JSONResponse(build_server_metadata(auth), headers=_CACHED)


async def serve_key_set(request: Request) -> Response:
    """GET the public keys that verify access tokens."""
    return JSONResponse(await get_authorization_server(request).keys.get_key_set(), headers=_CACHED)
