"""The runs of consolidation and their undo, on both databases."""

import pytest
import sqlalchemy as sa

from server.store.consolidation.carry_out import ConsolidationDeps, consolidate_group
from server.store.consolidation.runs import NothingToUndo, RunNotFound, list_runs, undo_run
from server.store.record import memories
from server.store.record.journal import journal_memories
from server.store.tables.memories import journal
from tests.helpers.consolidations import read_active_texts, read_everything
from tests.helpers.ledger import CountingProjection

pytestmark = pytest.mark.anyio


async def test_an_undo_brings_the_sources_back_and_removes_what_was_made_of_them(ledger, consolidate, clock):
    ids = await ledger.store("one", "two", "three", tags=["tea"])
    originals = [await ledger.get(each) for each in ids]
    done = await consolidate()
    (only,) = done.plan.merges
    undone = await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert (undone.restored, undone.removed, undone.kept) == (ids, [only.result.id], {})
    assert [await ledger.get(each) for each in ids] == originals
    assert await ledger.get(only.result.id) is None
    with pytest.raises(NothingToUndo) as refused:
        await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert refused.value.reasons == []
    async with ledger.db.read() as connection:
        (listed,) = await list_runs(connection, ledger.workspace, 10)
        revisions = (await connection.execute(sa.select(journal.c.revision))).scalars().all()
    assert (listed.state, listed.merged, listed.undone, listed.sources) == ("undone", 1, 1, 3)
    assert len(set(revisions)) == len(revisions)


async def test_an_undo_leaves_what_was_changed_since_and_says_why(ledger, consolidate, clock):
    for tag in ("changed", "deleted", "again", "plain"):
        await ledger.store(f"{tag} 1", f"{tag} 2", f"{tag} 3", tags=[tag])
    done = await consolidate()
    by_tag = {each.result.tags[0]: each.result.id for each in done.plan.merges}
    # As update_memory and delete_memory do it.
    async with ledger.db.write() as connection:
        revision = await memories.advance_revision(connection, ledger.workspace, 2, clock())
        await memories.update_memory(connection, by_tag["changed"], revision, {"content": "better"})
        await memories.update_memory(connection, by_tag["deleted"], revision + 1, {"deleted_at": clock()})
        entries = [(by_tag["changed"], {}, {}), (by_tag["deleted"], {}, None)]
        await journal_memories(connection, ledger.workspace, ledger.actor, clock(), revision, entries)
    clock.move(seconds=1)
    (extra,) = await ledger.store("extra")
    deps = ConsolidationDeps(ledger.db, CountingProjection())
    second = await consolidate_group(
        deps, ledger.workspace, ledger.actor, clock(), [by_tag["again"], extra], content="together"
    )
    undone = await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert undone.removed == [by_tag["plain"]]
    assert len(undone.restored) == 3
    assert undone.kept == {
        by_tag["changed"]: "the merged memory was changed since",
        by_tag["deleted"]: "the merged memory was deleted since",
        by_tag["again"]: "it was merged into another one since; undo that run first",
    }
    with pytest.raises(NothingToUndo, match="changed since"):
        await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    async with ledger.db.read() as connection:
        states = [each.state for each in await list_runs(connection, ledger.workspace, 10)]
    assert states == ["done", "partly undone"]
    assert second.run_id is not None
    await undo_run(ledger.db, ledger.workspace, second.run_id, ledger.actor, clock())
    undone = await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert (undone.removed, set(undone.kept)) == ([by_tag["again"]], {by_tag["changed"], by_tag["deleted"]})


async def test_a_source_that_was_deleted_since_stays_deleted(ledger, consolidate, clock):
    first, *others = await ledger.store("one", "two", "three", tags=["tea"])
    done = await consolidate()
    await ledger.delete(first)
    undone = await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert undone.restored == others
    assert await read_active_texts(ledger) == ["three", "two"]


async def test_somebody_elses_run_is_not_found_by_an_undo(ledger, make_ledger, consolidate, clock):
    await ledger.store("one", "two", "three", tags=["tea"])
    done = await consolidate()
    other = await make_ledger(ledger.db, clock, "bob")
    before = await read_everything(ledger)
    for run_id in (done.run_id, "unknown"):
        with pytest.raises(RunNotFound):
            await undo_run(ledger.db, other.workspace, run_id, other.actor, clock())
    assert await read_everything(ledger) == before
