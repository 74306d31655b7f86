"""Clients whose document the server cannot reach: which of them are accepted, and what they may do."""

import asyncio
import re

import httpx
import pytest
import respx
import sqlalchemy as sa

from auth.clients.documents import ClientDocuments, UnreachableDocumentError
from auth.grants.table import GRANTS
from server.store.tables.oauth import oauth_consents, oauth_documents
from tests.auth.clients.test_documents import AT, CALLBACK, DOCUMENT, URL
from tests.helpers.logins.flow import ON_BOTH, REDIRECT, Flow

pytestmark = pytest.mark.anyio

UNREACHED = [httpx.ConnectError("no route"), httpx.ConnectTimeout("silence")]
GOOD = DOCUMENT | {"redirect_uris": [CALLBACK, REDIRECT]}


@pytest.fixture
def web():
    with respx.mock(assert_all_called=False) as mock:
        yield mock


@pytest.fixture
def app(flow, web):
    """The flow of an app with a document, on a server that has no internet."""
    web.get(AT).mock(side_effect=httpx.ConnectError("no route"))
    flow.client = {"client_id": URL}
    return flow


def online(web, document=GOOD):
    web.get(AT).mock(side_effect=None)
    web.get(AT).respond(json=document)


def offline(web):
    web.get(AT).mock(side_effect=httpx.ConnectError("no route"))


@ON_BOTH
async def test_an_app_that_cannot_be_looked_up_connects_from_loopback_to_a_token(app, auth):
    tokens = await app.tokens()
    assert (await auth.tokens.verify(tokens["access_token"])).client_id == URL
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    ["http://127.0.0.1:1/callback", "http://[::1]:2/callback", "http://localhost:3/", "http://localhost/callback"],
)
async def test_any_loopback_redirect_is_accepted(app, redirect_uri):
    answer = await app.decide(await app.authorize(redirect_uri=redirect_uri))
    assert answer.headers["location"].startswith(f"{redirect_uri}?code=")


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
async def test_the_page_warns_that_nobody_vouches_for_the_name(app, web, error):
    web.get(AT).mock(side_effect=error)
    page = (await app.authorize()).text
    assert "Connect app.example?" in page
    assert "Nobody vouches for the name" in page
    assert "Its description at app.example could not be fetched." in page
    assert "described at" not in page


@pytest.mark.parametrize(
    "redirect_uri",
    [CALLBACK, "http://app.example/callback", "cursor://callback", "http://127.0.0.1.app.example/", "http://a@[::1]/"],
)
async def test_a_redirect_to_anywhere_else_is_refused_with_what_to_do(app, redirect_uri):
    answer = await app.authorize(redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "could not reach that address" in answer.text
    assert "API key" in answer.text
    assert (await app.authorize(redirect_uri=redirect_uri)).status_code == 400


async def test_an_unverified_app_vouches_for_no_other_redirect(app):
    await app.code()
    assert (await app.authorize(redirect_uri=CALLBACK)).status_code == 400


async def test_it_is_refused_where_registration_is_off(make_server, make_browser, ada, web):  # noqa: ARG001 - somebody to log in
    offline(web)
    closed = make_server(allows_registration=False)
    async with make_browser(server=closed) as http:
        app = Flow(http, closed.issuer, {"client_id": URL})
        assert (await app.log_in()).status_code == 302
        answer = await app.authorize()
    assert answer.status_code == 400
    assert "could not reach that address" in answer.text


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 404},
        {"status_code": 503},
        {"status_code": 302, "headers": {"location": "https://elsewhere.example/"}},
        {"json": GOOD | {"client_id": "https://app.example/other.json"}},
        {"text": "{", "content_type": "application/json"},
        {"json": GOOD | {"padding": "x" * 17_000}},
    ],
    ids=lambda response: str(response)[:40],
)
async def test_a_host_that_answers_wrongly_is_not_unreachable(app, web, response):
    web.get(AT).mock(side_effect=None)
    web.get(AT).respond(**response)
    for _ in range(2):
        answer = await app.authorize()
        assert answer.status_code == 400
        assert "API key" not in answer.text


