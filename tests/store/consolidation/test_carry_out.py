"""Carrying out merges: one transaction, on both databases, and one projection."""

import httpx
import pytest
import respx
import sqlalchemy as sa

from server.memory.models import Linkage
from server.store.consolidation import carry_out, merge_plan, runs, steps
from server.store.consolidation.carry_out import ConsolidationDeps, NotActive, SummaryTooLong, consolidate_group
from server.store.consolidation.runs import list_runs, undo_run
from server.store.record import memories
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table
from tests.helpers.consolidations import make_chat_answer, read_active_texts, read_everything

pytestmark = pytest.mark.anyio


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
    assert await read_active_texts(ledger) == [merged.content, "other"]


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


async def test_a_run_that_would_change_too_much_stops(ledger, consolidate):
    await ledger.store(*map(str, range(21)), tags=["tea"])
    before = await read_everything(ledger)
    assert (await consolidate()).state == "stopped"
    assert (await consolidate(share=0.9)).state == "stopped"
    assert await read_everything(ledger) == before
    assert (await consolidate(share=1.0)).state == "done"


async def test_a_source_that_changes_between_plan_and_transaction_is_left_alone(ledger, consolidate, openai):
    first, *_ = await ledger.store("one", "two", "three", tags=["tea"])
    await ledger.store("four", "five", "six", tags=["milk"])

    async def change_then_fail(_request):
        await ledger.change(first, content="changed")
        return httpx.Response(500)

    with respx.mock:
        route = respx.post("https://llm.test/v1/chat/completions").mock(side_effect=change_then_fail)
        outcome = await consolidate(llm=openai)
    assert route.called
    assert [each.result.tags for each in outcome.plan.merges] == [["milk"]]
    assert (await ledger.get(first)).consolidated == 0
    assert "changed" in await read_active_texts(ledger)


@pytest.mark.parametrize("step", ["insert_memories", "journal_memories", "mark_sources"])
async def test_what_fails_half_way_leaves_everything_as_it_was(ledger, consolidate, monkeypatch, step):
    await ledger.store("one", "two", "three", tags=["tea"])
    before = await read_everything(ledger)
    module = {"insert_memories": memories, "journal_memories": carry_out, "mark_sources": runs}[step]
    original = getattr(module, step)

    async def failing(*args, **how):
        await original(*args, **how)
        raise ZeroDivisionError

    monkeypatch.setattr(module, step, failing)
    with pytest.raises(ZeroDivisionError):
        await consolidate()
    assert await read_everything(ledger) == before


async def test_many_groups_are_written_step_by_step(ledger, consolidate, clock, monkeypatch):
    monkeypatch.setattr(steps, "STEP", 4)
    monkeypatch.setattr(merge_plan, "PAGE", 5)
    for n in range(7):
        await ledger.store(f"{n} 1", f"{n} 2", f"{n} 3", tags=[f"tag{n}"])
    before = await read_active_texts(ledger)
    done = await consolidate(share=1.0)
    assert (len(done.plan.merges), done.plan.sources) == (7, 21)
    assert len(await read_active_texts(ledger)) == 7
    await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert await read_active_texts(ledger) == before


async def test_a_group_that_is_named_gets_the_text_that_is_given(ledger, clock, nowhere):
    ids = await ledger.store("one", "two", tags=["tea"], linkages=[Linkage(type="file", path="a.md")])
    deps = ConsolidationDeps(ledger.db, nowhere)
    outcome = await consolidate_group(
        deps, ledger.workspace, ledger.actor, clock(), ids[::-1], content="both", kind="rule", tags=["new"]
    )
    merged = await ledger.get(outcome.plan.merges[0].result.id)
    assert (merged.content, merged.type, merged.tags) == ("both", "rule", ["new", "tea"])
    assert [link.id or link.path for link in merged.linkages] == [*ids[::-1], "a.md"]
    async with ledger.db.read() as connection:
        (listed,) = await list_runs(connection, ledger.workspace, 10)
        method = (await connection.execute(sa.select(consolidations.c.method))).scalar_one()
    assert (listed.kind, listed.sources, method) == ("group", 2, "agent")


