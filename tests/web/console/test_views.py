"""The console: other views of memories than the list."""

from typing import Any

import pytest

from tests.helpers.console import log_in
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio

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


@pytest.mark.browser
async def test_the_views_fit_their_window(site, tmp_path):
    ann = await site.add_person("ann")
    for n in range(9):
        await ann.store(f"Deploy {n} went out, " + "tea" * 60, occurred_at="2025-03-04T09:00:00Z", project="p" * 90)
    http = await log_in(site, ann)
    async with page_at(PHONE) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        sizes: list[Any] = [PHONE, DESKTOP]
        for size in sizes:
            await page.set_viewport_size(size)
            await page.goto(f"{site.url}/timeline")
            assert await fits(page), size
            await page.screenshot(path=tmp_path / "timeline.png", full_page=True)
