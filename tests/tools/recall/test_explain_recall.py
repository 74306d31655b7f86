"""Why one known memory does or does not come up: every reason there is, through both doors."""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from server.memory.recall.question import Question
from server.memory.recall.ranking import Candidate, Traits, rank
from server.store.record import memories
from server.store.record.workspaces import Workspace
from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, call_tool
from tools.explain import Verdict
from tools.recall.answers import explain_rank
from tools.recall.model import SearchedWorkspace

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)


async def explained(person, memory_id, message="tea", **arguments):
    """Return the answer that both doors give; the sentence is whole."""
    arguments = {"message": message, "memory_id": memory_id, **arguments}
    over_rest, over_mcp = (
        await call_rest(person, "explain_recall", arguments),
        await call_tool(person, "explain_recall", arguments),
    )
    assert over_rest.error is None, over_rest.text
    assert (over_rest.body["reason"], over_rest.body["message"]) == (over_mcp.body["reason"], over_mcp.body["message"])
    answer = over_rest.body
    assert answer["memory_id"] == memory_id
    assert answer["recalled"] == (answer["reason"] in {"recalled", "pinned"})
    assert "{" not in answer["message"]
    assert "None" not in answer["message"]
    recalled = (
        await call_rest(person, "retrieve_context", {k: v for k, v in arguments.items() if k != "memory_id"})
    ).body
    assert answer["recalled"] == (memory_id in {each["id"] for each in recalled["memories"]["matches"]})
    return answer


async def test_a_memory_that_comes_up_is_explained_with_its_place_and_scores(ann):
    best = await ann.store("tea")
    second = await ann.store("tea and cake and bread")
    for place, memory_id in enumerate((best, second), 1):
        answer = await explained(ann, memory_id)
        assert (answer["reason"], answer["rank"]) == ("recalled", place)
        assert answer["message"] == f"It comes up, at place {place}."
        assert answer["why"]["keyword"]["rank"] == place
        assert answer["why"]["score"] == pytest.approx(
            answer["why"]["fused"] + sum(answer["why"]["nudges"].values()), abs=0.002
        )
        assert answer["query_terms"] == ["tea"]
        assert answer["evidence"] >= answer["needed"]


async def test_a_deleted_memory_is_said_to_be_deleted(ann):
    memory_id = await ann.store("tea")
    await call_rest(ann, "delete_memory", {"id": memory_id})
    answer = await explained(ann, memory_id)
    assert (answer["reason"], answer["why"], answer["rank"]) == ("deleted", None, None)


async def test_a_consolidated_memory_names_the_one_that_took_its_place(ann, site):
    memory_id, other = await ann.store("tea"), await ann.store("tea and more")
    workspace = await site.services.directory.find_workspace(ann.account_id, "default")
    async with site.services.db.write() as connection:
        revision = await memories.advance_revision(connection, workspace.id, 1, site.services.now())
        changes = {"consolidated": True, "consolidated_into": other}
        await memories.update_memory(connection, memory_id, revision, changes)
    await site.services.projection.project(workspace.id)
    answer = await explained(ann, memory_id)
    assert (answer["reason"], answer["by"]) == ("consolidated", other)
    assert other in answer["message"]


async def test_an_expired_memory_says_since_when(ann, clock):
    memory_id = await ann.store("tea", expires="2026-11-22")
    assert (await explained(ann, memory_id))["reason"] == "recalled"
    clock.move(days=1)
    answer = await explained(ann, memory_id)
    assert (answer["reason"], answer["expires_at"]) == ("expired", "2026-11-22T00:00:00.000Z")
    assert "2026-11-22" in answer["message"]
    assert (await explained(ann, memory_id, "coffee"))["reason"] == "expired"


@pytest.mark.parametrize(
    "asked",
    [
        {"project": "other"},
        {"project": "shop", "scope": "global"},
        {"scope": "task"},
        {"type": ["fact"]},
        {"tags": ["cold"]},
        {"task": "T-1"},
        {"entity": "cup"},
        {"author": "Ben"},
        {"session": "s-2"},
    ],
)
async def test_a_memory_that_a_filter_leaves_out_says_so(ann, asked):
    fields = {"project": "shop", "entity": "kettle", "author": "Ann", "session": "s-1"}
    memory_id = await ann.store("tea", tags=["hot"], **fields)
    assert (await explained(ann, memory_id, **asked))["reason"] == "scope"
    assert (await explained(ann, memory_id, type="observation", tags=["HOT"], **fields))["reason"] == "recalled"


async def test_a_memory_without_a_word_of_the_message_is_unmatched(ann):
    memory_id = await ann.store("coffee")
    await ann.store("tea")
    answer = await explained(ann, memory_id)
    assert (answer["reason"], answer["why"], answer["evidence"]) == ("unmatched", None, None)


async def test_a_memory_that_has_too_little_of_the_message_stays_behind_the_gate(ann):
    memory_id = await ann.store("tea")
    answer = await explained(ann, memory_id, "tea quokka zebra walrus yak lion gnu")
    assert (answer["reason"], answer["rank"]) == ("gate", None)
    assert 0 < answer["evidence"] < answer["needed"]
    assert str(answer["needed"]) in answer["message"]


