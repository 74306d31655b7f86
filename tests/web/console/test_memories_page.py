"""The console: a person looks at the memories, searches, adds, changes and forgets."""

from typing import Any

import pytest

from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
async def ann(site):
    return await site.add_person("ann")


async def test_the_newest_memories_come_first_and_older_ones_on_further_pages(site, ann):
    for n in range(30):
        await ann.store(f"Memory number {n} of the kitchen")
    http = await log_in(site, ann)
    first = (await http.get("/memories")).text
    assert first.index("Memory number 29 ") < first.index("Memory number 5 ")
    assert "Memory number 4 " not in first
    assert "30 in all" in first
    older = first.split('<a href="/memories?')[1].split('"')[0].replace("&amp;", "&")
    second = (await http.get(f"/memories?{older}")).text
    assert "Memory number 4 " in second
    assert "Memory number 5 " not in second


async def test_a_search_finds_what_an_agent_finds_and_says_why(site, ann):
    await ann.store("The kettle is in the attic", type="fact", tags=["house"])
    await ann.store("The deploy is on Mondays", type="decision")
    http = await log_in(site, ann)
    page = (await http.get("/memories", params={"q": "kettle attic"})).text
    assert "The kettle is in the attic" in page
    assert "The deploy is on Mondays" not in page
    assert "How sure it fits" in page
    filtered = (await http.get("/memories", params={"type": "decision"})).text
    assert "The deploy is on Mondays" in filtered
    assert "The kettle is in the attic" not in filtered
    assert "Nothing fits" in (await http.get("/memories", params={"q": "helicopter licence"})).text
    assert (await call_rest(ann, "list_memories", {})).body["memories"][0]["access_count"] == 0


async def test_a_person_adds_changes_and_deletes_a_memory(site, ann):
    http = await log_in(site, ann)
    assert "Nothing is remembered yet" in (await http.get("/memories")).text
    added = await send(http, "/memories", content="The kettle is in the attic", type="decision")
    path = added.headers["location"]
    assert (added.status_code, "The kettle is in the attic" in (await http.get(path)).text) == (302, True)
    form = {"action": "save", "content": "It is in the cellar", "type": "fact"}
    changed = await send(http, path, **form, tags="a, b,,", author="Ben")
    assert changed.headers["location"] == f"{path}?done=saved"
    (stored,) = (await call_rest(ann, "list_memories", {})).body["memories"]
    assert (stored["content"], stored["type"], stored["tags"], stored["author"], stored["source"]) == (
        "It is in the cellar", "fact", ["a", "b"], "Ben", "console",
    )  # fmt: skip
    await send(http, path, **form, tags="", author="")
    (stored,) = (await call_rest(ann, "list_memories", {})).body["memories"]
    assert (stored["tags"], stored["author"]) == ([], None)
    gone = await send(http, path, action="delete")
    assert gone.headers["location"] == f"/memories?workspace=default&done=deleted&id={stored['id']}"
    assert "was deleted" in (await http.get(gone.headers["location"])).text
    assert (await http.get(path)).status_code == 404
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 0
    back = await send(http, "/memories", page=gone.headers["location"], action="restore", id=stored["id"])
    assert "It is back." in (await http.get(back.headers["location"])).text


async def test_an_erased_memory_is_gone_for_good(site, ann):
    memory = await ann.store("The code of the safe is 4711")
    http = await log_in(site, ann)
    gone = await send(http, f"/memories/{memory}", action="erase")
    assert "erased for good" in (await http.get(gone.headers["location"])).text
    assert (await http.get(f"/memories/{memory}")).status_code == 404


async def test_a_form_of_another_site_and_an_unknown_button_change_nothing(site, ann):
    memory = await ann.store("The kettle is in the attic")
    http = await log_in(site, ann)
    for form in ({"action": "delete"}, {"action": "delete", "csrf": "x"}):
        assert (await http.post(f"/memories/{memory}", data=form)).status_code == 403
    assert (await http.post("/memories", data={"content": "planted"})).status_code == 403
    assert (await send(http, f"/memories/{memory}", action="explode")).status_code == 400
    assert (await send(http, "/memories", content="")).status_code == 400
    assert [each["content"] for each in (await call_rest(ann, "list_memories", {})).body["memories"]] == [
        "The kettle is in the attic"
    ]


