"""Merging in the record: one transaction, on both databases, and taken apart again."""

import asyncio
from datetime import timedelta

import httpx
import numpy as np
import pytest
import respx
import sqlalchemy as sa
from pydantic import SecretStr

from server.config import Settings
from server.memory.embedding_model import Model
from server.memory.models import Linkage
from server.store.consolidation import carry_out, runs
from server.store.consolidation import near_duplicates as near_module
from server.store.consolidation.carry_out import (
    ConsolidationDeps,
    NotActive,
    SummaryTooLong,
    consolidate_group,
    consolidate_workspace,
)
from server.store.consolidation.near_duplicates import find_near_duplicates
from server.store.consolidation.runs import NothingToUndo, RunNotFound, list_runs, undo_run
from server.store.record import generations, memories, vectors
from server.store.record.journal import journal_memories
from server.store.tables.accounts import workspaces
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table
from server.wiring import open_llm
from tests.helpers.ledger import CountingProjection

pytestmark = pytest.mark.anyio


@pytest.fixture
def nowhere():
    return CountingProjection()


@pytest.fixture
def consolidate(ledger, clock, nowhere):
    """One run over the ledger's workspace."""

    async def go(**how):
        means = ConsolidationDeps(ledger.db, nowhere, llm=how.pop("llm", None))
        return await consolidate_workspace(means, ledger.workspace, ledger.actor, clock(), **how)

    return go


async def active(ledger):
    query = sa.select(table.c.content).where(table.c.deleted_at.is_(None), table.c.consolidated.is_(False))
    async with ledger.db.read() as connection:
        return sorted((await connection.execute(query)).scalars())


async def everything(ledger):
    """Every row and journal entry, to see that nothing changed."""
    async with ledger.db.read() as connection:
        rows = (await connection.execute(sa.select(table).order_by(table.c.id))).all()
        entries = (await connection.execute(sa.select(journal).order_by(journal.c.id))).all()
        merges = (await connection.execute(sa.select(consolidations))).all()
    return rows, entries, merges, await ledger.row("revision")


async def test_memories_that_share_tags_become_one(ledger, consolidate, nowhere):
    ids = await ledger.store("one", "two", "three", tags=["tea"], access_count=2)
    await ledger.store("other", tags=["milk"])
    outcome = await consolidate()
    (only,) = outcome.plan.merges
    assert (outcome.state, outcome.plan.active, outcome.plan.sources) == ("done", 4, 3)
    assert [each.id for each in only.sources] == ids
    assert nowhere.projected == [ledger.workspace]
    merged = await ledger.get(only.result.id)
    assert merged == only.result
    assert (merged.access_count, merged.tags) == (6, ["tea"])
    assert merged.content.startswith("[tea] — 3 memories consolidated\n\n• one (fact, ")
    for each in ids:
        source = await ledger.get(each)
        assert (source.consolidated, source.consolidated_into) == (1, merged.id)
    assert await active(ledger) == [merged.content, "other"]


async def test_every_change_has_a_revision_and_a_journal_entry_of_its_own(ledger, consolidate):
    ids = await ledger.store("one", "two", "three", tags=["tea"])
    (before,) = await ledger.row("revision")
    (only,) = (await consolidate()).plan.merges
    assert await ledger.row("revision") == (before + 4,)
    query = sa.select(journal).where(journal.c.revision > before).order_by(journal.c.revision)
    async with ledger.db.read() as connection:
        entries = (await connection.execute(query)).all()
        revisions = (await connection.execute(sa.select(table.c.id, table.c.revision))).all()
    assert [entry.memory_id for entry in entries] == [only.result.id, *ids]
    assert dict(map(tuple, revisions)) == {entry.memory_id: entry.revision for entry in entries}
    assert entries[0].before is None
    assert entries[0].after["content"] == only.result.content
    for entry in entries[1:]:
        assert (entry.before["consolidated"], entry.after["consolidated"]) == (0, 1)
        assert entry.after["consolidated_into"] == only.result.id
        assert entry.before["content"] == entry.after["content"]


async def test_a_dry_run_changes_nothing(ledger, consolidate, nowhere):
    await ledger.store("one", "two", "three", tags=["tea"])
    before = await everything(ledger)
    outcome = await consolidate(dry=True)
    assert (outcome.state, outcome.run_id, outcome.plan.sources) == ("planned", None, 3)
    assert await everything(ledger) == before
    assert nowhere.projected == []


