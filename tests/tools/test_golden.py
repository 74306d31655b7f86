"""Golden cases through both doors: pinning, trying, dropping; and what a case says of a ranking."""

import pytest

from server.store.record.golden import Case
from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, call_tool, check_refusal, read_totals
from tools.golden import CASES, RankedMemory, judge_case, run_cases

pytestmark = pytest.mark.anyio


def case(**fields):
    blank = {"id": "c", "query": "q", "memory_id": None, "text": None, "expect": "recalled", "within": 2, "note": None}
    return Case(**(blank | fields | {"created_at": None, "created_by": "u"}))


RANKED = [
    RankedMemory("a", "The heron by the pond", 0.9),
    RankedMemory("b", "An EGRET", 0.5),
    RankedMemory("c", "heron two", 0.1),
]


@pytest.mark.parametrize(
    ("fields", "passed", "rank", "score"),
    [
        ({"memory_id": "a"}, True, 1, 0.9),
        ({"memory_id": "b"}, True, 2, 0.5),
        ({"memory_id": "c"}, False, 3, 0.1),
        ({"memory_id": "d"}, False, None, None),
        ({"text": "egret"}, True, 2, 0.5),
        ({"text": "HERON"}, True, 1, 0.9),
        ({"text": "stork"}, False, None, None),
        ({"memory_id": "a", "expect": "not_recalled"}, False, 1, 0.9),
        ({"memory_id": "c", "expect": "not_recalled"}, True, 3, 0.1),
        ({"memory_id": "c", "expect": "not_recalled", "within": 3}, False, 3, 0.1),
        ({"text": "stork", "expect": "not_recalled"}, True, None, None),
    ],
)
def test_a_case_passes_where_its_memory_is_or_is_not_among_the_first(fields, passed, rank, score):
    tried = judge_case(case(**fields), RANKED)
    assert (tried.passed, tried.rank, tried.score) == (passed, rank, score)


async def test_each_case_is_asked_once_and_progress_is_told(anyio_backend):
    assert anyio_backend == "asyncio"
    asked, told = [], []

    async def ranking(query, limit):
        asked.append((query, limit))
        return RANKED

    async def progress(done, total):
        told.append((done, total))

    tried = await run_cases([case(query="one", text="heron"), case(query="two", text="stork")], ranking, progress)
    assert [each.passed for each in tried] == [True, False]
    assert asked == [("one", 100), ("two", 100)]
    assert told == [(1, 2), (2, 2)]


async def pinned(person, **where):
    return (await call_rest(person, "list_golden", where)).body["cases"]


async def test_a_case_pinned_through_one_door_is_tried_and_dropped_through_the_other(ann, clock):
    heron = await ann.store("The staging database is called heron")
    await ann.store("Lunch is at noon")
    first = (
        await call_rest(ann, "add_golden", {"query": "which database?", "memory_id": heron, "note": "asked daily"})
    ).body
    clock.move(seconds=1)
    second = (
        await call_tool(ann, "add_golden", {"query": "which database?", "text": "LUNCH", "expect": "not_recalled"})
    ).body
    clock.move(seconds=1)
    third = (await call_tool(ann, "add_golden", {"query": "which database?", "text": "egret", "within": 1})).body
    for door in (call_rest, call_tool):
        report = (await door(ann, "run_golden", {})).body
        assert (report["passed"], report["failed"]) == (2, 1)
        assert [(each["id"], each["passed"]) for each in report["cases"]] == [
            (first["id"], True),
            (second["id"], True),
            (third["id"], False),
        ]
        assert (report["cases"][0]["rank"], report["cases"][0]["note"]) == (1, "asked daily")
        assert "by keyword only" in report["meta"]["notice"]
    assert (await call_tool(ann, "delete_golden", {"id": first["id"]})).body["deleted"] is True
    assert [each["id"] for each in await pinned(ann)] == [second["id"], third["id"]]
    assert (await call_rest(ann, "delete_golden", {"id": first["id"]})).error == "not_found"


async def test_a_case_remembers_who_pinned_it_and_when(ann):
    await call_rest(ann, "add_golden", {"query": " tea? ", "text": "Tea"})
    (only,) = await pinned(ann)
    assert only == {
        "id": only["id"],
        "query": "tea?",
        "memory_id": None,
        "text": "Tea",
        "expect": "recalled",
        "within": 10,
        "note": None,
        "created_at": "2026-11-21T12:00:00.000Z",
        "created_by": ann.user_id,
    }


async def test_trying_cases_does_not_count_as_a_use_of_the_memories(ann, site):
    memory_id = await ann.store("Tea")
    await call_rest(ann, "add_golden", {"query": "tea", "memory_id": memory_id})
    assert (await call_rest(ann, "run_golden", {})).body["passed"] == 1
    await site.services.accesses.drain()
    assert (await ann.call("fetch", {"id": memory_id}))["access_count"] == 0


