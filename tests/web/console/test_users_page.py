"""The page of users: what administrators of the server do with people, and nobody else."""

import re
from html import unescape

import pytest

from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest
from tests.helpers.logins.flow import PASSWORD, Flow, read_fields
from tests.helpers.people import make_team

pytestmark = pytest.mark.anyio

NEW = "a quite new password"


@pytest.fixture
async def ann(site):
    """The server's administrator."""
    return await site.add_person("ann", ("memory:write", "admin"), is_admin=True)


def read_link(page):
    (path,) = re.findall(r"<code>http://[^/]+(/[^<]+)</code>", page.text)
    return unescape(path)


async def test_an_administrator_sees_everybody_shuts_out_lets_in_and_removes(site, ann):
    ben = await site.add_person("ben")
    await make_team(site, ann, "crew", reader=[ben])
    http, tab = await log_in(site, ann), await log_in(site, ben)
    listed = (await call_rest(ann, "list_users", {})).body["users"]
    (of_ben,) = [each for each in listed if each["name"] == "ben"]
    assert of_ben["accounts"] == [{"name": "ben", "role": "owner"}, {"name": "crew", "role": "reader"}]
    assert of_ben["last_login_at"] is not None
    assert "crew (reader)" in (await http.get("/users")).text
    await send(http, "/users", user=ben.user_id, action="disable")
    assert "shut out since" in (await http.get("/users")).text
    assert (await tab.get("/memories")).status_code == 302
    await send(http, "/users", user=ben.user_id, action="enable")
    assert "shut out since" not in (await http.get("/users")).text
    assert (await Flow(tab, site.url).log_in("ben")).status_code == 302
    await send(http, "/users", user=ben.user_id, action="remove")
    assert ">removed<" in (await http.get("/users")).text


async def test_a_link_for_a_new_password_is_made_on_the_page_and_works_once(site, ann):
    ben = await site.add_person("ben")
    http, tab = await log_in(site, ann), site.client()
    path = read_link(await send(http, "/users", user=ben.user_id, action="reset"))
    form = read_fields((await tab.get(path)).text) | {"password": NEW}
    assert (await tab.post("/reset", data=form)).status_code == 302
    assert (await tab.post("/reset", data=form)).status_code in {403, 404}
    assert (await Flow(tab, site.url).log_in("ben", NEW)).status_code == 302
    await call_rest(ann, "disable_user", {"id": ben.user_id})
    assert (await send(http, "/users", user=ben.user_id, action="reset")).status_code == 409


async def test_nobody_else_sees_the_page_or_uses_its_buttons(site, ann):
    ben = await site.add_person("ben", ("memory:write", "admin"))
    http = await log_in(site, ben)
    assert (await http.get("/users")).status_code == 403
    for action in ("reset", "disable", "remove", "invite"):
        assert (await send(http, "/users", page="/people", user=ann.user_id, action=action)).status_code == 403
    assert (await call_rest(ben, "create_reset_link", {"id": ann.user_id})).status == 403
    assert (await call_rest(ben, "invite_user", {})).status == 403
    assert (await Flow(site.client(), site.url).log_in("ann", PASSWORD)).status_code == 400  # ann has no password


async def test_somebody_is_invited_only_if_the_server_makes_such_links(site, ann):
    http = await log_in(site, ann)
    assert "LOCI_SIGNUP" in (await http.get("/users")).text
    assert (await send(http, "/users", action="invite")).status_code == 403
