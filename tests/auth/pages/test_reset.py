"""A new password by a link: once, within a day, and without telling anybody who is here."""

import asyncio
import re

import pytest

from auth import throttle
from auth.accounts.password_changes import LIFETIME, make_reset_link
from server.store.record.people.shutting_out import disable_user, enable_user
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields

pytestmark = [pytest.mark.anyio, ON_BOTH]

NEW = "a quite new password"


@pytest.fixture
def make_link(auth, ada):
    """Makes a link for ada; its path."""

    async def make():
        async with auth.db.write() as connection:
            url, _ = await make_reset_link(connection, auth.issuer, ada.id, auth.now())
        return url.removeprefix(auth.issuer)

    return make


async def use(http, path, password=NEW):
    """Open a link and set a password with it; the answer to the form, or to the link if it has none."""
    page = await http.get(path)
    if page.status_code != 200:
        return page
    return await http.post("/reset", data=read_fields(page.text) | {"password": password})


async def log_in(make_browser, auth, password):
    async with make_browser() as other:
        return (await Flow(other, auth.issuer).log_in(password=password)).status_code


def strip_random(page):
    """A page without its anti-forgery value and the address that its choice of a language goes back to."""
    return re.sub(r'name="(csrf|back)" value="[^"]*"', "", page.text)


async def test_a_link_sets_a_password_once_and_ends_every_session(http, make_browser, auth, make_link):
    async with make_browser() as tab:
        await Flow(tab, auth.issuer).log_in()
        path = await make_link()
        assert (await use(http, path, "short")).status_code == 400
        done = await use(http, path)
        assert (done.status_code, done.headers["location"]) == (302, "/login")
        assert (await tab.get("/apps")).status_code == 302
    assert (await http.get("/apps")).status_code == 302
    assert (await use(http, path, "yet another one")).status_code == 404
    assert [await log_in(make_browser, auth, each) for each in (PASSWORD, NEW)] == [400, 302]


async def test_of_two_who_use_a_link_at_once_one_is_told_that_it_works_no_more(make_browser, make_link):
    path = await make_link()
    async with make_browser() as one, make_browser() as two:
        forms = [read_fields((await each.get(path)).text) | {"password": NEW} for each in (one, two)]
        posts = [each.post("/reset", data=form) for each, form in zip((one, two), forms, strict=True)]
        assert sorted(each.status_code for each in await asyncio.gather(*posts)) == [302, 404]


async def test_unknown_used_replaced_expired_and_shut_out_links_get_the_same_answer(http, auth, ada, clock, make_link):
    answers = [
        await http.get("/reset"),
        await http.get("/reset?link=nothing"),
        await http.get("/reset?link=" + "x" * 43),
    ]
    used = await make_link()
    await use(http, used)
    answers.append(await http.get(used))
    replaced, expired = await make_link(), await make_link()
    answers.append(await http.get(replaced))
    assert (await http.get(expired)).status_code == 200
    clock.move(seconds=LIFETIME.total_seconds())
    answers.append(await http.get(expired))
    shut_out = await make_link()
    async with auth.db.write() as connection:
        await disable_user(connection, ada.id, clock())
    answers.append(await http.get(shut_out))
    async with auth.db.write() as connection:
        await enable_user(connection, ada.id)
    answers.append(await http.get(shut_out))
    assert {each.status_code for each in answers} == {404}
    assert len({strip_random(each) for each in answers}) == 1


async def test_a_link_ends_with_any_other_change_of_the_password(http, auth, make_link):
    path = await make_link()
    await Flow(http, auth.issuer).log_in()
    fields = read_fields((await http.get("/own-login")).text)
    form = {"csrf": fields["csrf"], "action": "password", "password": PASSWORD, "new_password": NEW}
    assert (await http.post("/own-login", data=form)).status_code == 200
    assert (await http.get(path)).status_code == 404


async def test_a_form_of_another_browser_and_too_many_tries_are_refused(http, make_browser, make_link):
    path = await make_link()
    async with make_browser() as other:
        planted = read_fields((await other.get(path)).text) | {"password": NEW}
    assert (await http.post("/reset", data=planted)).status_code == 403
    for _ in range(throttle.RESETS.count):
        refused = await http.get("/reset?link=guess")
    assert (refused.status_code, "retry-after" in refused.headers) == (429, True)


async def test_without_passwords_there_is_no_reset_and_no_change(make_browser, make_server, auth, make_link):
    path = await make_link()
    async with make_browser() as http:
        await Flow(http, auth.issuer).log_in()
        cookies = http.cookies
    async with make_browser(server=make_server(login="upstream"), cookies=cookies) as http:
        assert (await http.get(path)).status_code == 403
        page = (await http.get("/own-login")).text
        assert "takes no passwords" in page
        form = {"csrf": read_fields(page)["csrf"], "action": "password", "password": PASSWORD, "new_password": NEW}
        assert (await http.post("/own-login", data=form)).status_code == 403
