"""An import into the record: counted, repeatable, undone as one, on both databases."""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.errors import Failure
from server.memory.models import Linkage
from server.store.record import memory_lists, workspaces
from tools.exports.lines import write_lines
from tools.imports.reading import read_entries
from tools.imports.undoing import undo_import

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).parent / "golden"


async def list_all(ledger, workspace_id=None):
    async with ledger.db.read() as connection:
        rows = await memory_lists.list_after(connection, workspace_id or ledger.workspace, -1, 1_000)
    return [memory for _, memory in rows]


def count(report):
    return report.imported, report.skipped, report.refused


async def undo(ledger, run):
    return await undo_import(ledger.db, ledger.now, ledger.actor, ledger.workspace, run)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("memory.jsonl", (5, 0, 2)),
        ("loci.jsonl", (3, 0, 1)),
        ("CLAUDE.md", (3, 0, 0)),
        ("vault", (4, 0, 1)),
        ("conversations_chatgpt.json", (3, 0, 1)),
        ("claude", (9, 0, 0)),
        ("mem0.json", (2, 0, 0)),
        ("claude_mem.json", (3, 0, 0)),
        ("mcp_memory_service.json", (1, 0, 1)),
        ("mem0_qdrant.json", (2, 0, 0)),
        ("mem0_pgvector.jsonl", (2, 0, 0)),
        ("memento.json", (2, 0, 0)),
        ("hindsight", (3, 0, 0)),
        ("letta.af", (2, 0, 0)),
        ("gemini.json", (4, 0, 1)),
        ("foreign.pam.json", (2, 0, 0)),
    ],
)
async def test_a_second_run_adds_nothing_and_a_dry_run_says_the_same(name, first, ledger, bring):
    assert count(await bring(GOLDEN / name, dry_run=True)) == first
    assert await list_all(ledger) == []
    assert count(await bring(GOLDEN / name)) == first
    assert len(await list_all(ledger)) == first[0]
    again = (0, first[0], first[2])
    assert count(await bring(GOLDEN / name, dry_run=True)) == again
    assert count(await bring(GOLDEN / name)) == again
    assert len(await list_all(ledger)) == first[0]


async def test_links_lead_to_what_comes_later_in_the_file_and_to_what_an_earlier_run_brought(ledger, bring, tmp_path):
    await bring(GOLDEN / "vault")
    by_text = {each.content: each for each in await list_all(ledger)}
    book = next(each for text, each in by_text.items() if text.startswith("A double-entry"))
    team = next(each for text, each in by_text.items() if text.startswith("The payments team"))
    maria = next(each for text, each in by_text.items() if text.startswith("The body"))
    assert [each.id for each in book.linkages] == [maria.id]
    assert [each.id for each in team.linkages] == [book.id], "the way back is left out, as links are followed both ways"
    (tmp_path / "vault").mkdir()
    for name in ("Ledger.md", "Payments.md"):
        (tmp_path / "vault" / name).write_text((GOLDEN / "vault" / name).read_text())
    (tmp_path / "vault" / "New.md").write_text("New, refers to [[Ledger]] and [[Nobody]].")
    report = await bring(tmp_path / "vault")
    assert (report.imported, len(report.notices)) == (1, 1)
    assert [each.id for each in (await list_all(ledger))[-1].linkages] == [book.id]


async def test_a_run_that_broke_off_is_completed_by_the_next_one_with_its_links(ledger, tmp_path, bring):
    ids = [f"0193b1c4-0000-7000-8000-{n:012}" for n in range(900)]
    lines: list[dict[str, object]] = [{"content": f"Number {n}", "id": each} for n, each in enumerate(ids)]
    lines[0]["linkages"] = [{"type": "memory", "id": ids[-1], "label": "begins"}]
    lines[1] |= {"consolidated": 1, "consolidated_into": ids[-2]}
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))

    def read_half():
        yield from islice(read_entries(path), 500)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await bring(path, entries=read_half())
    assert (await list_all(ledger))[0].linkages == []
    report = await bring(path)
    assert count(report) == (500, 400, 0)
    first, second, *_ = await list_all(ledger)
    assert first.linkages == [Linkage(type="memory", id=ids[-1], label="begins")]
    assert second.consolidated_into == ids[-2]
    assert count(await bring(path)) == (0, 900, 0)


