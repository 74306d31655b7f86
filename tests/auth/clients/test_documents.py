"""Clients that are known by their document: where it may lie, what it must be, and what is remembered."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
import respx

from auth.clients import documents as client_documents
from auth.clients.documents import ClientDocuments, UnusableDocumentError, is_public_address
from auth.fetching import read_lifetime
from auth.grants.table import GRANTS
from server.store.record.oauth.documents import find_document
from tests.helpers.logins.flow import read_query

pytestmark = pytest.mark.anyio

URL = "https://app.example/oauth/client.json"
AT = "https://93.184.215.14/oauth/client.json"
CALLBACK = "https://app.example/callback"
DOCUMENT = {
    "client_id": URL,
    "client_name": "Document App",
    "redirect_uris": [CALLBACK, "http://localhost/callback"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}


@pytest.fixture
def web():
    with respx.mock(assert_all_called=False) as mock:
        yield mock


@pytest.fixture
def app(flow, web):
    """The flow of an app with a document, whose document is there."""
    web.get(AT).respond(json=DOCUMENT)
    flow.client = {"client_id": URL}
    return flow


async def test_an_app_with_a_document_needs_no_registration(app, auth):
    tokens = (await app.redeem(await app.code(redirect_uri=CALLBACK), redirect_uri=CALLBACK)).json()
    assert (await auth.tokens.verify(tokens["access_token"])).client_id == URL
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_the_document_is_fetched_from_the_address_that_was_checked_under_its_own_name(app, web):
    await app.authorize(redirect_uri=CALLBACK)
    (call,) = web.calls
    assert str(call.request.url) == AT
    assert call.request.headers["host"] == "app.example"
    assert call.request.extensions["sni_hostname"] == "app.example"


async def test_a_loopback_redirect_of_a_document_matches_any_port_and_is_warned_of(app):
    page = await app.authorize(redirect_uri="http://localhost:51004/callback")
    assert "cannot prove" in page.text
    assert "app.example" in page.text
    answer = await app.decide(page)
    assert answer.headers["location"].startswith("http://localhost:51004/callback?code=")


async def test_a_decision_is_remembered_where_a_domain_vouches_for_the_app(app):
    await app.code(redirect_uri=CALLBACK, scopes=("memory:read",))
    again = await app.authorize(redirect_uri=CALLBACK)
    tokens = await app.redeem(read_query(again)["code"], redirect_uri=CALLBACK)
    assert tokens.json()["scope"] == "memory:read"


async def test_a_decision_is_not_remembered_for_other_scopes_or_when_the_app_wants_to_ask(app):
    await app.code(redirect_uri=CALLBACK)
    assert (await app.authorize(redirect_uri=CALLBACK, scope="memory:read")).status_code == 200
    assert (await app.authorize(redirect_uri=CALLBACK, prompt="consent")).status_code == 200


async def test_a_decision_is_not_remembered_for_a_loopback_redirect(app):
    callback = "http://localhost:51004/callback"
    await app.code(redirect_uri=callback)
    assert (await app.authorize(redirect_uri=callback)).status_code == 200


@pytest.mark.parametrize(
    "addresses_of_host",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["192.168.1.1"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104 - an address that must be refused
        ["::1"],
        ["fd00::1"],
        ["fe80::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["::93.184.215.14"],
        ["::ffff:93.184.215.14"],
        ["::ffff:0:93.184.215.14"],
        ["fec0::1"],
        ["3fff::1"],
        ["5f00::1"],
        ["100::1"],
        ["2001:0:5db8:d70e::"],
        ["192.88.99.1"],
        ["224.0.0.1"],
        ["93.184.215.14", "10.0.0.1"],
        [],
    ],
    ids=str,
)
async def test_a_document_that_does_not_lie_on_a_public_address_is_never_fetched(
    app, web, addresses, addresses_of_host
):
    addresses["app.example"] = addresses_of_host
    answer = await app.authorize(redirect_uri=CALLBACK)
    assert answer.status_code == 400
    assert "could not reach that address" in answer.text
    assert not web.calls


async def test_a_literal_private_address_is_never_fetched(app, web, addresses):
    addresses["10.0.0.1"] = ["10.0.0.1"]
    await app.authorize(client_id="https://10.0.0.1/client.json", redirect_uri=CALLBACK)
    assert not web.calls


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example",
        "https://app.example/",
        "http://app.example/client.json",
        "http://127.0.0.1/client.json",
        "https://user@app.example/client.json",
        "https://app.example/client.json#fragment",
        "https://app.example/../client.json",
        "https://app.example:99999/client.json",
        "https:///client.json",
        "https://app.example/" + "x" * 500,
        "https://app.example/a b",
        "https://app.example/a\\b",
    ],
)
async def test_a_malformed_address_is_never_fetched(app, web, url):
    answer = await app.authorize(client_id=url, redirect_uri=CALLBACK)
    assert answer.status_code == 400
    assert not web.calls


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 302, "headers": {"location": "https://10.0.0.1/"}},
        {"status_code": 404},
        {"json": DOCUMENT, "status_code": 201},
        {"json": DOCUMENT | {"client_id": "https://app.example/other.json"}},
        {"json": DOCUMENT | {"client_id": None}},
        {"json": DOCUMENT | {"padding": "x" * 17_000}},
        {"json": [DOCUMENT]},
        {"json": "text"},
        {"json": DOCUMENT, "content_type": "text/html"},
        {"text": "{", "content_type": "application/json"},
        {"content": b"\xff\xfe{", "content_type": "application/json"},
        {"text": "[" * 10_000, "content_type": "application/json"},
        {"json": DOCUMENT | {"redirect_uris": []}},
        {"json": DOCUMENT | {"redirect_uris": ["http://app.example/callback"]}},
        {"json": DOCUMENT | {"redirect_uris": ["javascript:alert(1)"]}},
        {"json": DOCUMENT | {"token_endpoint_auth_method": "client_secret_post"}},
        {"json": DOCUMENT | {"client_secret": "x"}},
        {"json": DOCUMENT | {"client_name": "x" * 300}},
        {"json": DOCUMENT | {"client_name": ["x"]}},
        {"json": DOCUMENT | {"grant_types": "authorization_code"}},
    ],
    ids=lambda response: str(response)[:60],
)
async def test_a_document_that_is_not_what_it_must_be_is_refused_with_a_page(app, web, response):
    web.get(AT).respond(**response)
    answer = await app.authorize(redirect_uri=CALLBACK)
    assert answer.status_code == 400
    assert "cannot be used" in answer.text
    assert len(web.calls) == 1


@pytest.mark.parametrize("error", [httpx.ReadError("no"), httpx.ReadTimeout("slow"), OSError("broken")])
async def test_a_document_that_cannot_be_fetched_is_refused_with_a_page(app, web, error):
    web.get(AT).mock(side_effect=error)
    assert "cannot be fetched" in (await app.authorize(redirect_uri=CALLBACK)).text


async def test_a_document_that_does_not_come_in_time_is_given_up(auth, web):
    async def somewhere(_host, _port):
        return ["93.184.215.14"]

    async def forever(_request):
        await asyncio.Event().wait()

    web.get(AT).mock(side_effect=forever)
    documents = ClientDocuments(
        db=auth.db, now=auth.now, grant_types=tuple(GRANTS), allows_local=False, resolver=somewhere, timeout=0.01
    )
    with pytest.raises(UnusableDocumentError, match="in time"):
        await documents.fetch_client(URL)


async def test_a_document_is_remembered_for_five_minutes_at_least_and_as_its_server_says(app, web, clock):
    await app.authorize(redirect_uri=CALLBACK)
    clock.move(minutes=4)
    await app.authorize(redirect_uri=CALLBACK)
    assert len(web.calls) == 1
    clock.move(minutes=1)
    web.get(AT).respond(json=DOCUMENT, headers={"cache-control": "max-age=3600"})
    await app.authorize(redirect_uri=CALLBACK)
    clock.move(minutes=59)
    await app.authorize(redirect_uri=CALLBACK)
    assert len(web.calls) == 2


@pytest.mark.parametrize(
    ("header", "lifetime"),
    [
        ("", timedelta(minutes=5)),
        ("max-age=1", timedelta(minutes=5)),
        ("public, Max-Age=600", timedelta(minutes=10)),
        ("max-age=99999999", timedelta(hours=24)),
        ("max-age=" + "9" * 40, timedelta(minutes=5)),
        ("max-age=x", timedelta(minutes=5)),
        ("no-store, max-age=3600", timedelta(minutes=5)),
    ],
)
async def test_a_servers_word_on_caching_counts_within_bounds(header, lifetime):
    assert read_lifetime(header) == lifetime


async def test_a_failure_is_remembered_for_a_minute(app, web, clock):
    web.get(AT).respond(404)
    await app.authorize(redirect_uri=CALLBACK)
    assert "404" in (await app.authorize(redirect_uri=CALLBACK)).text
    assert len(web.calls) == 1
    clock.move(minutes=1)
    web.get(AT).respond(json=DOCUMENT)
    assert (await app.authorize(redirect_uri=CALLBACK)).status_code == 200


async def test_an_outage_of_the_documents_host_does_not_end_a_session(app, web, clock):
    tokens = (await app.redeem(await app.code(redirect_uri=CALLBACK), redirect_uri=CALLBACK)).json()
    clock.move(days=2)
    web.get(AT).respond(500)
    assert (await app.authorize(redirect_uri=CALLBACK)).status_code == 400
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    "change", [{"redirect_uri": None}, {"code_challenge": None}, {"code_challenge_method": "plain"}]
)
async def test_nothing_is_fetched_for_a_request_that_could_not_succeed(app, web, change):
    answer = await app.authorize(**({"redirect_uri": CALLBACK} | change))
    assert answer.status_code == 400
    assert not web.calls


async def test_one_address_can_make_the_server_fetch_thirty_documents_an_hour(app, web, clock):
    web.get(url__startswith="https://93.184.215.14/").respond(404)
    for number in range(30):
        await app.authorize(client_id=f"https://app.example/{number}.json", redirect_uri=CALLBACK)
    answer = await app.authorize(client_id="https://app.example/31.json", redirect_uri=CALLBACK)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3600"
    assert len(web.calls) == 30
    clock.move(hours=1)
    await app.authorize(client_id="https://app.example/31.json", redirect_uri=CALLBACK)
    assert len(web.calls) == 31


async def test_a_document_on_this_machine_is_fetched_only_where_the_setting_allows_it(auth, web):
    async def here(_host, _port):
        return ["127.0.0.1"]

    url = "http://127.0.0.1:9999/client.json"
    web.get(url).respond(json=DOCUMENT | {"client_id": url})
    documents = ClientDocuments(db=auth.db, now=auth.now, grant_types=tuple(GRANTS), allows_local=True, resolver=here)
    assert (await documents.fetch_client(url)).id == url
    with pytest.raises(UnusableDocumentError):
        await documents.fetch_client("https://app.example/client.json")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "2a00:1450::1"])
async def test_a_public_address_is_public(address):
    assert is_public_address(address)


async def test_what_is_no_address_is_not_public():
    assert not is_public_address("app.example")


async def test_the_systems_resolver_answers_with_addresses():
    assert "127.0.0.1" in await client_documents.resolve_host("127.0.0.1", 443)


@pytest.mark.parametrize(
    "wrong",
    [{"policy_uri": "\ud800"}, {"contacts": ["\udfff"]}, {"invented": {"x" * 5000: "\x00"}}, {"jwks": {"\ud800": 1}}],
    ids=lambda each: next(iter(each)),
)
async def test_a_document_with_a_text_that_cannot_be_stored_is_refused_and_not_kept(app, auth, web, wrong):
    body = json.dumps(DOCUMENT | wrong)
    web.get(AT).respond(content=body, headers={"content-type": "application/json"})
    page = await app.authorize(redirect_uri=CALLBACK)
    assert page.status_code == 400
    assert "cannot be used" in page.text
    async with auth.db.read() as connection:
        row = await find_document(connection, URL)
    assert row is not None
    assert row.document is None


async def test_a_document_is_good_for_its_good_redirect_uris(app, web):
    web.get(AT).respond(json=DOCUMENT | {"redirect_uris": ["kiro://callback", CALLBACK, "com.example.notes:/cb"]})
    assert (await app.authorize(redirect_uri=CALLBACK)).status_code == 200
    assert (await app.authorize(redirect_uri="kiro://callback")).status_code == 400
