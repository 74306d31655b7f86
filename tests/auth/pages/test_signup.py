"""Making accounts: the first with the setup link, the others as LOCI_SIGNUP says."""

import asyncio

import pytest
import sqlalchemy as sa

from auth.accounts.signup_links import make_invite_link
from server.connect_commands import list_connect_steps
from server.store.record.people.accounts import count_users, create_user, find_user
from server.store.tables.oauth import signup_links
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, read_fields

pytestmark = [pytest.mark.anyio, ON_BOTH]


async def fill_in(http, url, username="grace", password=PASSWORD):
    page = await http.get(url)
    if page.status_code != 200:
        return page
    path = url.split("?")[0]
    return await http.post(path, data=read_fields(page.text) | {"username": username, "password": password})


async def test_the_setup_link_makes_an_admin_who_is_logged_in_and_told_how_to_connect(http, auth):
    answer = await fill_in(http, await auth.start())
    assert (answer.status_code, answer.headers["location"]) == (302, "/welcome")
    for _ in range(2):  # it can be reloaded
        page = await http.get("/welcome")
        assert page.status_code == 200
        assert "claude mcp add --transport http --scope user loci http://127.0.0.1:8080/mcp" in page.text
        assert all(step.client in page.text for step in list_connect_steps(""))
    async with auth.db.read() as connection:
        user = await find_user(connection, "grace")
    assert user is not None
    assert user.is_admin
    assert (await http.get("/apps")).status_code == 200


async def test_the_setup_link_works_once(http, auth):
    link = await auth.start()
    await fill_in(http, link)
    answer = await fill_in(http, link, "eve")
    assert answer.status_code == 403
    assert "does not work any more" in answer.text


async def test_of_two_that_use_the_setup_link_at_once_one_becomes_admin(make_browser, auth):
    link = await auth.start()
    async with make_browser() as one, make_browser() as two:
        answers = await asyncio.gather(fill_in(one, link, "grace"), fill_in(two, link, "eve"))
    assert sorted(answer.status_code for answer in answers) == [302, 403]
    async with auth.db.read() as connection:
        assert await count_users(connection) == 1


async def test_the_setup_link_works_for_a_day(http, auth, clock):
    link = await auth.start()
    clock.move(hours=24)
    assert (await fill_in(http, link)).status_code == 403


async def test_a_start_makes_a_new_link_and_ends_the_one_before(http, auth):
    first, second = await auth.start(), await auth.start()
    assert (await fill_in(http, first)).status_code == 403
    assert (await fill_in(http, second)).status_code == 302


async def test_there_is_no_setup_link_once_there_is_an_admin(http, auth):
    await fill_in(http, await auth.start())
    assert await auth.start() is None


async def test_the_setup_link_ends_when_an_admin_is_made_in_another_way(http, auth, clock):
    link = await auth.start()
    async with auth.db.write() as connection:
        await create_user(connection, name="root", password_hash=None, is_admin=True, now=clock())
    assert (await fill_in(http, link)).status_code == 403


@pytest.mark.usefixtures("ada")
async def test_there_is_a_setup_link_as_long_as_there_is_no_admin_even_with_users(auth):
    assert await auth.start() is not None


async def test_the_setup_page_is_closed_without_its_link(http, auth):
    await auth.start()
    for url in ("/setup", "/setup?link=", "/setup?link=guess"):
        assert (await http.get(url)).status_code == 403


async def test_an_invitation_is_no_setup_link(http, db, clock):
    invite = await make_invite_link(db, "http://127.0.0.1:8080", clock())
    assert (await http.get(invite.replace("/signup", "/setup"))).status_code == 403


async def test_a_link_is_kept_as_a_hash(auth):
    link = await auth.start()
    async with auth.db.read() as connection:
        kept = str((await connection.execute(sa.select(signup_links))).all())
    assert link.split("=")[1] not in kept


@pytest.mark.usefixtures("ada")
async def test_a_mistake_in_the_form_is_shown_beside_the_field_and_does_not_use_the_link_up(http, auth):
    link = await auth.start()
    for username, password, says in [
        ("a b", PASSWORD, "Choose a name"),
        ("a/b", PASSWORD, "Choose a name"),
        ("", PASSWORD, "Choose a name"),
        ("-a", PASSWORD, "Choose a name"),
        ("x" * 65, PASSWORD, "Choose a name"),
        ("grace", "short", "Choose a password"),
        ("grace", "x" * 1001, "Choose a password"),
        ("ada", PASSWORD, "already"),
        ("Ada", PASSWORD, "already"),
        ("\u0301da", PASSWORD, "Choose a name"),
        ("a\u202eb", PASSWORD, "invisible character U+202E"),
    ]:
        answer = await fill_in(http, link, username, password)
        assert says in answer.text
        assert answer.status_code in {400, 409}
        assert password not in answer.text
    assert (await fill_in(http, link)).status_code == 302


async def test_a_setup_form_without_its_token_is_refused(http, auth):
    link = (await auth.start()).split("=")[1]
    answer = await http.post("/setup", data={"link": link, "username": "eve", "password": PASSWORD})
    assert answer.status_code == 403
    async with auth.db.read() as connection:
        assert await count_users(connection) == 0


async def test_signing_up_is_closed_if_nothing_is_said(http, auth, clock):
    assert (await http.get("/signup")).status_code == 403
    invite = await make_invite_link(auth.db, auth.issuer, clock())
    assert (await http.get(invite)).status_code == 403


async def test_on_an_open_server_anybody_makes_an_account_that_is_no_admin(make_server, make_browser):
    server = make_server(signup="open")
    async with make_browser(server=server) as http:
        assert 'href="/signup"' in (await http.get("/login")).text
        assert (await fill_in(http, "/signup")).status_code == 302
        async with server.db.read() as connection:
            user = await find_user(connection, "grace")
        assert user is not None
        assert not user.is_admin
        assert (await http.get("/apps")).status_code == 200


async def test_making_an_account_puts_a_new_session_in_place_of_whatever_cookie_was_there(make_server, make_browser):
    server = make_server(signup="open")
    planted = {"loci": "p" * 43}
    for url, name in (await server.start(), "grace"), ("/signup", "eve"):
        async with make_browser(server=server, cookies=planted) as http:
            assert (await fill_in(http, url, name)).status_code == 302
            assert (await http.get("/apps")).status_code == 200
        async with make_browser(server=server, cookies=planted) as thief:
            assert (await thief.get("/apps")).headers["location"] == "/login?next=/apps"


async def test_an_invitation_works_once_within_a_day(make_server, make_browser, clock):
    server = make_server(signup="invite")
    invite = await make_invite_link(server.db, server.issuer, clock())
    late = await make_invite_link(server.db, server.issuer, clock())
    async with make_browser(server=server) as http:
        assert (await http.get("/signup")).status_code == 403
        assert (await fill_in(http, invite)).status_code == 302
        assert (await fill_in(http, invite, "eve")).status_code == 403
        clock.move(hours=24)
        assert (await fill_in(http, late, "eve")).status_code == 403


async def test_one_address_may_make_twenty_accounts_an_hour(make_server, make_browser):
    server = make_server(signup="open")
    async with make_browser(server=server) as http:
        for number in range(20):
            assert (await fill_in(http, "/signup", f"user{number}")).status_code == 302
        assert (await fill_in(http, "/signup", "user20")).status_code == 429


async def test_a_form_that_cannot_be_read_is_refused_with_a_page(http):
    assert (await http.post("/signup", json={})).status_code == 400
