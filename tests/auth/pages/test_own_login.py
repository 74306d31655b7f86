"""One's own login: a new password, and the browsers in which somebody is logged in."""

import pytest
import sqlalchemy as sa

from auth import throttle
from auth.pages.own_login import PATH
from server.store.record.people.accounts import create_user
from server.store.tables.oauth import browser_sessions
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields

pytestmark = [pytest.mark.anyio, ON_BOTH]

NEW = "a quite new password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
async def people(make_browser, auth, ada):  # noqa: ARG001 - somebody must be there to log in
    """Ada's laptop and her phone."""
    async with make_browser() as laptop, make_browser("203.0.113.7") as phone:
        for http, agent in ((laptop, FIREFOX), (phone, SAFARI)):
            http.headers["user-agent"] = agent
            assert (await Flow(http, auth.issuer).log_in()).status_code == 302
        yield laptop, phone


async def is_logged_in(http):
    return (await http.get("/apps")).status_code == 200


async def press(http, action, **form):
    """Press a button of the page; return the answer."""
    page = await http.get("/logout")  # every form has the token
    return await http.post(PATH, data={"csrf": read_fields(page.text)["csrf"], "action": action, **form})


async def change(http, old=PASSWORD, new=NEW, **form):
    return await press(http, "password", password=old, new_password=new, **form)


@pytest.mark.parametrize("ends_others", [True, False])
async def test_a_new_password_ends_the_other_sessions_if_it_is_wished(people, make_browser, auth, ends_others):
    laptop, phone = people
    changed = await change(laptop, **({"end_others": "yes"} if ends_others else {}))
    assert (changed.status_code, "The password is changed" in changed.text) == (200, True)
    assert await is_logged_in(laptop)
    assert await is_logged_in(phone) is not ends_others
    async with make_browser() as other:
        flow = Flow(other, auth.issuer)
        assert [(await flow.log_in(password=each)).status_code for each in (PASSWORD, NEW)] == [400, 302]


async def test_a_copied_cookie_is_worthless_after_a_new_password(people, make_browser):
    laptop, _ = people
    async with make_browser() as thief:
        thief.cookies.update(laptop.cookies)
        assert await is_logged_in(thief)
        await change(laptop)
        assert [await is_logged_in(each) for each in (laptop, thief)] == [True, False]


async def test_a_wrong_old_password_and_a_bad_new_one_change_nothing(people, make_browser, auth):
    laptop, phone = people
    for old, new, words in (("wrong", NEW, "old password is wrong"), (PASSWORD, "short", "8 to 1000 characters")):
        refused = await change(laptop, old, new, end_others="yes")
        assert (refused.status_code, words in refused.text) == (400, True)
    assert await is_logged_in(phone)
    planted = await laptop.post(PATH, data={"action": "password", "password": PASSWORD, "new_password": NEW})
    assert planted.status_code == 403
    async with make_browser() as other:
        assert (await Flow(other, auth.issuer).log_in()).status_code == 302


async def test_old_passwords_are_guessed_no_faster_than_at_the_login(people):
    laptop, _ = people
    for _ in range(throttle.LOGIN_BY_KNOWN_BROWSER.count):
        assert (await change(laptop, "wrong")).status_code == 400
    refused = await change(laptop)
    assert (refused.status_code, "retry-after" in refused.headers) == (429, True)


async def test_each_browser_is_named_in_words_with_its_address_and_its_last_use(people, clock):
    laptop, phone = people
    clock.move(minutes=10)
    await phone.get("/apps")
    shown = (await laptop.get(PATH)).text
    assert "Firefox on Linux" in shown
    assert "Safari on iPhone" in shown
    assert "203.0.113.7" in shown
    assert shown.count("this one") == 1
    assert f"{clock():%H:%M}" in shown


async def find_session(db, agent):
    """The value that the button of a browser sends."""
    async with db.read() as connection:
        query = sa.select(browser_sessions.c.id_hash).where(browser_sessions.c.user_agent == agent)
        return (await connection.execute(query)).scalar_one()


async def test_one_browser_is_logged_out_or_all_others_are_and_nobody_elses(people, make_browser, auth, clock):
    laptop, phone = people
    hers = await find_session(auth.db, SAFARI)
    async with make_browser() as stranger:
        hashed = await auth.passwords.hash(PASSWORD)
        async with auth.db.write() as connection:
            await create_user(connection, name="bob", password_hash=hashed, is_admin=False, now=clock())
        await Flow(stranger, auth.issuer).log_in("bob")
        await press(stranger, "end", session=hers)
        await press(stranger, "end-others")
        assert await is_logged_in(phone)
        await press(laptop, "end", session=hers)
        assert not await is_logged_in(phone)
        await Flow(phone, auth.issuer).log_in()
        await press(laptop, "end-others")
        assert [await is_logged_in(each) for each in (laptop, phone, stranger)] == [True, False, True]


async def test_a_stolen_cookie_is_worthless_after_the_login_ends_and_a_planted_one_never_logs_in(people, make_browser):
    laptop, phone = people
    async with make_browser() as thief:
        thief.cookies.update(phone.cookies)
        assert await is_logged_in(thief)
        await press(laptop, "end-others")
        assert not await is_logged_in(thief)
        planted = dict(thief.cookies)
        phone.cookies.clear()
        phone.cookies.update(planted)
        await Flow(phone, "").log_in()
        assert await is_logged_in(phone)
        assert not await is_logged_in(thief)