async def test_who_is_not_logged_in_sees_and_changes_nothing(site, ann):
    memory = await ann.store("The kettle is in the attic")
    for path in ("/memories", f"/memories/{memory}", "/recall-check"):
        answer = await site.client().get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, f"/login?next={path}")
    answer = await site.client().post(f"/memories/{memory}", data={"action": "delete"})
    assert answer.status_code == 302
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 1


async def test_nobody_changes_or_lists_what_is_not_theirs(site, ann):
    bob = await site.add_person("bob")
    memory = await bob.store("Bob's secret kettle")
    http = await log_in(site, ann)
    for action in ("save", "delete", "erase"):
        assert (
            await send(http, f"/memories/{memory}", page="/memories", action=action, content="mine")
        ).status_code == 404
    for query in ({}, {"workspace": "bob/default"}, {"workspace": "bob/default", "q": "kettle"}):
        assert "Bob's secret" not in (await http.get("/memories", params=query)).text
    assert (await call_rest(bob, "fetch", {"id": memory})).body["content"] == "Bob's secret kettle"


async def test_texts_of_a_stranger_are_shown_and_never_run(site, ann):
    fields = dict.fromkeys(("author", "entity", "project", "session", "source"), HOSTILE[:60])
    memory = await ann.store(f"kettle {HOSTILE}", tags=[HOSTILE], type=HOSTILE[:30], **fields)
    http = await log_in(site, ann)
    for path in (f"/memories/{memory}", "/memories", "/memories?q=kettle", "/recall-check?message=kettle"):
        page = await http.get(path)
        assert page.status_code == 200, path
        assert "<script>" not in page.text, path
        assert "unsafe" not in page.headers["content-security-policy"], path
        assert "default-src 'none'" in page.headers["content-security-policy"], path
    for query in ({"q": HOSTILE}, {"type": HOSTILE}, {"project": HOSTILE}, {"done": HOSTILE}):
        assert "<script>" not in (await http.get("/memories", params=query)).text


async def test_the_page_of_a_recall_shows_what_an_agent_is_told_and_what_is_left_out(site, ann):
    for n in range(60):
        await ann.store(f"The harbour has boat number {n}")
    memory = await ann.store("The kettle of the harbour is in the attic")
    http = await log_in(site, ann)
    page = (await http.get("/recall-check", params={"message": "where is the kettle of the harbour?"})).text
    assert f"/memories/{memory}" in page
    assert "The agent is told" in page
    assert "Left out" in page
    assert "Nothing relevant is remembered" in (await http.get("/recall-check", params={"message": "helicopter"})).text
    assert (await call_rest(ann, "fetch", {"id": memory})).body["access_count"] == 0


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_person_finds_a_fact_and_corrects_it_in_a_browser_without_scripts(site, ann, size, tmp_path):
    await ann.store("A long line without a space: " + "tea" * 300, tags=["t" * 90], project="p" * 150)
    await ann.store("The kettle is in the attic")
    http = await log_in(site, ann)
    async with page_at(size) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        await page.goto(f"{site.url}/")
        assert await fits(page)
        await page.get_by_label("Search as an agent would").fill("kettle")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="The kettle is in the attic").click()
        await page.get_by_text("Change it").click()
        await page.get_by_label("Text").fill("The kettle is in the cellar")
        assert await fits(page)
        await page.get_by_role("button", name="Save").click()
        assert await page.get_by_text("Saved.").is_visible()
        assert await page.locator(".memory").inner_text() == "The kettle is in the cellar"
        await page.goto(f"{site.url}/recall-check?message=kettle")
        assert await fits(page)
        await page.screenshot(path=tmp_path / "recall.png", full_page=True)