async def test_a_host_that_connects_and_falls_silent_is_not_unreachable(app, web):
    web.get(AT).mock(side_effect=httpx.ReadTimeout("silence"))
    assert (await app.authorize()).status_code == 400


async def test_an_internal_name_has_the_answer_of_a_name_that_does_not_exist(app, addresses, clock, web):
    for redirect in ({}, {"redirect_uri": "https://app.example/callback"}):
        answers = set()
        for known in ([], ["10.0.0.1"], ["fd00::1"], ["93.184.215.14", "127.0.0.1"]):
            clock.move(minutes=2)  # so that the failure before is not remembered
            addresses["app.example"] = known
            answer = await app.authorize(**redirect)
            answers.add((answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)))
        assert len(answers) == 1
    assert not web.calls


@ON_BOTH
async def test_a_decision_about_it_is_never_remembered(app, auth):
    await app.tokens()
    assert (await app.authorize()).status_code == 200
    async with auth.db.read() as connection:
        assert (await connection.execute(sa.select(oauth_consents))).all() == []


async def test_the_fetch_is_tried_again_after_a_minute_and_not_before(app, web, clock):
    for _ in range(3):
        await app.code()
    assert len(web.calls) == 1
    clock.move(minutes=1)
    await app.code()
    assert len(web.calls) == 2


@ON_BOTH
async def test_a_document_that_is_fetched_later_takes_its_place(app, web, clock):
    tokens = await app.tokens()
    clock.move(minutes=1)
    online(web)
    page = (await app.authorize()).text
    assert "Connect Document App?" in page
    assert "could not be fetched" not in page
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_host_that_answers_wrongly_later_is_refused_and_does_not_end_a_session(app, web, clock):
    tokens = await app.tokens()
    clock.move(minutes=1)
    web.get(AT).mock(side_effect=None)
    web.get(AT).respond(404)
    assert (await app.authorize()).status_code == 400
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


@ON_BOTH
async def test_a_good_document_is_used_however_old_while_its_host_is_unreachable(app, web, clock, auth):
    online(web)
    await app.code(redirect_uri=CALLBACK)
    clock.move(days=2)
    offline(web)
    for _ in range(2):
        page = (await app.authorize()).text
        assert "Connect Document App?" in page
        assert "could not be fetched" not in page
    assert (await app.authorize(redirect_uri="http://127.0.0.1/other")).status_code == 400
    async with auth.db.read() as connection:
        assert (await connection.execute(sa.select(oauth_documents.c.document))).scalar_one() == GOOD


async def test_the_token_endpoint_knows_no_app_that_was_never_accepted(app):
    await app.authorize(redirect_uri=CALLBACK)
    answer = await app.redeem("x" * 43)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("url", ["https://a$b.example/x.json", f"https://{'a.' * 110}example/x.json"])
async def test_a_host_that_cannot_be_shown_is_refused(app, web, url):
    web.get(url__startswith="https://93.184.215.14/").mock(side_effect=httpx.ConnectError("no route"))
    assert (await app.authorize(client_id=url)).status_code == 400


async def test_the_apps_page_does_not_say_that_the_host_describes_it(app):
    await app.tokens()
    page = (await app.http.get("/apps")).text
    assert "<h2>app.example</h2>" in page
    assert "app.example ·" not in page


async def _nowhere(_host, _port):
    raise OSError


async def _forever(_host, _port):
    await asyncio.Event().wait()


@pytest.mark.parametrize("resolver", [_nowhere, _forever])
async def test_a_name_that_does_not_resolve_is_unreachable(auth, resolver):
    documents = ClientDocuments(
        db=auth.db, now=auth.now, grant_types=tuple(GRANTS), allows_local=False, resolver=resolver, timeout=0.01
    )
    for attempt in (documents.fetch_client, documents.find_fresh_client):
        with pytest.raises(UnreachableDocumentError):
            await attempt(URL)