async def test_a_group_of_what_is_not_there_deleted_or_merged_is_refused_by_name(ledger, make_ledger, clock, nowhere):
    good, also, gone, merged, old = await ledger.store("good", "also good", "gone", "merged", "old")
    (foreign,) = await (await make_ledger(ledger.db, clock, "bob")).store("foreign")
    await ledger.delete(gone)
    await ledger.change(merged, consolidated=True, consolidated_into=good)
    await ledger.change(old, expires_at=clock())
    before = await read_everything(ledger)
    deps = ConsolidationDeps(ledger.db, nowhere)
    for bad in (gone, merged, foreign, old, "unknown"):
        for some in ([good, also, bad], [good, bad]):
            with pytest.raises(NotActive) as refused:
                await consolidate_group(deps, ledger.workspace, ledger.actor, clock(), some, content="x")
            assert (refused.value.ids, refused.value.left) == ([bad], len(some) - 1)
    assert await read_everything(ledger) == before


async def test_a_group_whose_summary_would_be_too_long_needs_a_text(ledger, clock, nowhere):
    ids = await ledger.store("x" * 20_000, "y" * 20_000)
    deps = ConsolidationDeps(ledger.db, nowhere)
    with pytest.raises(SummaryTooLong) as refused:
        await consolidate_group(deps, ledger.workspace, ledger.actor, clock(), ids)
    assert refused.value.size > 40_000
    await consolidate_group(deps, ledger.workspace, ledger.actor, clock(), ids, content="short")


@respx.mock
async def test_a_language_models_summary_is_taken_and_the_template_kept(ledger, consolidate, openai):
    route = respx.post("https://llm.test/v1/chat/completions").mock(return_value=make_chat_answer(" Tea thrice. "))
    await ledger.store("one", "two", "three", tags=["tea"])
    (only,) = (await consolidate(llm=openai)).plan.merges
    assert (only.method, (await ledger.get(only.result.id)).content) == ("ai", "Tea thrice.")
    async with ledger.db.read() as connection:
        kept = (await connection.execute(sa.select(consolidations.c.template_summary))).scalar_one()
    assert kept.startswith("[tea] — 3 memories consolidated")
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert b"Note 3:\\nthree" in request.content


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="no JSON"),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, json=["odd"]),
        httpx.Response(200, json={"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}),
        make_chat_answer("   "),
        make_chat_answer("cut off in the mid", finish="length"),
        make_chat_answer("x" * 40_000),
        make_chat_answer("a\x00b"),
        httpx.ConnectTimeout("slow"),
    ],
    ids=lambda each: getattr(each, "text", repr(each))[:20],
)
async def test_where_the_language_model_fails_the_template_is_taken(ledger, consolidate, openai, answer):
    await ledger.store("one", "two", "three", tags=["tea"])
    with respx.mock:
        route = respx.post("https://llm.test/v1/chat/completions")
        if isinstance(answer, Exception):
            route.mock(side_effect=answer)
        else:
            route.mock(return_value=answer)
        (only,) = (await consolidate(llm=openai)).plan.merges
    assert (only.method, only.template_summary) == ("template", None)
    assert only.result.content.startswith("[tea] — 3 memories")


@respx.mock
async def test_a_language_model_that_is_down_is_not_asked_for_every_group(ledger, consolidate, openai):
    route = respx.post("https://llm.test/v1/chat/completions").mock(return_value=httpx.Response(500))
    for n in range(6):
        await ledger.store(f"one {n}", f"two {n}", f"three {n}", tags=[f"tag{n}"])
    outcome = await consolidate(llm=openai)
    assert len(outcome.plan.merges) == 6
    assert route.call_count == carry_out.PATIENCE


@respx.mock
async def test_an_erased_source_is_in_no_template_that_was_kept(ledger, consolidate, openai, clock):
    ids = await ledger.store("secret", "two", "three", tags=["tea"])
    respx.post("https://llm.test/v1/chat/completions").mock(return_value=make_chat_answer("All three."))
    await consolidate(llm=openai)
    async with ledger.db.write() as connection:
        await memories.erase_content(connection, ids[0], clock())
        kept = (await connection.execute(sa.select(consolidations.c.template_summary))).scalar_one()
    assert kept is None
