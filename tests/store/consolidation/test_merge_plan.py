"""The merge plan: the groups that it finds, the memories that it leaves out, and the revisions that it keeps."""

from datetime import timedelta

import pytest

from server.store.consolidation import merge_plan
from server.store.consolidation.merge_plan import plan_merges
from server.store.consolidation.runs import undo_run
from tests.helpers.consolidations import read_everything

pytestmark = pytest.mark.anyio


async def test_a_plan_has_the_sources_of_each_merge_and_their_revisions_and_changes_nothing(ledger, clock):
    ids = await ledger.store("one", "two", "three", tags=["tea"])
    await ledger.store("other", tags=["milk"])
    changed_at = await ledger.change(ids[1], content="zwei")
    before = await read_everything(ledger)
    plan = await plan_merges(ledger.db, ledger.workspace, clock())
    (only,) = plan.merges
    assert (plan.active, plan.sources) == (4, 3)
    assert [memory.id for memory in only.sources] == ids
    assert list(only.revisions) == [1, changed_at, 3]
    assert only.method == "template"
    assert "• zwei (fact, " in only.result.content
    assert await read_everything(ledger) == before


async def test_candidates_of_many_pages_are_grouped_oldest_first(ledger, clock, monkeypatch):
    monkeypatch.setattr(merge_plan, "PAGE", 2)
    ids = [(await ledger.store(str(n), tags=["tea"]))[0] for n in range(5)]
    await ledger.change(ids[0], content="changed, so read last")
    (only,) = (await plan_merges(ledger.db, ledger.workspace, clock())).merges
    assert [memory.id for memory in only.sources] == ids


async def test_a_plan_has_no_memory_of_another_workspace(ledger, make_ledger, clock):
    other = await make_ledger(ledger.db, clock, "bob")
    await ledger.store("one", "two", tags=["tea"])
    await other.store("three", tags=["tea"])
    assert (await plan_merges(ledger.db, ledger.workspace, clock())).merges == []


async def test_a_dry_run_changes_nothing(ledger, consolidate, nowhere):
    await ledger.store("one", "two", "three", tags=["tea"])
    before = await read_everything(ledger)
    outcome = await consolidate(is_dry=True)
    assert (outcome.state, outcome.run_id, outcome.plan.sources) == ("planned", None, 3)
    assert await read_everything(ledger) == before
    assert nowhere.projected == []


async def test_nothing_that_belongs_together_is_nothing(ledger, consolidate):
    await ledger.store("one", "two", tags=["tea"])
    before = await read_everything(ledger)
    assert (await consolidate()).state == "nothing"
    assert await read_everything(ledger) == before


async def test_what_expires_what_was_merged_and_what_was_taken_apart_is_left_alone(ledger, consolidate, clock):
    await ledger.store("one", "two", tags=["tea"])
    await ledger.store("for a day", tags=["tea"], expires_at=clock() + timedelta(days=1))
    assert (await consolidate()).state == "nothing"
    await ledger.store("three", tags=["tea"])
    done = await consolidate()
    assert done.plan.sources == 3
    await ledger.store("four", "five", tags=["tea"])
    assert (await consolidate()).state == "nothing", "what was merged before is not merged into the next"
    await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert (await consolidate()).state == "nothing", "nor what somebody took apart"
