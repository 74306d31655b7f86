"""A page answers every refusal with a page: no handler needs code for it."""

import re

import pytest

from auth.routes import build_routes
from server.store.record.people.accounts import create_user

pytestmark = pytest.mark.anyio

PAGES = sorted(route.path for route in build_routes() if {"GET", "POST"} <= (route.methods or set()))


def test_the_pages_are_found_among_the_routes():
    assert {"/login", "/logout", "/signup", "/setup", "/apps", "/oauth/authorize"} <= set(PAGES)


@pytest.mark.parametrize("path", PAGES)
async def test_a_form_that_cannot_be_read_is_refused_with_a_page(flow, path):
    answer = await flow.http.post(path, json={})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>This request cannot be read</h1>" in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_a_form_without_its_token_is_refused_with_a_page(flow, path):
    answer = await flow.http.post(path, data={"username": "eve"})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>This page is out of date</h1>" in answer.text
    assert "retry-after" not in answer.headers


async def test_a_form_that_is_too_large_is_413(flow):
    for path in PAGES:
        answer = await flow.http.post(path, data={"decision": "x" * 70_000})
        assert answer.status_code == 413
        assert "<h1>This request is too large</h1>" in answer.text


async def test_each_refusal_has_a_title_of_its_own_and_a_way_on(http, flow):
    pages = [
        await http.get("/setup?link=old"),
        await http.get("/signup?link=old"),
        await http.get("/oauth/authorize"),
        await flow.authorize(client_id="unknown"),
        await flow.authorize(redirect_uri="https://thief.example/"),
        await http.post("/login", data={}),
    ]
    titles = [re.findall("<h1>(.*)</h1>", page.text) for page in pages]
    assert len({*map(tuple, titles)}) == len(pages)
    assert all('href="/apps"' in page.text for page in pages)


async def test_before_the_first_account_is_made_the_login_page_says_where_the_setup_link_is(http, auth):
    page = await http.get("/login?next=/apps")
    assert "Nobody has set this server up yet" in page.text
    assert 'type="password"' not in page.text
    async with auth.db.write() as connection:
        await create_user(connection, name="ada", password_hash=None, is_admin=False, now=auth.now())
    assert 'type="password"' in (await http.get("/login")).text
