"""The console: notes, keys and nights."""

from typing import Any

import pytest

from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio

PAGES = ("/notes", "/keys", "/nights")


@pytest.fixture
async def ann(site):
    return await site.add_person("ann")


async def test_a_person_sees_and_changes_the_notes_of_a_workspace(site, ann):
    await call_rest(ann, "add_item", {"category": "active_work", "title": "Move the ledger", "content": "step 2"})
    http = await log_in(site, ann)
    page = (await http.get("/notes")).text
    assert "Move the ledger" in page
    assert "Nothing. An entry here warns" in page
    added = await send(http, "/notes", action="add", item="Tailwind", reason="we left it", expires="until 2099-01-01")
    assert added.status_code == 302
    entry = (await call_rest(ann, "list_skips", {})).body["entries"][0]
    assert (entry["item"], entry["reason"]) == ("Tailwind", "we left it")
    assert "Tailwind" in (await http.get("/notes")).text
    await send(http, "/notes", action="remove", id=entry["id"])
    assert (await call_rest(ann, "list_skips", {})).body["total"] == 0
    await send(http, "/notes", action="identity", crystal="I look after the ledger")
    assert "I look after the ledger" in (await http.get("/notes")).text


async def test_a_key_made_in_the_console_is_shown_once_does_what_it_may_and_ends(site, ann):
    http = await log_in(site, ann)
    made = (await send(http, "/keys", action="make", name="laptop", scope="memory:write")).text
    secret = made.split("<code>")[1].split("</code>")[0]
    assert secret not in (await http.get("/keys")).text
    client = site.client(secret)
    assert (await client.post("/v1/memories", json={"content": "The kettle"})).status_code == 201
    keys = {each["name"]: each["id"] for each in (await call_rest(ann, "list_keys", {})).body["keys"]}
    await send(http, "/keys", action="end", id=keys["laptop"])
    assert (await client.get("/v1/memories")).status_code == 401


async def test_nobody_makes_a_key_that_may_do_more_than_they_and_bad_forms_are_refused(site, ann):
    http = await log_in(site, ann)
    assert (await send(http, "/keys", action="make", name="x", scope="admin")).status_code == 403
    for form in (
        {"scope": "root"},
        {"scope": "memory:read", "days": "0"},
        {"scope": "memory:read", "workspace": "no/where"},
    ):
        assert (await send(http, "/keys", action="make", name="x", **form)).status_code in {400, 404}, form
    for path in PAGES:
        assert (await http.post(path, data={"action": "make"})).status_code == 403, path
    for path in ("/notes", "/keys"):
        assert (await send(http, path, action="explode")).status_code == 400, path


async def test_a_key_of_somebody_else_is_not_ended(site, ann):
    bob = await site.add_person("bob")
    key = (await call_rest(bob, "list_keys", {})).body["keys"][0]
    http = await log_in(site, ann)
    assert (await send(http, "/keys", action="end", id=key["id"])).status_code == 404
    assert (await bob.http.get("/v1/memories")).status_code == 200


async def test_what_was_merged_is_undone_with_a_button(site, ann):
    ids = [await ann.store(f"The kettle is in the attic, said {who}") for who in ("Ann", "Ben")]
    await call_rest(ann, "consolidate_group", {"ids": ids, "content": "The kettle is in the attic"})
    run = (await call_rest(ann, "list_consolidations", {})).body["runs"][0]
    http = await log_in(site, ann)
    assert "2 memories became 1" in (await http.get("/nights")).text
    undone = await send(http, "/nights", workspace="default", run=run["id"])
    assert undone.headers["location"] == "/nights?workspace=default"
    page = (await http.get("/nights")).text
    assert "undone" in page
    assert "Undo</button>" not in page
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 2


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_pages_fit_their_window(site, ann, size, tmp_path):
    await call_rest(ann, "add_item", {"category": "active_work", "title": "tea" * 60, "content": "tea" * 300})
    await call_rest(ann, "add_skip", {"item": "coffee" * 30, "reason": "tea" * 100, "expires": "2099-01-01"})
    http = await log_in(site, ann)
    async with page_at(size) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        for path in PAGES:
            await page.goto(f"{site.url}{path}")
            assert await fits(page), path
            await page.screenshot(path=tmp_path / f"{path[1:]}.png", full_page=True)