async def test_an_export_comes_back_in_another_workspace_on_both_databases(ledger, tmp_path, bring):
    when = {"created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-03T00:00:00.000Z"}
    memory = {"kind": "memory", "id": "0193b1c4-0000-7000-8000-00000000000a", "content": "Tea", **when}
    item = {"category": "skip_list", "title": "sugar", "content": "", "status": "active", "priority": 1, "tags": []}
    lines = [
        {"kind": "setting", "key": "half_lives", "value": {"fact": 3.0}, "set_at": when["created_at"]},
        {"kind": "entity", "name": "Maria", "type": "person", "aliases": ["Mary"]},
        memory,
        {"kind": "section", "name": "house", "heading": "House", "content": "Cats", **when},
        {"kind": "item", "id": "0193b1c4-0000-7000-8000-00000000000b", **item, **when, "ends_at": when["created_at"]},
        {"kind": "crystal", "id": "c-1", "crystal": "I am", "source_count": 2, "created_at": when["created_at"]},
        {"kind": "golden_case", "id": "g-1", "query": "tea?", "text": "Tea", "expect": "recalled", "within": 3}
        | {"created_at": when["created_at"]},
    ]
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert count(await bring(path)) == (7, 0, 0)
    await ledger.change(memory["id"], content="Tea at five")

    async def write_export(workspace_id):
        async with ledger.db.read() as connection:
            place = await workspaces.get_workspace(connection, workspace_id)
        assert place is not None
        pieces = [text async for text, _ in write_lines(ledger.db, [place], "0.1.0", ledger.now())]
        lines = [json.loads(line) for line in "".join(pieces).splitlines()[2:]]
        return [each for each in lines if each["kind"] != "import_keys"]  # the ids are others, on the same server

    first = await write_export(ledger.workspace)
    assert [each["kind"] for each in first] == [each["kind"] for each in lines]
    async with ledger.db.write() as connection:
        other, _ = await workspaces.ensure_workspace(connection, ledger.account, "other", 0, ledger.now())
    path.write_text("".join(json.dumps(each) + "\n" for each in first))
    report = await bring(path, other.id)
    assert count(report) == (7, 0, 0)
    second = await write_export(other.id)
    assert [each | {"id": 1} for each in second] == [each | {"id": 1} for each in first]
    assert await undo_import(ledger.db, ledger.now, ledger.actor, other.id, report.run) == 1
    assert await write_export(other.id) == []


async def test_what_was_deleted_is_not_brought_back_and_what_was_undone_is(ledger, bring):
    report = await bring(GOLDEN / "CLAUDE.md")
    first, *rest = await list_all(ledger)
    await ledger.delete(first.id)
    assert count(await bring(GOLDEN / "CLAUDE.md")) == (0, 3, 0)
    assert await undo(ledger, report.run) == 2
    assert await list_all(ledger) == []
    with pytest.raises(Failure, match="undone before"):
        await undo(ledger, report.run)
    with pytest.raises(Failure, match="There is no import"):
        await undo(ledger, "another")
    again = await bring(GOLDEN / "CLAUDE.md")
    assert count(again) == (2, 1, 0)
    assert [each.content for each in await list_all(ledger)] == [each.content for each in rest]


async def test_our_own_lines_keep_ids_times_and_links_field_by_field(ledger, bring):
    await bring(GOLDEN / "loci.jsonl")
    wanted = [json.loads(line) for line in (GOLDEN / "loci.jsonl").read_text().splitlines()[1:3]]
    found = [each.model_dump(mode="json") for each in await list_all(ledger)]
    assert [each | {"kind": "memory"} for each in found[:2]] == wanted


async def test_our_own_lines_get_new_ids_if_another_workspace_has_them_and_links_follow(ledger, bring):
    await bring(GOLDEN / "loci.jsonl")
    async with ledger.db.write() as connection:
        other, _ = await workspaces.ensure_workspace(connection, ledger.account, "other", 0, ledger.now())
    assert count(await bring(GOLDEN / "loci.jsonl", other.id)) == (3, 0, 1)
    here, there = await list_all(ledger), await list_all(ledger, other.id)
    assert {each.id for each in here}.isdisjoint(each.id for each in there)
    assert there[0].linkages == [
        Linkage(type="file", path="ops/reset.sh", label="done by"),
        Linkage(type="memory", id=there[1].id, label="caused by"),
    ]


async def test_a_memory_of_an_export_that_was_deleted_here_stays_deleted(ledger, bring, tmp_path):
    kept, gone = await ledger.store("stays", "goes")
    lines = [each.model_dump_json() for each in await list_all(ledger)]
    await ledger.delete(gone)
    path = tmp_path / "memories.ndjson"
    path.write_text("\n".join(lines))
    assert count(await bring(path)) == (0, 2, 0)
    assert [each.id for each in await list_all(ledger)] == [kept]


async def test_times_keep_their_order_and_those_beyond_the_calendar_are_refused_with_the_place(ledger, bring, tmp_path):
    path = tmp_path / "times.jsonl"
    times = ["1970-01-01T00:00:00Z", "9999-12-30T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday"]
    path.write_text("\n".join(json.dumps({"content": f"at {each}", "occurred_at": each}) for each in times))
    report = await bring(path)
    assert count(report) == (2, 0, 2)
    assert [each.place for each in report.refusals] == ["times.jsonl, line 3", "times.jsonl, line 4"]
    assert "9999-12-30" in report.refusals[0].reason
    assert (await list_all(ledger))[0].occurred_at == datetime(1970, 1, 1, tzinfo=UTC)


async def test_credentials_are_redacted_or_refused_as_the_workspace_says(ledger, bring, tmp_path):
    path = tmp_path / "secrets.jsonl"
    path.write_text(json.dumps({"content": "key AKIA" + "ABCDEFGHIJKLMNOP"}) + '\n{"content":"plain"}\n')
    assert len((await bring(path, dry_run=True)).notices) == 1
    from server.store.tables.accounts import workspaces as table  # noqa: PLC0415 - for this test alone

    async def set_rule(rule):
        async with ledger.db.write() as connection:
            where = sa.update(table).where(table.c.id == ledger.workspace)
            await connection.execute(where.values(settings={"secrets": rule}))

    await set_rule("refuse")
    assert count(await bring(path, dry_run=True)) == (1, 0, 1)
    await set_rule("redact")
    assert count(await bring(path)) == (2, 0, 0)
    assert "AKIA" not in (await list_all(ledger))[0].content