async def test_a_memory_below_the_workspaces_threshold_says_so(ann):
    memory_id = await ann.store("tea")
    assert (await explained(ann, memory_id, "tea quokka"))["reason"] == "recalled"
    await call_rest(ann, "set_setting", {"key": "recall_threshold", "value": 0.95})
    answer = await explained(ann, memory_id, "tea quokka")
    assert (answer["reason"], answer["needed"]) == ("threshold", 0.95)
    assert answer["evidence"] < 0.95


async def test_a_memory_that_the_skip_list_withholds_names_the_entry(ann):
    memory_id = await ann.store("Tailwind for the shop")
    entry = {"item": "Tailwind", "reason": "no", "expires": "2026-12-01"}
    entry_id = (await call_rest(ann, "add_skip", entry)).body["id"]
    assert (await explained(ann, memory_id, "shop"))["reason"] == "recalled"
    await call_rest(ann, "set_setting", {"key": "skip_enforcement", "value": "withhold"})
    answer = await explained(ann, memory_id, "shop")
    assert (answer["reason"], answer["by"]) == ("skip_list", entry_id)


async def test_a_duplicate_names_the_one_that_says_the_same(ann):
    one, two = await ann.store("tea at noon"), await ann.store("Tea at noon")
    answers = {each: await explained(ann, each) for each in (one, two)}
    (told,) = [each for each, answer in answers.items() if answer["recalled"]]
    (other,) = {one, two} - {told}
    assert (answers[other]["reason"], answers[other]["by"]) == ("duplicate", told)


async def test_a_memory_that_does_not_fit_says_so(ann):
    memory_id = await ann.store("tea " * 100)
    assert (await explained(ann, memory_id, max_tokens=50))["reason"] == "budget"
    assert (await explained(ann, memory_id, max_tokens=500))["reason"] == "recalled"


async def test_a_memory_below_the_limit_says_at_which_place_it_is(ann):
    await ann.store("tea")
    memory_id = await ann.store("tea and cake and bread")
    answer = await explained(ann, memory_id, limit=1)
    assert (answer["reason"], answer["rank"]) == ("rank", 2)
    assert answer["message"] == "Others fit better, or much better: it is at place 2, and 1 come at most."


async def test_a_memory_that_was_replaced_names_the_newer_one(ann):
    old = await ann.store("tea at four")
    new = await ann.store("tea at five", supersedes=[old])
    answer = await explained(ann, old)
    assert (answer["reason"], answer["by"]) == ("superseded", new)


async def test_a_pinned_memory_comes_whatever_is_asked_and_a_buried_one_does_not(ann):
    memory = await ann.store("tea at four")
    await call_rest(ann, "pin_memory", {"id": memory})
    assert (await explained(ann, memory, message="heliotrope"))["reason"] == "pinned"
    await call_rest(ann, "bury_memory", {"id": memory})
    assert (await explained(ann, memory))["reason"] == "buried"


def test_every_reason_is_met_in_this_file():
    source = Path(__file__).read_text()
    assert [reason for reason in get_args(Verdict) if f'"{reason}"' not in source] == []


async def test_an_unknown_a_foreign_and_an_erased_memory_are_the_same_404(ann, bob):
    erased = await ann.store("tea")
    await call_rest(ann, "delete_memory", {"id": erased, "erase": True})
    foreign = await bob.store("tea")
    elsewhere = await ann.store("tea", workspace="attic")
    answers = set()
    for memory_id in (NOBODY, "x", erased, foreign, elsewhere):
        arguments = {"message": "tea", "memory_id": memory_id}
        over_rest, over_mcp = (
            await call_rest(ann, "explain_recall", arguments),
            await call_tool(ann, "explain_recall", arguments),
        )
        assert (over_rest.status, over_rest.body["field"]) == (404, "memory_id")
        assert over_mcp.text == f"not_found: {over_rest.text}"
        answers.add(over_rest.text.replace(memory_id, "ID"))
    assert answers == {"Memory not found: ID."}


async def test_explaining_counts_as_no_use(ann, site):
    memory_id = await ann.store("tea")
    await call_rest(ann, "explain_recall", {"message": "tea", "memory_id": memory_id})
    await site.services.accesses.drain()
    assert (await call_rest(ann, "fetch", {"id": memory_id})).body["access_count"] == 0


async def test_what_else_was_found_is_told_where_explain_is_set_and_only_there(ann):
    await ann.store("tea")
    other = await ann.store("tea and cake and bread")
    for name, field in (("search", "query"), ("retrieve_context", "message")):
        for explain in (True, False):
            body = (await call_rest(ann, name, {field: "tea", "limit": 1, "explain": explain})).body
            said = body["memories"] if name == "retrieve_context" else body
            (match,) = said["matches"] if name == "retrieve_context" else said["memories"]
            assert (match["why"] is not None) == explain
            assert said["omitted"] == ([{"id": other, "reason": "rank", "by": None}] if explain else None)


def test_a_memory_that_one_search_alone_found_is_explained_with_both_scores():
    found = Candidate("b", keyword=2.0, vector=0.5, evidence=0.9, traits=Traits(0.0, 0))
    (ranked,) = rank([found], alpha=0.5, now=NOW, spans=[])
    workspace = Workspace("w", "account", "default", NOW, NOW)
    home = SearchedWorkspace(workspace, Question(""), keyword_order=["a"], vector_order=["b"])
    why = explain_rank(ranked, home)
    assert (why.keyword.rank, why.keyword.raw) == (None, 2.0)
    assert (why.vector.rank, why.vector.raw) == (1, 0.5)
