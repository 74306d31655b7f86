"""The health report: what a workspace has, counted, and what of it has been lying for long."""

import pytest

from server.background.upkeep import clean_up_records, write_counts
from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

WARNING = "  Warning: nothing in it has changed for more than 24 hours."


async def health(person, **arguments):
    """Return the answer that both doors give; the text is REST's."""
    over_rest, over_mcp = await call_rest(person, "health", arguments), await call_tool(person, "health", arguments)
    for part in ("working_memory", "skip_list", "access_log", "memories"):
        assert over_mcp.body[part] == {k: v for k, v in over_rest.body[part].items() if v is not None}
    return over_rest.body, over_rest.body["content"][0]["text"].splitlines()


async def test_a_workspace_that_has_nothing_is_told_so(ann):
    for where in ({}, {"workspace": "nowhere"}):
        answer, report = await health(ann, **where)
        assert answer["working_memory"] == {"sections": 5, "last_updated": None, "stale": False}
        assert answer["skip_list"] == {"total": 0, "active": 0, "expired": 0}
        assert answer["access_log"] == {"total": 0}
        assert report[1:11] == [
            f"Workspace: {where.get('workspace', 'default')}",
            "**Working Memory**",
            "  Sections: 5",
            "  Last updated: never",
            "**Stored Memories**",
            "  Total: 0 (0 active, 0 expired, 0 consolidated)",
            "**Skip List**",
            "  Total: 0 (0 active, 0 expired)",
            "**Access Log**",
            "  Total accesses: 0",
        ]
    assert (await ann.http.get("/v1/workspaces")).json()["workspaces"] == []


async def test_working_memory_that_lies_for_more_than_a_day_is_warned_of(ann, clock):
    await ann.call("update_working_memory", {"section": "plan", "content": "x"})
    clock.move(hours=1)
    item = (await call_rest(ann, "add_item", {"category": "active_work", "title": "Ship"})).body
    clock.move(hours=24)
    answer, report = await health(ann)
    expected = {"sections": 6, "last_updated": "2026-11-21T13:00:00.000Z", "stale": False}
    assert answer["working_memory"] == expected
    assert "  Last updated: 2026-11-21T13:00:00.000Z" in report
    assert WARNING not in report
    clock.move(seconds=1)
    answer, report = await health(ann)
    assert answer["working_memory"] == expected | {"stale": True}
    assert report[report.index("  Last updated: 2026-11-21T13:00:00.000Z") + 1] == WARNING
    await call_rest(ann, "update_item", {"id": item["id"], "status": "paused"})
    answer, report = await health(ann)
    assert (answer["working_memory"]["stale"], WARNING in report) == (False, False)


async def test_entries_of_the_skip_list_count_as_expired_until_they_are_purged(ann, site, clock):
    for expires in ("one hour", "3 days", "until the migration is done"):
        await call_rest(ann, "add_skip", {"item": "tea", "reason": "cold", "expires": expires})
    clock.move(hours=1)
    answer, report = await health(ann)
    assert answer["skip_list"] == {"total": 3, "active": 2, "expired": 1}
    assert "  Total: 3 (2 active, 1 expired)" in report
    await clean_up_records(site.services)
    assert (await health(ann))[0]["skip_list"] == {"total": 2, "active": 2, "expired": 0}


async def test_accesses_are_those_of_the_memories_that_are_there_and_a_merge_changes_nothing(ann, site):
    ids = [await ann.store(f"tea {n}", tags=["tea"]) for n in range(3)]
    for message in ("tea", "tea"):
        await ann.call("retrieve_context", {"message": message})
    await write_counts(site.services)
    answer, report = await health(ann)
    assert answer["access_log"] == {"total": 6}
    assert "  Total accesses: 6" in report
    await call_rest(ann, "consolidate_group", {"source_ids": ids[:2]})
    assert (await health(ann))[0]["access_log"] == {"total": 6}
    await ann.http.delete(f"/v1/memories/{ids[2]}")
    assert (await health(ann))[0]["access_log"] == {"total": 4}


async def test_health_counts_what_is_ones_own_and_in_the_workspace_that_is_asked_about(ann, bob, site, clock):
    for workspace in ("default", "attic"):
        await ann.store("tea", workspace=workspace)
        await ann.call("update_working_memory", {"section": "plan", "content": "x", "workspace": workspace})
        await ann.call("add_skip", {"item": "tea", "reason": "cold", "expires": "1 day", "workspace": workspace})
    await ann.call("retrieve_context", {"message": "tea", "workspace": "attic"})
    await write_counts(site.services)
    clock.move(days=2)
    answer, report = await health(bob)
    assert answer["working_memory"] == {"sections": 5, "last_updated": None, "stale": False}
    assert (answer["skip_list"]["total"], answer["access_log"]["total"], WARNING in report) == (0, 0, False)
    totals = [(await health(ann, workspace=each))[0]["access_log"]["total"] for each in ("default", "attic")]
    assert totals == [0, 1]
    refused = await call_rest(bob, "health", {"workspace": f"{ann.name}/default"})
    assert (refused.status, refused.error) == (404, "not_found")
