"""The live stream: what agents store and recall, for those who may see it, for as long as they may."""

import json
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from server.background.upkeep import write_counts
from tests.helpers.console import log_in
from tests.helpers.doors import call_rest
from tests.helpers.site import PATIENCE
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"


@asynccontextmanager
async def open_events(http, path="/v1/live", **headers):
    """The events of a stream, one (kind, number, data) after another; ends with the stream."""
    async with http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")

        async def read():
            fields = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "event" in fields:
                    yield fields["event"], int(fields.get("id", 0)), json.loads(fields["data"])
                    fields = {}

        yield read()


async def read_calls(events, number):
    """The next so many calls that a stream tells."""
    calls = []
    async for kind, _, data in events:
        if kind == "activity":
            calls.append(data)
        if len(calls) == number:
            return calls
    raise AssertionError(f"the stream ended after {calls}")


async def test_a_call_shows_with_its_app_its_workspace_and_the_memory_that_it_wrote(site):
    ann = await site.add_person("ann")
    async with open_events(ann.http) as events:
        memory = await ann.store("The kettle is in the attic\nand rusty", workspace="kitchen")
        await ann.call("retrieve_context", {"message": "where is the kettle?", "workspace": "kitchen"})
        await call_rest(ann, "fetch", {"id": memory})
        stored, recalled, refused = await read_calls(events, 3)
    assert (stored["operation"], stored["effect"], stored["workspace"], stored["person"], stored["app"]) == (
        "store_memory", "create", "kitchen", "ann", "test",
    )  # fmt: skip
    assert (stored["memory_id"], stored["title"]) == (memory, "The kettle is in the attic")
    assert (recalled["operation"], recalled["door"], recalled["count"]) == ("retrieve_context", "mcp", 1)
    assert (refused["outcome"], refused["memory_id"]) == ("not_found", None)


async def test_two_accounts_with_identical_data_never_see_each_other(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    async with open_events(ann.http) as hers, open_events(bob.http) as his:
        ids = {each.name: [await each.store(f"Kettle {n} is in the attic") for n in range(3)] for each in (ann, bob)}
        for person, events in ((ann, hers), (bob, his)):
            calls = await read_calls(events, 3)
            assert {each["person"] for each in calls} == {person.name}
            assert [each["memory_id"] for each in calls] == ids[person.name]
    for person in (ann, bob):
        page = (await call_rest(person, "list_activity", {})).body
        assert {each["person"] for each in page["activity"]} == {person.name}


async def test_a_request_with_the_id_of_somebody_elses_shows_nothing_of_theirs(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    ids = []
    for person, text in ((ann, "The kettle of ann"), (bob, "The kettle of bob")):
        headers = {"x-request-id": "chosen"}
        stored = await person.http.post("/v1/memories", json={"content": text}, headers=headers)
        ids.append(stored.json()["id"])
    await write_counts(site.services)
    for person, memory_id in zip((ann, bob), ids, strict=True):
        (call,) = (await call_rest(person, "list_activity", {})).body["activity"]
        assert (call["memory_id"], call["title"]) == (memory_id, f"The kettle of {person.name}")


async def test_a_stream_goes_on_where_one_ended_and_a_page_can_be_asked_for(site):
    ann = await site.add_person("ann")
    for n in range(3):
        await ann.store(f"Memory {n}")
    await site.services.audit.settle()
    page = (await call_rest(ann, "list_activity", {"limit": 2})).body
    assert [each["title"] for each in page["activity"]] == ["Memory 2", "Memory 1"]
    assert page["progress"]["jobs_waiting"] == 0
    first = page["activity"][-1]["number"]
    async with open_events(ann.http, **{"last-event-id": str(first)}) as events:
        assert [each["title"] for each in await read_calls(events, 1)] == ["Memory 2"]
    for query in ("after=-1", "limit=0", "after=x"):
        assert (await ann.http.get(f"/v1/live?{query}")).status_code == 400


async def test_a_key_that_is_bound_watches_its_workspace_alone_and_a_deleted_memory_has_no_title(site):
    ann = await site.add_person("ann")
    here = await ann.store("here", workspace="here")
    await ann.store("there", workspace="there")
    made = (await ann.http.post("/v1/keys", json={"workspace": "here"})).json()
    await ann.http.delete(f"/v1/memories/{here}?workspace=here")
    await site.services.audit.settle()
    page = (await site.client(made["api_key"]).get("/v1/activity")).json()
    assert {each["workspace"] for each in page["activity"]} == {"here"}
    assert "here" not in [each["title"] for each in page["activity"]]


async def test_a_stream_ends_with_the_key_and_with_the_login(site):
    ann = await site.add_person("ann")
    made = (await ann.http.post("/v1/keys", json={})).json()
    async with open_events(site.client(made["api_key"])) as events:
        await ann.http.delete(f"/v1/keys/{made['id']}")
        assert "end" in [kind async for kind, _, _ in events]
    http = await log_in(site, ann)
    async with open_events(http, "/live/stream") as events:
        page = await http.get("/logout")
        await http.post("/logout", data={"csrf": page.text.split('name="csrf" value="')[1].split('"')[0]})
        assert "end" in [kind async for kind, _, _ in events]
    assert (await http.get("/live/stream")).status_code == 401
    assert (await site.client().get("/live")).headers["location"] == "/login?next=/live"


async def test_a_person_has_four_streams_at_most_and_each_that_closes_makes_room(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    async with open_events(ann.http) as first:
        await anext(first)
        async with open_events(ann.http), open_events(ann.http), open_events(ann.http):
            refused = await ann.http.get("/v1/live")
            assert (refused.status_code, refused.json()["error"]) == (429, "too_many_requests")
            async with open_events(bob.http) as others:
                await anext(others)
        await open_soon(ann.http)


async def open_soon(http):
    """Open a stream as soon as the server has noticed that others are closed."""
    status = 429
    with anyio.fail_after(PATIENCE):
        while status == 429:
            async with http.stream("GET", "/v1/live") as answer:
                status = answer.status_code
    assert status == 200


@pytest.mark.browser
async def test_the_page_shows_calls_as_they_come_and_texts_of_agents_are_never_run(site):
    ann = await site.add_person("ann")
    await ann.store(f"before {HOSTILE}")
    await site.services.audit.settle()
    http = await log_in(site, ann)
    assert "<script>alert" not in (await http.get("/live")).text
    async with page_at(PHONE, has_scripts=True) as page:
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.on("pageerror", lambda error: problems.append(str(error)))
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        await page.goto(f"{site.url}/live")
        await page.get_by_text("Connected.").wait_for()
        await ann.store(f"after {HOSTILE}", workspace="kitchen")
        shown = page.locator("#activity li.new")
        await shown.wait_for()
        assert f"after {HOSTILE}" in await shown.inner_text()
        assert await page.locator("#activity li").first.get_by_role("link").count() == 1
        assert await fits(page)
        desktop: Any = DESKTOP
        await page.set_viewport_size(desktop)
        assert await fits(page)
        assert problems == []
