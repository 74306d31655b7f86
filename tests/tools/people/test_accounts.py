"""Accounts with several members: each role does what it may, and no account is ever without an owner."""

import pytest

from tests.helpers.doors import call_rest, check_refusal
from tests.helpers.people import make_team

pytestmark = pytest.mark.anyio


async def add_admin(site, name):
    """Somebody whose key may do everything."""
    return await site.add_person(name, ("memory:write", "admin"), is_admin=True)


@pytest.fixture
async def ann(site):
    return await add_admin(site, "ann")


@pytest.fixture
async def ben(site):
    return await add_admin(site, "ben")


async def list_roles(person, team):
    found = (await call_rest(person, "list_members", {"id": team})).body["members"]
    return {each["name"]: each["role"] for each in found}


async def test_a_person_in_two_accounts_does_in_each_what_their_role_there_allows(site, ann, ben):
    cat = await site.add_person("cat")
    await make_team(site, ann, "red", member=[cat])
    await make_team(site, ben, "blue", reader=[cat])
    assert (await call_rest(cat, "store_memory", {"content": "Red", "workspace": "red/notes"})).status == 201
    assert (await call_rest(cat, "store_memory", {"content": "Red", "workspace": "blue/notes"})).status == 403
    empty = await call_rest(cat, "list_memories", {"workspace": "blue/notes"})
    assert (empty.status, empty.body["total"]) == (200, 0)
    assert (await call_rest(cat, "create_workspace", {"name": "blue/new"})).status == 403
    accounts = (await call_rest(cat, "list_accounts", {})).body["accounts"]
    assert {(each["name"], each["role"], each["is_personal"]) for each in accounts} == {
        ("cat", "owner", True),
        ("red", "member", False),
        ("blue", "reader", False),
    }
    places = (await call_rest(cat, "list_workspaces", {})).body["workspaces"]
    assert [each["address"] for each in places] == ["red/notes"]
    assert (await call_rest(ann, "list_memories", {"workspace": "blue/notes"})).status == 404
    assert (await call_rest(ben, "list_memories", {"workspace": "red/notes"})).status == 404


async def test_only_those_above_change_roles_and_an_admin_makes_no_owner(site, ann, ben):
    cat, dan = await add_admin(site, "cat"), await add_admin(site, "dan")
    team = await make_team(site, ann, admin=[ben], member=[cat], reader=[dan])
    refused = [
        (cat, dan, "member"),
        (dan, dan, "owner"),
        (ben, ben, "owner"),
        (ben, ann, "reader"),
        (ben, dan, "owner"),
    ]
    for person, member, role in refused:
        change = {"id": team, "user_id": member.user_id, "role": role}
        assert (await call_rest(person, "set_member_role", change)).status == 403, (person.name, member.name, role)
    assert (await call_rest(cat, "remove_member", {"id": team, "user_id": dan.user_id})).status == 403
    assert (await call_rest(ben, "remove_member", {"id": team, "user_id": ann.user_id})).status == 403
    assert await list_roles(dan, team) == {"ann": "owner", "ben": "admin", "cat": "member", "dan": "reader"}
    changed = await call_rest(ben, "set_member_role", {"id": team, "user_id": dan.user_id, "role": "admin"})
    assert changed.body["role"] == "admin"
    assert (await call_rest(cat, "remove_member", {"id": team, "user_id": cat.user_id})).error is None
    stranger = await call_rest(cat, "list_members", {"id": team})
    unknown = await call_rest(cat, "list_members", {"id": "nothing"})
    assert (stranger.status, stranger.text.replace(team, "X")) == (404, unknown.text.replace("nothing", "X"))


async def test_the_last_owner_neither_leaves_nor_becomes_less(site, ann, ben):
    team = await make_team(site, ann, member=[ben])
    myself = {"id": team, "user_id": ann.user_id}
    says = "the last owner of the account 'team'"
    await check_refusal(ann, "remove_member", myself, status=409, code="conflict", says=says)
    await check_refusal(ann, "set_member_role", myself | {"role": "admin"}, status=409, code="conflict", says=says)
    personal = {"id": ann.account_id, "user_id": ann.user_id}
    assert (await call_rest(ann, "remove_member", personal)).status == 409
    await call_rest(ann, "set_member_role", {"id": team, "user_id": ben.user_id, "role": "owner"})
    assert (await call_rest(ann, "remove_member", myself)).error is None
    assert await list_roles(ben, team) == {"ben": "owner"}


async def test_the_name_of_an_account_is_that_of_nobody_else(ann, ben):
    assert (await call_rest(ann, "create_account", {"name": "crew"})).status == 201
    for name in ("Crew", "BEN", "ann"):
        assert (await call_rest(ben, "create_account", {"name": name})).status == 409
    for name in ("a/b", "-", "x" * 65, "two words"):
        assert (await call_rest(ben, "create_account", {"name": name})).status == 400


async def test_an_invitation_is_accepted_once_and_taken_back_over_rest(site, ann, ben):
    team = await make_team(site, ann)
    made = (await call_rest(ann, "create_invitation", {"id": team, "role": "reader"})).body
    link = made["url"].partition("link=")[2]
    cat = await site.add_person("cat")
    assert (await call_rest(cat, "accept_invitation", {"link": link})).status == 403, "an agent joins nothing"
    joined = await call_rest(ben, "accept_invitation", {"link": link})
    assert (joined.body["id"], joined.body["role"]) == (team, "reader")
    assert (await call_rest(ben, "accept_invitation", {"link": link})).status == 404
    other = (await call_rest(ann, "create_invitation", {"id": team})).body
    assert (await call_rest(ben, "create_invitation", {"id": team})).status == 403
    ended = {"id": team, "invitation_id": other["id"]}
    assert (await call_rest(ben, "revoke_invitation", ended)).status == 403
    assert (await call_rest(ann, "revoke_invitation", ended)).error is None
    assert (await call_rest(ann, "revoke_invitation", ended)).status == 404
    personal = await call_rest(ann, "create_invitation", {"id": ann.account_id})
    assert (personal.status, personal.body["field"]) == (400, "id")
