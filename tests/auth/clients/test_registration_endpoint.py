"""Anybody may register a client, so everything about it is bounded."""

import json

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.clients import registration_endpoint
from auth.issuers.assertions import GRANT_TYPE
from server.store.tables.oauth import oauth_clients
from tests.helpers.logins.flow import REDIRECT, Flow

pytestmark = pytest.mark.anyio

NOT_SENT = {"token_endpoint_auth_method": None}


@pytest.fixture
def app(http, auth):
    return Flow(http, auth.issuer)


async def test_a_registered_client_is_told_everything_as_it_was_registered(app, clock):
    answer = await app.register(client_uri="https://app.example", scope="memory:read", unknown="left out")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["client_id"]
    assert body["client_id_issued_at"] == int(clock().timestamp())
    assert body["redirect_uris"] == [REDIRECT]
    assert body["grant_types"] == ["authorization_code", "refresh_token", GRANT_TYPE]
    assert body["response_types"] == ["code"]
    assert body["client_uri"] == "https://app.example"
    assert "unknown" not in body


@pytest.mark.parametrize(
    ("metadata", "method"),
    [
        (NOT_SENT, "none"),
        (NOT_SENT | {"redirect_uris": ["cursor://auth/callback"]}, "none"),
        (NOT_SENT | {"redirect_uris": ["https://app.example/cb"], "application_type": "native"}, "none"),
        (NOT_SENT | {"redirect_uris": ["https://app.example/cb"]}, "client_secret_basic"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "client_secret_post"),
        ({"token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example/cb"]}, "none"),
    ],
    ids=str,
)
async def test_a_client_gets_a_secret_only_where_it_can_keep_one(app, metadata, method):
    body = (await app.register(**metadata)).json()
    assert body["token_endpoint_auth_method"] == method
    assert ("client_secret" in body) is (method != "none")
    assert ("client_secret_expires_at" in body) is (method != "none")