async def test_nothing_that_belongs_together_is_nothing(ledger, consolidate):
    await ledger.store("one", "two", tags=["tea"])
    before = await everything(ledger)
    assert (await consolidate()).state == "nothing"
    assert await everything(ledger) == before


async def test_a_run_that_would_change_too_much_stops(ledger, consolidate):
    await ledger.store(*map(str, range(21)), tags=["tea"])
    before = await everything(ledger)
    assert (await consolidate()).state == "stopped"
    assert (await consolidate(share=0.9)).state == "stopped"
    assert await everything(ledger) == before
    assert (await consolidate(share=1.0)).state == "done"


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
    means = ConsolidationDeps(ledger.db, CountingProjection())
    second = await consolidate_group(
        means, ledger.workspace, ledger.actor, clock(), [by_tag["again"], extra], content="together"
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
    assert await active(ledger) == ["three", "two"]


async def test_somebody_elses_run_is_not_found_by_an_undo(ledger, new_ledger, consolidate, clock):
    await ledger.store("one", "two", "three", tags=["tea"])
    done = await consolidate()
    other = await new_ledger(ledger.db, clock, "bob")
    before = await everything(ledger)
    for run_id in (done.run_id, "unknown"):
        with pytest.raises(RunNotFound):
            await undo_run(ledger.db, other.workspace, run_id, other.actor, clock())
    assert await everything(ledger) == before


async def test_a_source_that_changes_between_plan_and_transaction_is_left_alone(ledger, consolidate, monkeypatch):
    first, *_ = await ledger.store("one", "two", "three", tags=["tea"])
    await ledger.store("four", "five", "six", tags=["milk"])
    original = carry_out._add_summaries  # noqa: SLF001 - the moment between the two

    async def meanwhile(means, planned):
        await ledger.change(first, content="changed")
        return await original(means, planned)

    monkeypatch.setattr(carry_out, "_add_summaries", meanwhile)
    outcome = await consolidate()
    assert [each.result.tags for each in outcome.plan.merges] == [["milk"]]
    assert (await ledger.get(first)).consolidated == 0
    assert "changed" in await active(ledger)


@pytest.mark.parametrize("step", ["insert_memories", "journal_memories", "mark_sources"])
async def test_what_fails_half_way_leaves_everything_as_it_was(ledger, consolidate, monkeypatch, step):
    await ledger.store("one", "two", "three", tags=["tea"])
    before = await everything(ledger)
    module = {"insert_memories": memories, "journal_memories": carry_out, "mark_sources": runs}[step]
    original = getattr(module, step)

    async def failing(*args, **how):
        await original(*args, **how)
        raise ZeroDivisionError

    monkeypatch.setattr(module, step, failing)
    with pytest.raises(ZeroDivisionError):
        await consolidate()
    assert await everything(ledger) == before


async def test_many_groups_are_written_step_by_step(ledger, consolidate, clock, monkeypatch):
    for module in (carry_out, runs):
        monkeypatch.setattr(module, "STEP", 4)
    monkeypatch.setattr(carry_out, "PAGE", 5)
    for n in range(7):
        await ledger.store(f"{n} 1", f"{n} 2", f"{n} 3", tags=[f"tag{n}"])
    before = await active(ledger)
    done = await consolidate(share=1.0)
    assert (len(done.plan.merges), done.plan.sources) == (7, 21)
    assert len(await active(ledger)) == 7
    await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert await active(ledger) == before


async def test_a_group_that_is_named_gets_the_text_that_is_given(ledger, clock, nowhere):
    ids = await ledger.store("one", "two", tags=["tea"], linkages=[Linkage(type="file", path="a.md")])
    means = ConsolidationDeps(ledger.db, nowhere)
    outcome = await consolidate_group(
        means, ledger.workspace, ledger.actor, clock(), ids[::-1], content="both", kind="rule", tags=["new"]
    )
    merged = await ledger.get(outcome.plan.merges[0].result.id)
    assert (merged.content, merged.type, merged.tags) == ("both", "rule", ["new", "tea"])
    assert [link.id or link.path for link in merged.linkages] == [*ids[::-1], "a.md"]
    async with ledger.db.read() as connection:
        (listed,) = await list_runs(connection, ledger.workspace, 10)
        method = (await connection.execute(sa.select(consolidations.c.method))).scalar_one()
    assert (listed.kind, listed.sources, method) == ("group", 2, "agent")


async def test_a_group_of_what_is_not_there_deleted_or_merged_is_refused_by_name(ledger, new_ledger, clock, nowhere):
    good, also, gone, merged, old = await ledger.store("good", "also good", "gone", "merged", "old")
    (foreign,) = await (await new_ledger(ledger.db, clock, "bob")).store("foreign")
    await ledger.delete(gone)
    await ledger.change(merged, consolidated=True, consolidated_into=good)
    await ledger.change(old, expires_at=clock())
    before = await everything(ledger)
    means = ConsolidationDeps(ledger.db, nowhere)
    for bad in (gone, merged, foreign, old, "unknown"):
        for some in ([good, also, bad], [good, bad]):
            with pytest.raises(NotActive) as refused:
                await consolidate_group(means, ledger.workspace, ledger.actor, clock(), some, content="x")
            assert (refused.value.ids, refused.value.left) == ([bad], len(some) - 1)
    assert await everything(ledger) == before


async def test_a_group_whose_summary_would_be_too_long_needs_a_text(ledger, clock, nowhere):
    ids = await ledger.store("x" * 20_000, "y" * 20_000)
    means = ConsolidationDeps(ledger.db, nowhere)
    with pytest.raises(SummaryTooLong) as refused:
        await consolidate_group(means, ledger.workspace, ledger.actor, clock(), ids)
    assert refused.value.size > 40_000
    await consolidate_group(means, ledger.workspace, ledger.actor, clock(), ids, content="short")


async def test_an_erased_source_is_in_no_template_that_was_kept(ledger, consolidate, clock):
    ids = await ledger.store("secret", "two", "three", tags=["tea"])
    with respx.mock:
        respx.post("http://llm.test/chat/completions").mock(return_value=answered("All three."))
        async with open_llm(Settings(llm_url="http://llm.test", llm_model="m")) as llm:
            await consolidate(llm=llm)
    async with ledger.db.write() as connection:
        await memories.erase_content(connection, ids[0], clock())
        kept = (await connection.execute(sa.select(consolidations.c.template_summary))).scalar_one()
    assert kept is None


# A language model


def answered(text, finish="stop"):
    return httpx.Response(200, json={"choices": [{"message": {"content": text}, "finish_reason": finish}]})


@pytest.fixture
async def openai():
    settings = Settings(llm_url="http://llm.test/v1/", llm_model="small", llm_api_key=SecretStr("sk-secret"))
    async with open_llm(settings) as llm:
        yield llm


@respx.mock
async def test_a_language_models_summary_is_taken_and_the_template_kept(ledger, consolidate, openai):
    route = respx.post("http://llm.test/v1/chat/completions").mock(return_value=answered(" Tea thrice. "))
    await ledger.store("one", "two", "three", tags=["tea"])
    (only,) = (await consolidate(llm=openai)).plan.merges
    assert (only.method, (await ledger.get(only.result.id)).content) == ("ai", "Tea thrice.")
    async with ledger.db.read() as connection:
        kept = (await connection.execute(sa.select(consolidations.c.template_summary))).scalar_one()
    assert kept.startswith("[tea] — 3 memories consolidated")
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert b"Note 3:\\nthree" in request.content


@respx.mock
async def test_anthropics_api_is_spoken_too():
    route = respx.post("http://llm.test/v1/messages").mock(
        return_value=httpx.Response(
            200, json={"content": [{"type": "text", "text": "Both."}], "stop_reason": "end_turn"}
        )
    )
    settings = Settings(
        llm_url="http://llm.test", llm_model="small", llm_api_key=SecretStr("sk-secret"), llm_api="anthropic"
    )
    async with open_llm(settings) as llm:
        assert llm is not None
        assert await llm.summarize(["a", "b"]) == "Both."
    headers = route.calls.last.request.headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-secret", "2023-06-01")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="no JSON"),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, json=["odd"]),
        httpx.Response(200, json={"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}),
        answered("   "),
        answered("cut off in the mid", finish="length"),
        answered("x" * 40_000),
        answered("a\x00b"),
        httpx.ConnectTimeout("slow"),
    ],
    ids=lambda each: getattr(each, "text", repr(each))[:20],
)
async def test_where_the_language_model_fails_the_template_is_taken(ledger, consolidate, openai, answer):
    await ledger.store("one", "two", "three", tags=["tea"])
    with respx.mock:
        route = respx.post("http://llm.test/v1/chat/completions")
        if isinstance(answer, Exception):
            route.mock(side_effect=answer)
        else:
            route.mock(return_value=answer)
        (only,) = (await consolidate(llm=openai)).plan.merges
    assert (only.method, only.template_summary) == ("template", None)
    assert only.result.content.startswith("[tea] — 3 memories")


@respx.mock
async def test_a_language_model_that_is_down_is_not_asked_for_every_group(ledger, consolidate, openai):
    route = respx.post("http://llm.test/v1/chat/completions").mock(return_value=httpx.Response(500))
    for n in range(6):
        await ledger.store("one", "two", "three", tags=[f"tag{n}"])
    outcome = await consolidate(llm=openai)
    assert len(outcome.plan.merges) == 6
    assert route.call_count == carry_out.PATIENCE


async def test_without_a_url_or_a_model_there_is_no_language_model():
    for settings in (Settings(), Settings(llm_url="http://llm.test"), Settings(llm_model="m")):
        async with open_llm(settings) as llm:
            assert llm is None


# Near duplicates


def turned(cosine, dims=8):
    """A vector at this cosine to the first axis."""
    vector = np.zeros((1, dims), np.float32)
    vector[0, 0], vector[0, 1] = cosine, np.sqrt(1 - cosine * cosine)
    return vector


@pytest.fixture
async def with_vectors(ledger, clock):
    """Stores texts with vectors of the workspace's generation."""
    async with ledger.db.write() as connection:
        generation = await generations.generation_of(connection, Model("m", "d", 8, 128, "f"), clock())
        await connection.execute(sa.update(workspaces).values(generation=generation))

    async def store(**windows):
        return await ledger.store(*windows, generation=generation, windows=list(windows.values()))

    return store


async def test_memories_that_say_nearly_the_same_become_one(ledger, consolidate, with_vectors):
    ids = await with_vectors(one=turned(1.0), near=turned(0.98) * 3, far=turned(0.9))
    outcome = await consolidate()
    (only,) = outcome.plan.merges
    assert [each.id for each in only.sources] == ids[:2]
    assert await active(ledger) == [only.result.content, "far"]


async def test_pairs_are_found_across_blocks_and_each_repeats_the_earliest(ledger, with_vectors, monkeypatch):
    monkeypatch.setattr(near_module, "BLOCK", 3)
    monkeypatch.setattr(near_module, "READ", 2)
    other = np.eye(8, dtype=np.float32)[[5]]
    ids = await with_vectors(a=turned(1.0), b=other, c=turned(0.99), d=other, e=turned(0.5), f=turned(1.0))
    pairs = await find_near_duplicates(ledger.db, ledger.workspace, ids)
    order = sorted(ids)
    name = dict(zip(ids, "abcdef", strict=True))
    named = {tuple(sorted(name[each] for each in pair)) for pair in pairs}
    assert len(pairs) == 3
    assert ("b", "d") in named
    assert named - {("b", "d")} <= {("a", "c"), ("a", "f"), ("c", "f")}
    assert all(order.index(earlier) < order.index(later) for earlier, later in pairs)


async def test_long_texts_and_other_generations_and_empty_vectors_make_no_pairs(ledger, with_vectors, clock):
    two = np.concatenate([turned(1.0), turned(0.2)])
    nothing = np.zeros((1, 8), np.float32)
    ids = await with_vectors(a=turned(1.0), b=two, c=nothing, d=nothing)
    async with ledger.db.write() as connection:
        other = await generations.generation_of(connection, Model("n", "d", 8, 128, "f"), clock())
        (late,) = await ledger_store(ledger, connection)
        await vectors.put_vectors(connection, other, {late: turned(1.0)})
    assert await find_near_duplicates(ledger.db, ledger.workspace, [*ids, late]) == []
    assert await find_near_duplicates(ledger.db, ledger.workspace, ids[:1]) == []


async def ledger_store(ledger, connection):
    new = [ledger.memory("late")]
    first = await memories.advance_revision(connection, ledger.workspace, 1, ledger.now())
    await memories.insert_memories(connection, ledger.workspace, first, new)
    return [new[0].id]


async def test_while_pairs_are_sought_the_event_loop_goes_on(ledger, with_vectors, monkeypatch):
    ids = await with_vectors(a=turned(1.0), b=turned(1.0))
    turns = []
    original = near_module._find_repeats  # noqa: SLF001 - what runs in the thread
    loop = asyncio.get_running_loop()

    def watched(matrix, start):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(10)
        turns.append(1)
        return original(matrix, start)

    monkeypatch.setattr(near_module, "_find_repeats", watched)
    assert len(await find_near_duplicates(ledger.db, ledger.workspace, ids)) == 1
    assert turns == [1]
