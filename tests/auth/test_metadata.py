"""Wherever a client looks, it finds the same documents, and they say what is so."""

import pytest
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
)
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata

from auth.grants.table import GRANTS
from auth.issuers.assertions import GRANT_TYPE
from auth.issuers.rules import choose_asked_scopes
from auth.routes import build_routes

pytestmark = pytest.mark.anyio

ISSUER = "http://127.0.0.1:8080"


@pytest.mark.parametrize("path", ["/mcp", "/v1/mcp"])
async def test_each_resource_is_found_where_the_mcp_sdk_looks(http, path):
    url, *_ = build_protected_resource_metadata_discovery_urls(None, f"{ISSUER}{path}")
    found = (await http.get(url)).json()
    assert found["resource"] == f"{ISSUER}{path}"
    assert found["authorization_servers"] == [ISSUER]
    assert found["scopes_supported"] == ["memory:read", "memory:write"]
    assert found["bearer_methods_supported"] == ["header"]
    assert ProtectedResourceMetadata.model_validate(found)


async def test_the_root_document_is_the_one_of_the_resource_that_people_paste(http):
    found = (await http.get("/.well-known/oauth-protected-resource")).json()
    assert found["resource"] == f"{ISSUER}/mcp"


@pytest.mark.parametrize("server_url", [ISSUER, f"{ISSUER}/mcp", f"{ISSUER}/v1/mcp"])
async def test_the_authorization_server_is_found_wherever_the_mcp_sdk_looks(http, server_url):
    for url in build_oauth_authorization_server_metadata_discovery_urls(server_url, server_url):
        found = (await http.get(url)).json()
        assert found["issuer"] == ISSUER
        assert OAuthMetadata.model_validate(found)


async def test_the_metadata_says_what_is_so(http):
    found = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["token_endpoint_auth_methods_supported"] == ["none", "client_secret_basic", "client_secret_post"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["client_id_metadata_document_supported"] is True
    assert found["scopes_supported"] == ["memory:read", "memory:write"]
    assert found["response_types_supported"] == ["code"]
    # Nobody may vouch for people here.
    assert found["grant_types_supported"] == [each for each in GRANTS if each != GRANT_TYPE]


async def test_every_endpoint_in_the_metadata_exists(http):
    found = (await http.get("/.well-known/oauth-authorization-server")).json()
    paths = {route.path for route in build_routes()}
    endpoints = {value for name, value in found.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) == 5
    assert {endpoint.removeprefix(ISSUER) for endpoint in endpoints} <= paths


async def test_the_keys_are_published_and_may_be_cached_for_less_than_they_are_published_ahead(http):
    answer = await http.get("/oauth/jwks")
    assert [key["alg"] for key in answer.json()["keys"]] == ["ES256"]
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_the_scopes_that_clients_ask_for_are_those_that_the_issuer_knows():
    ours = choose_asked_scopes([], {}, [])
    assert ours.names == ("memory:read", "memory:write")
    assert ours.list_names(["memory:write"]) == ("memory:write",)
    mapped = choose_asked_scopes([], {"notes.read": "memory:read", "notes.all": "memory:write"}, ["memory:read"])
    assert mapped.names == ("notes.read", "notes.all")
    assert mapped.list_names(["memory:write"]) == ("notes.all",)
    named = choose_asked_scopes(["api://loci/notes", "offline_access"], {"notes": "memory:read"}, [])
    assert named.names == named.list_names(["memory:write"]) == ("api://loci/notes", "offline_access")
    assert choose_asked_scopes([], {}, ["memory:write"]).names == ()
