"""A company's provider vouches for a person, and the client gets a token without a consent."""

from datetime import timedelta

import httpx
import httpx2
import jwt
import pytest
import sqlalchemy as sa
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from auth.issuers.assertions import GRANT_TYPE, PROFILE, Assertions
from server.store.record.oauth.garbage import collect_garbage
from server.store.tables.accounts import users
from server.store.tables.oauth import oauth_grants
from tests.auth.clients.test_documents import AT, DOCUMENT
from tests.auth.clients.test_documents import URL as DOCUMENT_URL
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, make_key, open_fake_web
from tests.helpers.logins.flow import ON_BOTH, Flow
from tests.helpers.logins.oauth_client import Storage
from tests.helpers.site import NO_TLS, PATIENCE, open_site

pytestmark = pytest.mark.anyio

ISSUER = "http://127.0.0.1:8080"
TYPE = "oauth-id-jag+jwt"


@pytest.fixture
def company(clock):
    """The provider of a company."""
    return FakeIssuer(clock, audience=ISSUER)


@pytest.fixture(autouse=True)
def web(company):
    with open_fake_web() as router:
        company.answer(router)
        yield router


@pytest.fixture
async def auth(make_server, db, clock):
    settings = {"audience": ISSUER, "algorithms": frozenset({"ES256", "RS256"})}
    assertions = Assertions(
        [URL],
        leeway=timedelta(seconds=60),
        db=db,
        now=clock,
        ca_file=None,
        **settings,
    )
    yield make_server(assertions=assertions)
    await assertions.close()


@pytest.fixture
async def app(http, auth):
    flow = Flow(http, auth.issuer)
    assert (await flow.register()).status_code == 201
    return flow


@pytest.fixture
def assertion(company, app):
    """Makes assertions of the company for the app."""

    def make(*, header=None, **changes):
        claims = {"client_id": app.client["client_id"], "resource": f"{ISSUER}/mcp", "jti": "first"} | changes
        return company.token(header={"typ": TYPE} | (header or {}), **claims)

    return make


async def exchange(app, assertion, **form):
    given = {"grant_type": GRANT_TYPE, "assertion": assertion, "client_id": app.client["client_id"]} | form
    return await app.http.post("/oauth/token", data=given)


@ON_BOTH
async def test_an_assertion_becomes_a_token_of_its_person_without_a_refresh_token(auth, app, assertion):
    answer = (await exchange(app, assertion())).json()
    assert (answer["scope"], answer["token_type"]) == ("memory:read memory:write", "Bearer")
    assert "refresh_token" not in answer
    principal = await auth.tokens.verify(answer["access_token"])
    assert (principal.client_id, principal.audience) == (app.client["client_id"], f"{ISSUER}/mcp")
    again = (await exchange(app, assertion(jti="second"))).json()
    assert (await auth.tokens.verify(again["access_token"])).user_id == principal.user_id
    other = (await exchange(app, assertion(jti="third", sub="bob"))).json()
    assert (await auth.tokens.verify(other["access_token"])).user_id != principal.user_id


@ON_BOTH
async def test_an_assertion_works_once(app, assertion):
    text = assertion()
    assert (await exchange(app, text)).status_code == 200
    answer = await exchange(app, text)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "used before" in answer.json()["error_description"]


