"""The page of a memory: the address that answers cite opens in a browser, for whoever may see the memory."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from server.store.record.people.accounts import set_password
from tests.helpers.arguments import NOBODY
from tests.helpers.console import log_in
from tests.helpers.doors import call_rest
from tests.helpers.logins.flow import PASSWORD, Flow
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio


async def test_the_address_that_search_and_fetch_cite_shows_the_memory(site):
    ann = await site.add_person("ann")
    await ann.http.post("/v1/memories", json={"content": "<b>Tea</b> at five", "workspace": "kitchen", "tags": ["tea"]})
    found = (await call_rest(ann, "search", {"query": "tea", "workspace": "kitchen"})).body["results"][0]
    fetched = (await call_rest(ann, "fetch", {"id": found["id"], "workspace": "kitchen"})).body
    assert (fetched["url"], fetched["title"]) == (found["url"], "<b>Tea</b> at five")
    assert (fetched["text"], fetched["metadata"]) == (fetched["content"], {})
    browser = await log_in(site, ann)
    page = await browser.get(urlsplit(found["url"]).path)
    assert page.status_code == 200
    assert "&lt;b&gt;Tea&lt;/b&gt; at five" in page.text
    assert "kitchen" in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_who_is_not_logged_in_logs_in_first_and_then_sees_it(site):
    ann = await site.add_person("ann")
    path = f"/memories/{await ann.store('Tea')}"
    answer = await site.client().get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/login?next={path}")
    assert (await site.client(ann.key).get(path)).status_code == 302, "a key is no login"
    hashed = await site.running.auth.passwords.hash(PASSWORD)
    async with site.services.db.write() as connection:
        await set_password(connection, ann.user_id, hashed)
    answer = await Flow(site.client(), site.url).log_in("ann", to=path)
    assert answer.headers["location"] == path


async def test_unknown_foreign_and_deleted_memories_are_the_same_page(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    foreign, deleted = await bob.store("Tea"), await ann.store("Tea")
    await ann.http.delete(f"/v1/memories/{deleted}")
    browser = await log_in(site, ann)
    pages = {each: await browser.get(f"/memories/{each}") for each in (NOBODY, foreign, deleted, "x" * 300)}
    assert {page.status_code for page in pages.values()} == {404}
    assert len({page.text.replace(each, "ID") for each, page in pages.items()}) == 1


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_long_memory_fits_the_page(site, size, tmp_path):
    ann = await site.add_person("ann")
    memory_id = await ann.store("A long line without a space: " + "tea" * 300, tags=["t" * 90, "u"], project="p" * 150)
    http = await log_in(site, ann)
    async with page_at(size) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        await page.goto(f"{site.url}/memories/{memory_id}")
        assert await page.locator(".memory").is_visible()
        assert await fits(page)
        await page.screenshot(path=tmp_path / "memory.png", full_page=True)
