"""The pages of people, workspaces and invitations: each does what its operations do, for whoever may."""

import asyncio
import re
from html import unescape
from typing import Any

import pytest

from tests.helpers.console import log_in, read_csrf, send
from tests.helpers.doors import call_rest
from tests.helpers.logins.flow import PASSWORD, read_fields
from tests.helpers.people import make_team
from tests.web.test_pages import DESKTOP, PHONE, fits, page_at

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ann(site):
    """The server's administrator."""
    return await site.add_person("ann", ("memory:write", "admin"), is_admin=True)


@pytest.fixture
async def ben(site):
    """Somebody who administers nothing."""
    return await site.add_person("ben")


async def invite(http, team, **form):
    """Make an invitation on the page of people; return the path of its link."""
    page = await send(http, "/people", page=f"/people?account={team}", account=team, action="invite", **form)
    assert page.status_code == 200, page.text
    (path,) = re.findall(r"<code>http://[^/]+(/invitation[^<]+)</code>", page.text)
    return unescape(path)


async def accept(http, path, **form):
    """Send the form of an invitation's page."""
    fields = read_fields((await http.get(path)).text)
    return await http.post("/invitation", data=fields | form)


async def test_a_person_makes_a_team_invites_and_changes_roles_in_the_console(site, ben):
    http = await log_in(site, ben)
    assert "You are in no team yet" in (await http.get("/people")).text
    made = await send(http, "/people", action="create", name="crew")
    team = made.headers["location"].partition("account=")[2]
    cat = await site.add_person("cat")
    path = await invite(http, team, role="reader", name="cat")
    tab = await log_in(site, cat)
    assert "Join crew" in (await tab.get(path)).text
    assert (await accept(tab, path)).headers["location"] == f"/people?account={team}"
    page = f"/people?account={team}"
    assert "reader since" in (await http.get(page)).text
    assert "Change" not in (await tab.get(page)).text
    await send(http, "/people", page=page, account=team, member=cat.user_id, action="role", role="member")
    accounts = (await call_rest(cat, "list_accounts", {})).body["accounts"]
    assert {each["name"]: each["role"] for each in accounts} == {"cat": "owner", "crew": "member"}
    refused = await send(tab, "/people", page=page, account=team, member=ben.user_id, action="remove")
    assert refused.status_code == 403
    await send(http, "/people", page=page, account=team, member=cat.user_id, action="remove")
    assert (await tab.get(page)).status_code == 404


async def test_an_invitation_works_once_and_only_for_the_person_it_names(site, ann, ben):
    team = await make_team(site, ann)
    http, tab, dan = [await log_in(site, each) for each in (ann, ben, await site.add_person("dan"))]
    for_dan, open_to_all = await invite(http, team, role="member", name="DAN"), await invite(http, team, role="member")
    taken_back = await invite(http, team, role="reader")
    listed = (await call_rest(ann, "list_invitations", {"id": team})).body["invitations"]
    (revoked,) = [each["id"] for each in listed if each["role"] == "reader"]
    await send(http, "/people", page="/people", account=team, invitation=revoked, action="revoke")
    texts = {(await tab.get(path)).text for path in (for_dan, taken_back, "/invitation?link=nothing", "/invitation")}
    assert len(texts) == 1
    assert "lets you in no more" in texts.pop()
    fields = read_fields((await tab.get(open_to_all)).text)
    for link in (for_dan, taken_back):
        answer = await tab.post("/invitation", data=fields | {"link": link.partition("link=")[2]})
        assert answer.status_code == 404
    tries = await asyncio.gather(accept(tab, open_to_all), accept(dan, open_to_all), return_exceptions=False)
    assert sorted(each.status_code for each in tries) == [302, 404]
    for each in (tab, dan, site.client()):
        assert (await each.get(open_to_all)).status_code == 404
    assert len((await call_rest(ann, "list_members", {"id": team})).body["members"]) == 2


async def test_somebody_new_makes_an_account_with_the_link_of_an_administrator_and_of_nobody_else(site, ann, ben):
    bens, anns = await make_team(site, ann, "crew", admin=[ben]), await make_team(site, ann, "band")
    by_ben = await invite(await log_in(site, ben), bens, role="member")
    by_ann = await invite(await log_in(site, ann), anns, role="reader", name="eve")
    guest = site.client()
    assert "make an account" not in (await guest.get(by_ben)).text
    assert "Log in to join" in (await guest.get(by_ben)).text
    form = {"username": "eve", "password": PASSWORD}
    fields = read_fields((await guest.get(by_ann)).text)
    planted = await guest.post("/invitation", data=fields | form | {"link": by_ben.partition("link=")[2]})
    assert planted.status_code == 403
    for wrong in ({"username": "mallory"}, {"password": "short"}, {"username": "e/ve"}):
        assert (await accept(guest, by_ann, **form | wrong)).status_code in {400, 404}
    assert (await guest.post("/invitation", data=fields | form | {"csrf": "x"})).status_code == 403
    made = await accept(guest, by_ann, **form)
    assert (made.status_code, made.headers["location"]) == (302, "/people")
    assert "band" in (await guest.get("/people")).text
    assert (await accept(site.client(), by_ann, **form)).status_code != 302