async def test_a_secret_is_kept_as_a_hash(app, auth):
    secret = (await app.register(token_endpoint_auth_method="client_secret_post")).json()["client_secret"]
    async with auth.db.read() as connection:
        assert secret not in str((await connection.execute(sa.select(oauth_clients))).all())


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)", "kiro://callback", "com.example.notes:/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{REDIRECT}/{n}" for n in range(21)]}, "invalid_redirect_uri"),
        ({"redirect_uris": REDIRECT}, "invalid_client_metadata"),
        ({"redirect_uris": [7]}, "invalid_client_metadata"),
        ({"client_name": "x" * 201}, "invalid_client_metadata"),
        ({"client_name": "a\nb"}, "invalid_client_metadata"),
        ({"client_name": "\u202eevil"}, "invalid_client_metadata"),
        ({"client_name": "My\u3164app"}, "invalid_client_metadata"),
        ({"client_name": {"x": 1}}, "invalid_client_metadata"),
        ({"client_name": {}}, "invalid_client_metadata"),
        ({"client_name": False}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": ["none"]}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"client_uri": "not a url"}, "invalid_client_metadata"),
        ({"client_uri": 7}, "invalid_client_metadata"),
        ({"contacts": "me"}, "invalid_client_metadata"),
        ({"scope": 5}, "invalid_client_metadata"),
        ({"scope": ["memory:read"]}, "invalid_client_metadata"),
        ({"jwks": 7}, "invalid_client_metadata"),
    ],
    ids=str,
)
async def test_bad_metadata_is_refused_by_name(app, metadata, error):
    answer = await app.register(**metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert next(iter(metadata), "redirect_uris") in answer.json()["error_description"]


BAD_REDIRECTS = [
    "kiro://kiro.oauth/callback",
    "com.example.notes:/callback",
    "javascript:alert(1)",
    "http://app.example/cb",
    "https://app.example/cb#fragment",
]


@pytest.mark.parametrize(
    "good",
    [
        "https://claude.ai/api/mcp/auth_callback",
        "https://claude.com/api/mcp/auth_callback",
        "https://chatgpt.com/connector/oauth/AbC123_-x",
        "https://chatgpt.com/connector_platform_oauth_redirect",
        "https://vscode.dev/redirect",
        "https://insiders.vscode.dev/redirect",
        "http://127.0.0.1:33418/",
        "http://localhost/",
        "vscode://vscode.github-authentication/did-authenticate",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "http://localhost:3128/oauth/callback",
    ],
)
async def test_redirect_uris_that_cannot_be_used_are_left_out_and_the_good_one_is_registered(app, good):
    answer = await app.register(redirect_uris=[*BAD_REDIRECTS[1:], good, BAD_REDIRECTS[0]])
    assert answer.status_code == 201
    assert answer.json()["redirect_uris"] == [good]
    page = await app.authorize(redirect_uri=good)
    assert page.headers["location"].startswith("/login")
    for uri in BAD_REDIRECTS:
        assert (await app.authorize(redirect_uri=uri)).status_code == 400


TEXTS = st.sampled_from(["\ud800", "a\udfffb", "\x00", "\udc00\ud83d"])
FIELDS = (
    "client_name",
    "client_uri",
    "policy_uri",
    "tos_uri",
    "logo_uri",
    "scope",
    "software_id",
    "invented",
    "jwks_uri",
)


@st.composite
def values_that_cannot_be_stored(draw):
    """Metadata with a text that no database holds, somewhere in it."""
    text = draw(TEXTS)
    place = draw(st.sampled_from(["value", "list", "object", "key", "deep key"]))
    nested = {"value": text, "list": ["me", text], "object": {"a": [{"b": text}]}, "key": {text: 1}}
    if place == "deep key":
        return {draw(st.sampled_from(["jwks", "contacts", "invented"])): [{"keys": [{text: {}}]}]}
    return {draw(st.sampled_from([*FIELDS, "contacts", "jwks"])): nested[place]}


@given(metadata=values_that_cannot_be_stored())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_text_that_cannot_be_stored_is_refused_wherever_it_is_and_nothing_is_kept(app, auth, clock, metadata):
    clock.move(hours=1)  # so that the examples are no burst of registrations
    body = json.dumps({"client_name": "Test App", "redirect_uris": [REDIRECT]} | metadata)
    answer = await app.http.post("/oauth/register", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    async with auth.db.read() as connection:
        assert (await connection.execute(sa.select(oauth_clients))).all() == []


async def test_a_registration_must_be_a_json_object_of_some_kilobytes(app):
    assert (await app.http.post("/oauth/register", data={"client_name": "x"})).status_code == 415
    assert (await app.http.post("/oauth/register", json=["x"])).status_code == 400
    headers = {"content-type": "application/json"}
    assert (await app.http.post("/oauth/register", content="{", headers=headers)).status_code == 400
    assert (await app.http.post("/oauth/register", content="[" * 16_000, headers=headers)).status_code == 400
    assert (await app.register(client_uri="https://app.example/" + "x" * 20_000)).status_code == 413


async def test_one_address_may_register_sixty_clients_an_hour(app, make_browser, auth, clock):
    for _ in range(60):
        assert (await app.register()).status_code == 201
    answer = await app.register()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == 3600
    async with make_browser("192.0.2.7") as elsewhere:
        assert (await Flow(elsewhere, auth.issuer).register()).status_code == 201
    clock.move(hours=1)
    assert (await app.register()).status_code == 201


async def test_a_full_server_says_so(app, monkeypatch):
    monkeypatch.setattr(registration_endpoint, "MAX_CLIENTS", 1)
    assert (await app.register()).status_code == 201
    answer = await app.register()
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_registration_can_be_switched_off(make_server, make_browser):
    closed = make_server(allows_registration=False)
    async with make_browser(server=closed) as http:
        answer = await Flow(http, closed.issuer).register()
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
        assert "registration_endpoint" not in metadata