async def test_a_use_is_known_until_the_assertion_ends(app, assertion, clock, auth):
    text = assertion(exp=int(clock().timestamp()) + 3600)
    assert (await exchange(app, text)).status_code == 200
    clock.move(minutes=59)
    async with auth.db.write() as connection:
        await collect_garbage(connection, clock())
    assert "used before" in (await exchange(app, text)).text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": {"typ": "JWT"}}, "typ"),
        ({"header": {"typ": None}}, "typ"),
        ({"header": {"typ": "at+jwt"}}, "typ"),
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"aud": f"{ISSUER}/mcp"}, "aud"),
        ({"aud": [ISSUER, "https://elsewhere.example"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"client_id": "another"}, "client_id"),
        ({"client_id": None}, "client_id"),
        ({"resource": "https://elsewhere.example/mcp"}, "resource"),
        ({"scope": "files:read"}, "scope"),
        ({"jti": None}, "jti"),
        ({"jti": 7}, "jti"),
        ({"sub": None}, "sub"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": 0}, "iat"),
        ({"exp": 0}, "exp"),
        ({"header": {"kid": "unknown"}}, "kid"),
    ],
)
async def test_an_assertion_with_something_wrong_is_refused_and_makes_nothing(auth, app, assertion, changes, reason):
    answer = await exchange(app, assertion(**changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert f"`{reason}`" in answer.json()["error_description"]
    async with auth.db.read() as connection:
        assert (await connection.execute(sa.select(oauth_grants))).all() == []


async def test_a_signature_by_another_key_or_none_is_refused(app, company):
    claims = company.claims(client_id=app.client["client_id"], jti="first")
    header = {"typ": TYPE, "kid": "first"}
    forged = jwt.encode(claims, make_key("ES256", 2), "ES256", headers=header)
    unsigned = jwt.encode(claims, "", "none", headers=header)
    for text in (forged, unsigned, "garbage", "a.b.c", "x" * 20_000):
        answer = await exchange(app, text)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_clock_that_is_off_by_an_hour_is_named(app, assertion, clock):
    now = int(clock().timestamp())
    answer = await exchange(app, assertion(iat=now + 3600, exp=now + 3900))
    assert "clocks" in answer.json()["error_description"]


async def test_the_scopes_are_those_that_both_sides_name(app, assertion):
    answer = await exchange(app, assertion(scope="memory:read files:read"), scope="memory:read memory:write")
    assert answer.json()["scope"] == "memory:read"
    answer = await exchange(app, assertion(jti="second", scope=None), scope="memory:read")
    assert answer.json()["scope"] == "memory:read"
    answer = await exchange(app, assertion(jti="third", scope="memory:read"), scope="memory:write")
    assert answer.json()["error"] == "invalid_scope"
    answer = await exchange(app, assertion(jti="fourth", scope="memory:read admin"), scope="admin")
    assert answer.json()["error"] == "invalid_scope"


async def test_a_form_cannot_ask_for_another_resource_than_the_assertion(app, assertion):
    answer = await exchange(app, assertion(), resource=f"{ISSUER}/v1/mcp")
    assert answer.json()["error"] == "invalid_target"


async def test_a_disabled_person_gets_no_token(auth, app, assertion, clock):
    assert (await exchange(app, assertion())).status_code == 200
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).values(disabled_at=clock()))
    answer = await exchange(app, assertion(jti="second"))
    assert "disabled" in answer.json()["error_description"]


async def test_a_provider_that_is_down_makes_no_grant_and_is_named(app, assertion, company):
    company.instead["keys"] = httpx.ConnectError("down")
    with pytest.raises(Exception, match=URL):
        await exchange(app, assertion())


async def test_only_a_server_that_trusts_a_provider_says_so_and_takes_assertions(
    http, make_server, make_browser, assertion
):
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["authorization_grant_profiles_supported"] == [PROFILE]
    assert GRANT_TYPE in metadata["grant_types_supported"]
    async with make_browser(server=make_server()) as plain:
        app = Flow(plain, ISSUER)
        await app.register()
        metadata = (await plain.get("/.well-known/oauth-authorization-server")).json()
        assert "authorization_grant_profiles_supported" not in metadata
        assert GRANT_TYPE not in metadata["grant_types_supported"]
        answer = await exchange(app, assertion(client_id=app.client["client_id"]))
    assert answer.json()["error"] == "unsupported_grant_type"


async def test_a_client_with_a_metadata_document_needs_no_registration(http, auth, web, assertion):
    document = DOCUMENT | {"grant_types": ["authorization_code", GRANT_TYPE]}
    web.get(AT).respond(json=document)
    given = {"grant_type": GRANT_TYPE, "assertion": assertion(client_id=DOCUMENT_URL), "client_id": DOCUMENT_URL}
    answer = await http.post("/oauth/token", data=given)
    assert (await auth.tokens.verify(answer.json()["access_token"])).client_id == DOCUMENT_URL


async def test_a_document_that_cannot_be_used_is_no_client(http, web, assertion):
    web.get(AT).respond(404)
    given = {"grant_type": GRANT_TYPE, "assertion": assertion(client_id=DOCUMENT_URL), "client_id": DOCUMENT_URL}
    answer = await http.post("/oauth/token", data=given)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_the_official_client_gets_in_without_a_browser(settings, clock, company):
    async with open_site(settings.model_copy(update={"enterprise_issuer": [URL]}), clock) as site:
        app = Flow(site.client(), site.url)
        await app.register(token_endpoint_auth_method="client_secret_post")

        async def get_assertion(audience, resource):
            claims = {"aud": audience, "resource": resource, "client_id": app.client["client_id"], "jti": "first"}
            return company.token(header={"typ": TYPE}, **claims)

        provider = IdentityAssertionOAuthProvider(
            f"{site.url}/mcp",
            Storage(),
            app.client["client_id"],
            app.client["client_secret"],
            site.url,
            get_assertion,
        )
        async with httpx2.AsyncClient(auth=provider, timeout=PATIENCE, verify=NO_TLS) as http:
            async with Client(streamable_http_client(f"{site.url}/mcp", http_client=http)) as client:
                answer = await client.call_tool("store_memory", {"content": "The heron nests at the north pond"})
        assert not answer.is_error
