"""A page answers every refusal with a page: no handler needs code for it."""

import pytest

from auth.routes import build_routes

pytestmark = pytest.mark.anyio

PAGES = sorted(route.path for route in build_routes() if {"GET", "POST"} <= (route.methods or set()))


def test_the_pages_are_found_among_the_routes():
    assert {"/login", "/logout", "/signup", "/setup", "/apps", "/oauth/authorize"} <= set(PAGES)


@pytest.mark.parametrize("path", PAGES)
async def test_a_form_that_cannot_be_read_is_refused_with_a_page(flow, path):
    answer = await flow.http.post(path, json={})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "This cannot be done" in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_a_form_without_its_token_is_refused_with_a_page(flow, path):
    answer = await flow.http.post(path, data={"username": "eve"})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "That did not work" in answer.text
    assert "retry-after" not in answer.headers