async def test_an_invitation_ends_with_the_right_of_its_maker(site, clock, ann, ben):
    team = await make_team(site, ann, admin=[ben])
    tab, guest = await log_in(site, ben), await log_in(site, await site.add_person("cat"))
    path = await invite(tab, team, role="admin")
    late = await invite(await log_in(site, ann), team, role="member", days="2")
    assert (await guest.get(path)).status_code == 200
    await call_rest(ann, "set_member_role", {"id": team, "user_id": ben.user_id, "role": "member"})
    assert (await guest.get(path)).status_code == 404
    clock.move(days=2, seconds=1)
    assert (await guest.get(late)).status_code == 404


async def test_the_forms_that_a_removed_member_has_open_change_nothing(site, ann, ben):
    team = await make_team(site, ann, admin=[ben])
    cat = await site.add_person("cat")
    kept = await ann.store("We ship on Mondays", workspace="team/notes")
    tab = await log_in(site, ben)
    page = f"/people?account={team}"
    invitation = await invite(tab, team, role="member")
    opened = {"csrf": await read_csrf(tab, page), "account": team, "workspace": "team/notes", "id": kept}
    assert "We ship on Mondays" in (await tab.get("/memories?workspace=team/notes")).text
    await call_rest(ann, "remove_member", {"id": team, "user_id": ben.user_id})
    sent: list[tuple[str, dict[str, str]]] = [
        ("/people", {"action": "invite", "role": "admin"}),
        ("/people", {"action": "role", "member": ann.user_id, "role": "reader"}),
        ("/people", {"action": "remove", "member": ann.user_id}),
        ("/memories", {"content": "We ship on Fridays"}),
        ("/memories/change", {"action": "bury", "which": "chosen", "step": "change"}),
        (f"/memories/{kept}", {"action": "delete"}),
        (f"/memories/{kept}", {"action": "save", "content": "We ship on Fridays"}),
    ]
    answers = [await tab.post(path, data=opened | form) for path, form in sent]
    answers += [await tab.get(path) for path in (page, "/memories?workspace=team/notes", f"/memories/{kept}")]
    assert {each.status_code for each in answers} == {404}
    assert all("Mondays" not in each.text for each in answers)
    assert (await (await log_in(site, cat)).get(invitation)).status_code == 404
    members = (await call_rest(ann, "list_members", {"id": team})).body["members"]
    assert [(each["name"], each["role"]) for each in members] == [("ann", "owner")]
    left = (await call_rest(ann, "list_memories", {"workspace": "team/notes"})).body["memories"]
    assert [(each["id"], each["content"]) for each in left] == [(kept, "We ship on Mondays")]


async def test_the_last_owner_who_presses_leave_is_told_why_not_and_stays(site, ann, ben):
    team = await make_team(site, ann, member=[ben])
    http = await log_in(site, ann)
    page = f"/people?account={team}"
    for form in ({"action": "remove"}, {"action": "role", "role": "member"}):
        refused = await send(http, "/people", page=page, account=team, member=ann.user_id, **form)
        assert (refused.status_code, "the last owner of the account" in refused.text) == (409, True)
    assert "You are owner here" in (await http.get(page)).text
    await send(http, "/people", page=page, account=team, member=ben.user_id, action="role", role="owner")
    assert (await send(http, "/people", page=page, account=team, member=ann.user_id, action="remove")).is_redirect
    assert "You are in no team yet" in (await http.get("/people")).text


async def test_who_makes_an_account_by_an_invitation_is_not_in_a_session_that_somebody_planted(site, ann):
    path = await invite(await log_in(site, ann), await make_team(site, ann), role="member")
    planted = "p" * 43
    guest, thief = site.client(), site.client()
    for each in (guest, thief):
        each.cookies.set("loci", planted)
    fields = read_fields((await guest.get(path)).text)
    made = await guest.post("/invitation", data=fields | {"username": "eve", "password": PASSWORD})
    assert made.headers["location"] == "/people"
    assert planted not in made.headers["set-cookie"]
    assert (await thief.get("/people")).headers["location"].startswith("/login")


async def test_a_workspace_is_shared_and_taken_back_on_its_page(site, ann, ben):
    await ben.store("The kettle is in the attic")
    http, tab = await log_in(site, ben), await log_in(site, ann)
    workspace = (await call_rest(ben, "list_workspaces", {})).body["workspaces"][0]["id"]
    await send(http, "/workspaces", id=workspace, receiver="ann", may="read", action="share")
    assert "ann reads" in (await http.get("/workspaces")).text
    theirs = (await tab.get("/workspaces")).text
    assert "ben/default" in theirs
    assert "You read only" in theirs
    assert "Share ben/default" not in theirs
    assert "The kettle" in (await tab.get("/memories?workspace=ben/default")).text
    assert (await send(tab, "/memories", content="planted", workspace="ben/default")).status_code == 403
    (share,) = re.findall(r'name="share" value="([^"]+)"', (await http.get("/workspaces")).text)
    refused = await send(tab, "/workspaces", id=workspace, share=share, action="unshare")
    assert refused.status_code == 403
    await send(http, "/workspaces", id=workspace, share=share, action="unshare")
    assert (await tab.get("/memories?workspace=ben/default")).status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_pages_fit_a_phone_and_a_desk(site, ann, size):
    team = await make_team(site, ann, "c" * 60)
    await call_rest(ann, "create_workspace", {"name": "w" * 90})
    await call_rest(ann, "create_invitation", {"id": team})
    http = await log_in(site, ann)
    async with page_at(size) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        for path in ("/people", "/workspaces"):
            await page.goto(f"{site.url}{path}")
            assert await fits(page), path