async def test_a_memory_that_was_deleted_is_not_recalled_and_its_case_says_so(ann):
    memory_id = await ann.store("Tea")
    await call_rest(ann, "add_golden", {"query": "tea", "memory_id": memory_id})
    await call_rest(ann, "delete_memory", {"id": memory_id})
    (only,) = (await call_rest(ann, "run_golden", {})).body["cases"]
    assert (only["passed"], only["rank"]) == (False, None)


async def test_without_cases_and_without_a_workspace_there_is_nothing_to_fail(ann):
    for where in ({}, {"workspace": "nowhere"}):
        report = (await call_rest(ann, "run_golden", where)).body
        assert (report["passed"], report["failed"], report["cases"]) == (0, 0, [])
        assert report["meta"]["workspace_exists"] is False
    assert (await read_totals(ann))["workspaces"] == 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "send memory_id or text, and not both, to say which memory is meant"),
        ({"text": "x", "memory_id": NOBODY}, "send memory_id or text, and not both"),
        ({"memory_id": NOBODY}, f"memory_id: there is no memory {NOBODY!r} in this workspace"),
        ({"memory_id": "x" * 37}, "memory_id: must have at most 36 characters"),
        ({"text": " "}, "send memory_id or text, and not both"),
        ({"text": "x" * 2001}, "text: must have at most 2000 characters"),
        ({"text": "x", "query": " "}, "query: must have at least 1 character"),
        ({"text": "x", "query": "x" * 2001}, "query: must have at most 2000 characters"),
        ({"text": "x", "within": 0}, "within: must be at least 1"),
        ({"text": "x", "within": 101}, "within: must be at most 100"),
        ({"text": "x", "expect": "maybe"}, "expect: must be one of 'recalled' or 'not_recalled'"),
        ({"text": "x", "note": "x" * 2001}, "note: must have at most 2000 characters"),
    ],
)
async def test_a_case_that_makes_no_sense_is_refused_and_not_kept(ann, fields, says):
    await check_refusal(ann, "add_golden", {"query": "tea?"} | fields, says=says)
    assert await pinned(ann) == []
    assert (await read_totals(ann))["workspaces"] == 0


async def test_two_people_have_cases_of_their_own(ann, bob):
    theirs = await bob.store("Tea")
    await call_rest(bob, "add_golden", {"query": "tea", "memory_id": theirs})
    (case_of_bob,) = await pinned(bob)
    await ann.store("Coffee")
    assert await pinned(ann) == []
    assert (await call_rest(ann, "run_golden", {})).body["cases"] == []
    says = f"there is no memory {theirs!r} in this workspace"
    await check_refusal(ann, "add_golden", {"query": "tea", "memory_id": theirs}, says=says)
    for door in (call_rest, call_tool):
        assert (await door(ann, "delete_golden", {"id": case_of_bob["id"]})).error == "not_found"
        for name in ("add_golden", "list_golden", "run_golden", "delete_golden"):
            arguments = {"add_golden": {"query": "x", "text": "x"}, "delete_golden": {"id": case_of_bob["id"]}}
            where = arguments.get(name, {}) | {"workspace": "bob/default"}
            assert (await door(ann, name, where)).error == "not_found"
    assert await pinned(bob) == [case_of_bob]


async def test_a_case_belongs_to_its_workspace(ann):
    await call_rest(ann, "add_golden", {"query": "tea", "text": "tea", "workspace": "notes"})
    (only,) = await pinned(ann, workspace="notes")
    assert (await call_rest(ann, "delete_golden", {"id": only["id"]})).error == "not_found"
    assert (await call_rest(ann, "delete_golden", {"id": only["id"], "workspace": "notes"})).error is None


async def test_who_may_only_read_tries_cases_and_pins_none(ann, site):
    await call_rest(ann, "add_golden", {"query": "tea", "text": "tea"})
    reader = await site.add_person("ann", scopes=["memory:read"])
    assert (await call_rest(reader, "run_golden", {})).body["failed"] == 1
    for name, arguments in (("add_golden", {"query": "x", "text": "x"}), ("delete_golden", {"id": NOBODY})):
        assert (await call_rest(reader, name, arguments)).error == "insufficient_scope"


async def test_a_workspace_has_a_bounded_number_of_cases(ann, monkeypatch):
    assert CASES == 500
    monkeypatch.setattr("tools.golden.CASES", 2)
    for _ in range(2):
        await call_rest(ann, "add_golden", {"query": "tea", "text": "tea"})
    says = "A workspace has at most 2 golden cases. Delete one"
    await check_refusal(ann, "add_golden", {"query": "tea", "text": "tea"}, status=409, code="conflict", says=says)
    assert len(await pinned(ann)) == 2


async def test_people_and_scripts_may_call_what_models_are_not_shown(ann):
    async with ann.mcp(path="/mcp?toolset=all") as client:
        listed = {each.name for each in (await client.list_tools()).tools}
    unlisted = {"add_golden", "list_golden", "delete_golden", "run_golden"}
    assert not listed & (unlisted | {"get_settings", "set_setting", "reset_setting"})
    assert (await call_tool(ann, "list_golden", {})).error is None
