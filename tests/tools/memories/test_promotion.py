"""Promotion: whoever may write in a team's workspace decides what is kept there, and it says where it came from."""

import asyncio

import pytest

from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest
from tests.helpers.people import make_team

pytestmark = pytest.mark.anyio

OLD, NEW = "The deploy of heron runs on Fridays", "The deploy of heron runs on Mondays"


@pytest.fixture
async def people(site, clock):
    """Ann, who owns the team, Ben and Cat, who write and read there; and the id of an older memory of the team."""
    ann = await site.add_person("ann", ("memory:write", "admin"), is_admin=True)
    ben, cat = await site.add_person("ben"), await site.add_person("cat")
    await make_team(site, ann, member=[ben], reader=[cat])
    old = await ann.store(OLD, workspace="team/notes", type="decision", entity="heron")
    clock.move(days=1)
    return ann, ben, cat, old


async def propose(person):
    """Store the newer memory, and propose it; return its id and the proposal."""
    memory = await person.store(NEW, type="decision", entity="heron", tags=["ops"])
    made = await call_rest(person, "propose_memory", {"id": memory, "to": "team/notes"})
    assert made.error is None, made.text
    return memory, made.body["proposal"]


async def list_texts(person, **where):
    found = (await call_rest(person, "list_memories", {"workspace": "team/notes", **where})).body["memories"]
    return {each["content"] for each in found}


@pytest.mark.parametrize(
    ("decision", "active"),
    [("keep_new", {NEW}), ("keep_both", {OLD, NEW}), ("keep_old", {OLD}), ("reject", {OLD})],
)
async def test_each_decision_keeps_what_it_says_and_who_stored_it(people, decision, active):
    ann, ben, cat, old = people
    memory, proposal = await propose(cat)
    assert [each["id"] for each in proposal["against"]] == [old]
    assert await list_texts(ben) == {OLD}
    (listed,) = (await call_rest(ben, "list_proposals", {"workspace": "team/notes"})).body["proposals"]
    assert (listed["memory"]["content"], listed["person"]) == (NEW, "cat")
    sent = {"workspace": "team/notes", "id": proposal["id"], "decision": decision}
    assert (await call_rest(cat, "decide_proposal", sent)).status == 403
    answer = await call_rest(ben, "decide_proposal", sent)
    assert answer.error is None, answer.text
    assert await list_texts(ann) == active
    assert (await call_rest(ann, "decide_proposal", sent)).status == 409
    assert (await call_rest(ann, "list_proposals", {"workspace": "team/notes"})).body["proposals"] == []
    assert (await call_rest(cat, "fetch", {"id": memory})).body["content"] == NEW
    kept = answer.body["memory"]
    if NEW not in active:
        assert kept is None
        return
    assert (kept["metadata"], kept["tags"]) == ({"promoted_from": memory, "proposed_by": "cat"}, ["ops"])
    fetched = (await call_rest(ann, "fetch", {"id": kept["id"], "workspace": "team/notes"})).body
    assert (fetched["stored_by"]["user"], fetched["stored_by"]["app"]) == ("cat", "test")
    label = "supersedes" if decision == "keep_new" else "contradicts"
    assert [(link["id"], link["label"]) for link in kept["linkages"]] == [(old, label)]


async def test_a_proposal_needs_the_memory_and_a_workspace_and_is_made_once(site, people):
    ann, ben, cat, _ = people
    memory, proposal = await propose(cat)
    assert (await propose(cat))[1]["id"] == proposal["id"]
    stranger = await site.add_person("dan")
    for person, sent, field in (
        (cat, {"id": memory, "to": "team/nothing"}, "to"),
        (cat, {"id": memory, "to": "default"}, "to"),
        (ben, {"id": memory, "to": "team/notes"}, "id"),
        (stranger, {"id": await stranger.store("x"), "to": "team/notes"}, "workspace"),
    ):
        refused = await call_rest(person, "propose_memory", sent)
        assert (refused.status, refused.body["field"]) == (404, field), sent
    assert (await call_rest(cat, "delete_memory", {"id": memory, "erase": True})).error is None
    assert (await call_rest(ann, "list_proposals", {"workspace": "team/notes"})).body["proposals"] == []
    sent = {"workspace": "team/notes", "id": proposal["id"], "decision": "keep_new"}
    assert (await call_rest(ann, "decide_proposal", sent)).status == 404


