"""A person who is logged in connects a provider with their account, and disconnects it."""

import re

import pytest

from tests.helpers.logins.fake_provider import begin_login, come_back, log_in, read_subjects, read_title
from tests.helpers.logins.flow import ON_BOTH, Flow, read_fields

#: A server without any user asks to be set up.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("ada")]


@ON_BOTH
async def test_a_person_who_is_logged_in_connects_a_provider_logs_in_with_it_and_disconnects_it(
    open_browser, provider, auth, ada
):
    async with open_browser(signup="closed") as http:
        await Flow(http, "http://127.0.0.1:8080").log_in()
        asked = await begin_login(http, provider, page="/apps", connect=True)
        assert (await come_back(http, asked)).headers["location"] == "/apps"
    assert await read_subjects(auth) == [("ada-7", ada.name)]
    async with open_browser(signup="closed") as http:
        assert (await log_in(http, provider)).status_code == 302
        page = await http.get("/apps")
        assert "Connect Acme" not in page.text
        subject = re.findall(r'name="subject" value="([^"]+)"', page.text)[0]
        assert (await http.post("/apps", data=read_fields(page.text) | {"subject": subject})).status_code == 302
    assert await read_subjects(auth) == []


async def test_an_account_of_another_user_cannot_be_connected(open_browser, provider, auth):
    async with open_browser() as http:
        await log_in(http, provider)
    before = await read_subjects(auth)
    async with open_browser() as http:
        await Flow(http, "http://127.0.0.1:8080").log_in()
        page = await come_back(http, await begin_login(http, provider, page="/apps", connect=True))
    assert read_title(page) == "This account is connected already"
    assert await read_subjects(auth) == before


async def test_a_connection_that_was_begun_by_another_user_is_not_made(open_browser, provider, auth):
    async with open_browser() as http:
        flow = Flow(http, "http://127.0.0.1:8080")
        await flow.log_in()
        asked = await begin_login(http, provider, page="/apps", connect=True)
        await http.post("/logout", data=read_fields((await http.get("/logout")).text))
        assert (await come_back(http, asked)).status_code == 403
    assert await read_subjects(auth) == []


async def test_the_last_way_to_log_in_cannot_be_disconnected(open_browser, provider, auth):
    async with open_browser() as http:
        await log_in(http, provider)
        page = await http.get("/apps")
        subject = re.findall(r'name="subject" value="([^"]+)"', page.text)[0]
        answer = await http.post("/apps", data=read_fields(page.text) | {"subject": subject})
    assert read_title(answer) == "This is your only way to log in"
    assert len(await read_subjects(auth)) == 1


async def test_nobody_disconnects_the_provider_of_another_user(open_browser, provider, auth):
    async with open_browser() as http:
        await log_in(http, provider)
        page = await http.get("/apps")
        subject = re.findall(r'name="subject" value="([^"]+)"', page.text)[0]
    async with open_browser() as http:
        await Flow(http, "http://127.0.0.1:8080").log_in()
        page = await http.get("/apps")
        assert (await http.post("/apps", data=read_fields(page.text) | {"subject": subject})).status_code == 302
    assert len(await read_subjects(auth)) == 1
