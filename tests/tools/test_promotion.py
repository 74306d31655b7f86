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
