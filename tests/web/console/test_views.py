"""The console: other views of memories than the list."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

import server.web.console
from tests.helpers.console import log_in
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio

VENDOR = Path(server.web.console.__file__).parent / "static" / "vendor"
HOSTILE = "<script>alert(1)</script>"


async def test_the_timeline_leads_from_a_month_to_its_days_and_shows_texts_as_texts(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    await ann.store(f"The shop opened {HOSTILE}", occurred_at="2025-03-01T10:00:00Z", project=f"shop {HOSTILE}")
    await ann.store("Ann joined", occurred_at="2024-12-31")
    await bob.store("Bob's secret", occurred_at="2025-03-01T10:00:00Z")
    http = await log_in(site, ann)
    page = (await http.get("/timeline", params={"unit": "month"})).text
    assert "2025-03" in page
    assert "2024-12" in page
    assert HOSTILE not in page
    assert "Bob" not in page
    days = page.split('<h2><a href="')[2].split('"')[0].replace("&amp;", "&")
    page = (await http.get(days)).text
    assert "2024-12-31" in page
    assert "The shop opened" not in page
    assert "Nothing is remembered here" in (await http.get("/timeline", params={"project": "x"})).text
    assert (await http.get("/timeline", params={"unit": "week"})).status_code == 400
    assert (await site.client().get("/timeline")).headers["location"] == "/login?next=/timeline"


async def store_linked(person):
    """Three memories: two that one links to, and one of them with a text that wants to run."""
    first = await person.store("The kettle is in the attic")
    second = await person.store(f"The attic is {HOSTILE}")
    links = [{"type": "memory", "id": each, "label": f"explains {HOSTILE}"} for each in (first, second)]
    return first, second, await person.store("The kettle is rusty", linkages=links)


async def test_the_graph_is_a_table_without_scripts_and_texts_are_texts(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    await store_linked(ann)
    http, other = await log_in(site, ann), await log_in(site, bob)
    page = await http.get("/graph")
    assert page.text.count("<p>explains") == 2
    assert HOSTILE not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "Nothing is joined here yet" in (await other.get("/graph")).text
    assert "/static/d3" not in (await http.get("/memories")).text
    assert (await http.get("/graph", params={"limit": "3"})).status_code == 400


async def test_the_library_is_made_of_the_files_that_its_authors_publish(site):
    told = dict(re.findall(r"`(\S+\.js)` \| `(\w{64})`", (VENDOR / "README.md").read_text()))
    files = {each.name: each.read_bytes() for each in VENDOR.glob("*.js")}
    assert told == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for encoding in ("gzip", "identity"):
        answer = await site.client().get("/static/d3.js", headers={"accept-encoding": encoding})
        assert all(content in answer.content for content in files.values())
        assert answer.headers.get("content-encoding", "identity") == encoding


@pytest.mark.browser
async def test_the_views_fit_their_window(site):
    ann = await site.add_person("ann")
    await store_linked(ann)
    for n in range(9):
        await ann.store(f"Deploy {n} went out, " + "tea" * 60, occurred_at="2025-03-04T09:00:00Z", project="p" * 90)
    http = await log_in(site, ann)
    async with page_at(PHONE, has_scripts=True) as page:
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        sizes: list[Any] = [PHONE, DESKTOP]
        for size in sizes:
            await page.set_viewport_size(size)
            await page.goto(f"{site.url}/timeline")
            assert await fits(page), size
            await page.goto(f"{site.url}/graph")
            await page.locator("canvas[data-nodes='3']").wait_for()
            await page.locator("canvas").press("n")
            assert await page.locator("#picked").inner_text() == "The kettle is rusty · links: 2"
            await page.locator("canvas").press("Enter")
            await page.wait_for_url("**/memories/*")
            await page.go_back()
            await page.locator("canvas[data-nodes='3']").wait_for()
            assert not await page.locator(".edges").is_visible()
            await page.get_by_text("As a table").click()
            assert await page.get_by_role("link", name="The kettle is rusty").first.is_visible()
            assert await fits(page), size
        assert problems == []