@pytest.mark.parametrize("loser", ["proposer", "team"])
async def test_a_proposal_ends_with_the_right_to_what_it_shows_and_to_where_it_goes(people, loser):
    """Ben, who leaves the team, sees nothing of it through a proposal to himself, and it nothing of his."""
    ann, ben, cat, _ = people
    if loser == "proposer":  # a memory of the team, which is proposed to a workspace of ben's own
        await ben.store("x")
        memory, decider, place = await ben.store(NEW, workspace="team/notes"), ben, "default"
        sent = {"id": memory, "to": "ben/default", "workspace": "team/notes"}
    else:
        memory, decider, place = await ben.store(NEW), cat, "team/notes"
        sent = {"id": memory, "to": place}
    made = await call_rest(ben, "propose_memory", sent)
    assert made.error is None, made.text
    assert len((await call_rest(decider, "list_proposals", {"workspace": place})).body["proposals"]) == 1
    (team,) = [each for each in (await call_rest(ann, "list_accounts", {})).body["accounts"] if each["name"] == "team"]
    assert (await call_rest(ann, "remove_member", {"id": team["id"], "user_id": ben.user_id})).error is None
    assert (await call_rest(decider, "list_proposals", {"workspace": place})).body["proposals"] == []
    decision = {"workspace": place, "id": made.body["proposal"]["id"], "decision": "keep_both"}
    assert (await call_rest(ben if loser == "proposer" else ann, "decide_proposal", decision)).status == 404


@pytest.mark.parametrize("rule", ["notice", "refuse", "redact"])
async def test_a_credential_is_promoted_only_as_the_workspace_says(people, rule):
    ann, ben, cat, _ = people
    secret = "AKIA" + "IOSFODNN7EXAMPLQ"
    memory = await cat.store(f"The key is {secret}")
    proposed = (await call_rest(cat, "propose_memory", {"id": memory, "to": "team/notes"})).body["proposal"]["id"]
    assert (
        await call_rest(ann, "set_setting", {"key": "secrets", "value": rule, "workspace": "team/notes"})
    ).error is None
    sent = {"workspace": "team/notes", "id": proposed, "decision": "keep_both"}
    answer = await call_rest(ben, "decide_proposal", sent)
    if rule == "refuse":
        assert (answer.status, answer.error, secret in answer.text) == (400, "invalid", False)
        assert await list_texts(ben) == {OLD}
        return
    assert "credential" in answer.body["meta"]["notice"]
    kept = await list_texts(ben) - {OLD}
    assert [secret in each for each in kept] == [rule == "notice"]


async def test_an_erasure_names_the_workspace_of_the_team_to_which_the_memory_was_promoted(people):
    ann, _, cat, _ = people
    memory, proposal = await propose(cat)
    await call_rest(ann, "decide_proposal", {"workspace": "team/notes", "id": proposal["id"], "decision": "keep_both"})
    erased = (await call_rest(cat, "delete_memory", {"id": memory, "erase": True})).body
    assert (erased["erased"], erased["elsewhere"]) == (False, [{"workspace": "team/notes", "count": 1}])


async def test_of_two_who_decide_at_once_one_does(people):
    ann, ben, cat, _ = people
    _, proposal = await propose(cat)
    sent = {"workspace": "team/notes", "id": proposal["id"], "decision": "keep_both"}
    answers = await asyncio.gather(*(call_rest(each, "decide_proposal", sent) for each in (ann, ben)))
    assert sorted(each.status for each in answers) == [200, 409]
    assert await list_texts(ann) == {OLD, NEW}


async def test_a_person_proposes_and_another_decides_in_the_console(site, people):
    ann, _, cat, old = people
    memory = await cat.store(NEW, type="decision", entity="heron")
    theirs, http = await log_in(site, cat), await log_in(site, ann)
    page = f"/memories/{memory}"
    proposed = await send(theirs, page, action="propose", to="team/notes")
    assert "Those who may write there decide" in (await theirs.get(proposed.headers["location"])).text
    review = "/promotions?workspace=team/notes"
    shown = (await http.get(review)).text
    assert NEW in shown
    assert f'<a href="/memories/{old}">' in shown
    proposal = shown.split('name="id" value="')[1].split('"')[0]
    form = {"workspace": "team/notes", "id": proposal, "decision": "keep_new"}
    assert (await send(theirs, "/promotions", page=page, **form)).status_code == 403
    assert (await http.post("/promotions", data=form)).status_code == 403
    assert (await send(http, "/promotions", page=review, **form)).status_code == 302
    assert "Nothing is proposed" in (await http.get(review)).text
    assert await list_texts(ann) == {NEW}
