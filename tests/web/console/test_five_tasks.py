"""Five tasks of a person who has never seen the console, on a phone: by what the pages show, and no address typed."""

import re
import time
from typing import Any

import pytest

from tests.helpers.console import log_in
from tests.helpers.doors import call_rest
from tests.web.test_pages import PHONE, page_at

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

#: The most taps that each task takes: half a minute for somebody who reads the page.
MOST_TAPS = {"correct": 6, "forget": 4, "stored by": 1, "share": 5, "left out": 4}


class Person:
    """Taps and types on a page that they see, and counts the taps of each task."""

    def __init__(self, page):
        self.page = page
        self.taps: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self._task, self._began = "", 0.0

    def begin(self, task):
        """Begin a task."""
        self.end()
        self._task, self._began = task, time.monotonic()
        self.taps[task] = 0

    def end(self):
        """End the task."""
        if self._task:
            self.seconds[self._task] = time.monotonic() - self._began

    async def tap(self, role, name):
        """Tap what has this role and name: the first that can be seen."""
        self.taps[self._task] += 1
        await self.page.get_by_role(role, name=name).locator("visible=true").first.click()

    async def open(self, words):
        """Open a part of the page that its words name."""
        self.taps[self._task] += 1
        await self.page.locator("summary", has_text=words).first.click()

    async def type(self, label, text):
        """Tap a field, and write a text into it."""
        self.taps[self._task] += 1
        await self.page.get_by_label(label, exact=True).locator("visible=true").first.fill(text)

    async def sees(self, text):
        """Wait until a text can be seen."""
        await self.page.get_by_text(text).locator("visible=true").first.wait_for()


async def test_a_person_does_five_tasks_on_a_phone_in_few_taps(site):
    ann, _ = await site.add_person("ann"), await site.add_person("ben")
    fact = await ann.store("The code of the boiler is 4711")
    secret = await ann.store("Ann's old address was Elm Street 5")
    await ann.store("The kettle is in the attic")
    await call_rest(ann, "add_skip", {"item": "the kettle", "reason": "It broke", "expires": "2099-01-01"})
    await call_rest(ann, "set_setting", {"key": "skip_enforcement", "value": "withhold"})
    http = await log_in(site, ann)
    async with page_at(PHONE, has_scripts=True) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        await page.goto(site.url)
        person = Person(page)

        person.begin("correct")
        await person.type("Search as an agent would", "boiler")
        await person.sees("1 found")
        await person.tap("link", re.compile("code of the boiler"))
        await person.open("Change it")
        await person.type("Text", "The code of the boiler is 4712")
        await person.tap("button", "Save")
        await person.sees("Saved.")
        assert (await ann.http.get(f"/v1/memories/{fact}")).json()["content"].endswith("4712")

        person.begin("stored by")
        await person.tap("link", "Memories")
        await person.sees("Stored by: ann with test")

        person.begin("forget")
        await person.type("Search as an agent would", "elm street")
        await person.sees("1 found")
        await person.tap("link", re.compile("old address"))
        await person.open("Forget it")
        await person.tap("button", "Erase for good")
        await person.sees("The memory was erased for good.")
        assert (await ann.http.get(f"/v1/memories/{secret}")).status_code == 404

        person.begin("share")
        await person.tap("link", "Access")
        await person.tap("link", "Workspaces")
        await person.open("Share default")
        await person.type("The name of a person or of a team", "ben")
        await person.tap("button", "Share")
        await person.sees("ben reads")

        person.begin("left out")
        await person.tap("link", "Memory")
        await person.tap("link", "Recall")
        await person.type("The prompt", "where is the kettle?")
        await person.tap("button", "Ask")
        await person.sees("The skip list withholds it.")
        person.end()
    print(person.taps, {task: round(seconds, 1) for task, seconds in person.seconds.items()})  # noqa: T201 - to read
    assert {task: taps for task, taps in person.taps.items() if taps > MOST_TAPS[task]} == {}
