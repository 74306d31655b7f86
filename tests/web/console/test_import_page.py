"""The page of imports: a file is previewed, imported, listed and undone by the person who is logged in."""

from typing import Any

import pytest

from tests.helpers.console import log_in, read_csrf, send
from tests.helpers.doors import call_rest
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio

WIDE: Any = DESKTOP
LINES = '{"content":"Tea at four"}\n{"content":""}\n{"content":"<b>Tea</b> at five"}\n'


@pytest.fixture
async def ann(site):
    return await site.add_person("ann")


async def test_a_person_previews_imports_and_undoes_a_file(site, ann, tmp_path):
    http = await log_in(site, ann)
    path = tmp_path / "<i>tea.jsonl"
    path.write_text(LINES)
    async with page_at(PHONE, has_scripts=True) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        await page.goto(f"{site.url}/import")
        await page.get_by_label("File").set_input_files(path)
        await page.get_by_role("button", name="Show what would come").click()
        await page.get_by_text("2 would come, 0 are there, 1 are refused.").wait_for()
        assert await page.get_by_text("<b>Tea</b> at five").is_visible()
        assert await page.get_by_text("<i>tea.jsonl, line 2: content: must not be empty").is_visible()
        assert (await call_rest(ann, "list_imports", {})).body["imports"] == []
        assert await fits(page)
        await page.get_by_role("button", name="Import 2").click()
        await page.get_by_text("2 were imported, 0 are there, 1 are refused.").wait_for()
        async with page.expect_download() as begun:
            await page.get_by_role("link", name="Download everything").click()
        await page.get_by_text("the file is in your downloads").wait_for()
        file = await (await begun.value).path()
        assert "Tea at four" in file.read_text()
        await page.get_by_role("link", name="Show the list of imports").click()
        await page.set_viewport_size(WIDE)
        assert await fits(page)
        await page.get_by_role("button", name="Undo the import of <i>tea.jsonl").click()
        await page.get_by_text("undone").wait_for()
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 0


async def test_a_file_without_the_token_of_the_page_or_without_a_login_is_refused(site, ann):
    http = await log_in(site, ann)
    assert (await http.post("/import/file?dry_run=true", content=LINES)).status_code == 403
    token = {"x-csrf-token": await read_csrf(http, "/keys")}
    assert (await http.post("/import/file?on_error=x", content=LINES, headers=token)).status_code == 400
    assert (await http.post("/import/file", content=LINES, headers=token)).json()["imported"] == 2
    assert (await http.get("/import/export")).text.count("\n") == 5
    assert "Tea at four" not in (await http.get("/import/export?workspace=attic")).text
    assert (await http.get("/import/state")).json()["imports"][0]["state"] == "done"
    assert (await send(http, "/import", page="/keys", run="nothing")).status_code == 404
    assert (await site.client().post("/import/file", content=LINES)).status_code == 401
    assert (await site.client().get("/import")).status_code == 302
