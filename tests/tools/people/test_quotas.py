"""Quotas at the doors: what is refused, in which words, and that nothing of it stays."""

import asyncio

import pytest
import sqlalchemy as sa

from server.store.tables.accounts import accounts, memberships
from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, call_tool, check_refusal, read_totals
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

PLANS = {
    "free": {"memories": 3, "items": 2, "workspaces": 2},
    "pro": {"memories": 5},
    "full": {},
    "shut": {"workspaces": 0},
}
ITEM = {"category": "active_work", "title": "Tea"}


@pytest.fixture
async def planned_site(settings, clock):
    """A server with plans."""
    changed = type(settings).model_validate(settings.model_dump() | {"plans": PLANS, "default_plan": "free"})
    async with open_site(changed, clock) as site:
        yield site


@pytest.fixture
async def cat(planned_site):
    return await planned_site.add_person("cat")


@pytest.fixture
async def dan(planned_site):
    return await planned_site.add_person("dan")


@pytest.fixture
async def admin(planned_site):
    return await planned_site.add_person("root", ("memory:write", "admin"), is_admin=True)


async def fill(person, memories=3):
    return [await person.store(f"Tea {n}") for n in range(memories)]


async def quota(person, **arguments):
    return (await person.call("health", arguments))["quota"]


async def test_a_deleted_memory_comes_back_only_if_there_is_room(cat):
    ids = await fill(cat)
    await cat.http.delete(f"/v1/memories/{ids[0]}")
    newer = await cat.store("Tea 4")
    await check_refusal(
        cat, "restore_memory", {"id": ids[0]}, status=403, code="quota_exceeded", says="Memories: this account"
    )
    await cat.http.delete(f"/v1/memories/{newer}")
    assert (await call_rest(cat, "restore_memory", {"id": ids[0]})).body["restored"] is True


async def test_a_memory_more_than_the_plan_allows_is_refused_with_the_limit_and_the_count(cat):
    await fill(cat)
    before = await read_totals(cat)
    says = (
        "Memories: this account has 3 of the 3 that its plan, free, allows. Nothing was stored. Delete memories that "
        "nobody needs, or ask the operator of this server for another plan."
    )
    await check_refusal(cat, "store_memory", {"content": "Tea"}, status=403, code="quota_exceeded", says=says)
    body = (await call_rest(cat, "store_memory", {"content": "Tea"})).body
    assert body == {
        "error": "quota_exceeded",
        "message": says,
        "limit": 3,
        "current": 3,
        "content": [{"type": "text", "text": says}],
    }
    assert await read_totals(cat) == before


async def test_a_refused_store_into_a_new_workspace_makes_no_workspace(cat):
    await fill(cat)
    assert (await call_rest(cat, "store_memory", {"content": "Tea", "workspace": "new"})).error == "quota_exceeded"
    assert (await read_totals(cat))["workspaces"] == 1


async def test_an_ingest_is_stored_whole_or_not_at_all(cat):
    await fill(cat, 1)
    batch = {"memories": [{"content": f"Coffee {n}"} for n in range(3)]}
    says = "has 1 of the 3 that its plan, free, allows, and these are 3 more. Nothing was stored."
    await check_refusal(cat, "ingest_memories", batch, status=403, code="quota_exceeded", says=says)
    assert (await read_totals(cat))["memories"] == 1
    assert (await call_tool(cat, "ingest_memories", {"memories": batch["memories"][:2]})).body["ingested"] == 2


async def test_all_workspaces_of_an_account_count_together_and_a_deletion_makes_room(cat):
    ids = [*await fill(cat, 2), await cat.store("Tea", workspace="attic")]
    assert (await call_rest(cat, "store_memory", {"content": "x"})).error == "quota_exceeded"
    assert (await call_rest(cat, "delete_memory", {"id": ids[0]})).status == 200
    await cat.store("Coffee")


async def test_what_one_person_has_takes_no_room_from_another(cat, dan):
    await fill(cat)
    await fill(dan)
    assert (await quota(dan))["memories"] == (await quota(cat))["memories"] == {"current": 3, "limit": 3}


async def test_of_two_that_store_the_last_memory_at_once_one_is_refused(cat):
    await fill(cat, 2)
    places = ("default", "attic", "default", "attic")
    tries = (
        cat.http.post("/v1/memories", json={"content": f"x {number}", "workspace": place})
        for number, place in enumerate(places)
    )
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]


async def test_what_is_merged_is_not_checked_and_an_undo_always_finds_room(cat):
    ids = await fill(cat)
    merged = (await call_rest(cat, "consolidate_group", {"source_ids": ids})).body
    assert (await quota(cat))["memories"] == {"current": 4, "limit": 3}
    assert (await call_rest(cat, "store_memory", {"content": "x"})).body["current"] == 4
    assert (await call_rest(cat, "undo_consolidation", {"run": merged["run"]})).status == 200
    assert (await quota(cat))["memories"]["current"] == 3


async def test_items_are_limited_but_for_archived_ones(cat):
    first, _ = [(await call_rest(cat, "add_item", ITEM)).body["id"] for _ in range(2)]
    says = "Items: this account has 2 of the 2 that its plan, free, allows. Nothing was stored. Archive or delete items"
    await check_refusal(cat, "add_item", ITEM, status=403, code="quota_exceeded", says=says)
    archived = await call_rest(cat, "add_item", ITEM | {"status": "archived"})
    assert archived.status == 201, "it takes no room"
    assert (await call_rest(cat, "update_item", {"id": first, "status": "archived"})).status == 200
    assert (await call_rest(cat, "add_item", ITEM)).status == 201


async def test_bringing_an_item_back_from_the_archive_needs_room_and_other_changes_do_not(cat):
    archived = (await call_rest(cat, "add_item", ITEM | {"status": "archived"})).body["id"]
    first, _ = [(await call_rest(cat, "add_item", ITEM)).body["id"] for _ in range(2)]
    back = {"id": archived, "status": "active"}
    await check_refusal(cat, "update_item", back, status=403, code="quota_exceeded", says="has 2 of the 2")
    assert (await call_rest(cat, "read_item", {"id": archived})).body["status"] == "archived"
    for change in ({"id": archived, "title": "Coffee"}, {"id": first, "status": "paused"}):
        assert (await call_rest(cat, "update_item", change)).status == 200
    assert (await call_tool(cat, "delete_item", {"id": first})).error is None
    assert (await call_tool(cat, "update_item", back)).body["status"] == "active"


async def test_workspaces_are_limited_however_they_come_to_be(cat):
    await cat.store("Tea")
    await call_rest(cat, "create_workspace", {"name": "attic"})
    says = "Workspaces: this account has 2 of the 2 that its plan, free, allows. Nothing was stored. Use a workspace"
    for name, arguments in (
        ("create_workspace", {"name": "new"}),
        ("store_memory", {"content": "x", "workspace": "new"}),
        ("add_item", ITEM | {"workspace": "new"}),
        ("add_golden", {"query": "x", "text": "x", "workspace": "new"}),
        ("set_setting", {"key": "recall_alpha", "value": 0.7, "workspace": "new"}),
        ("create_key", {"workspace": "new"}),
    ):
        await check_refusal(cat, name, arguments, status=403, code="quota_exceeded", says=says)
    for path in ("/mcp?workspace=new", "/mcp?toolset=memento&workspace=new"):
        assert (await call_tool(cat, "memento_init", {}, path=path)).error == "quota_exceeded"
    assert (
        await call_rest(cat, "store_memory", {"content": "x"}, headers={"x-memento-workspace": "new"})
    ).status == 403
    assert (await read_totals(cat))["workspaces"] == 2
    assert (await call_rest(cat, "create_workspace", {"name": "attic"})).status == 200, "it is there already"
    read = await call_rest(cat, "list_memories", {"workspace": "new"})
    assert read.body["meta"]["workspace_exists"] is False, "what reads makes none, so it is not refused"


async def test_health_says_what_there_is_and_may_be(cat, planned_site):
    await fill(cat, 2)
    await call_rest(cat, "add_item", ITEM)
    body = (await call_rest(cat, "health", {})).body
    assert body["quota"] == {
        "plan": "free",
        "notice": None,
        "memories": {"current": 2, "limit": 3},
        "items": {"current": 1, "limit": 2},
        "workspaces": {"current": 1, "limit": 2},
    }
    report = body["content"][0]["text"]
    assert report.endswith("**Quota**\n  Plan: free\n  Memories: 2 / 3\n  Items: 1 / 2\n  Workspaces: 1 / 2")
    async with planned_site.services.db.write() as connection:
        await connection.execute(sa.update(accounts).where(accounts.c.name == "cat").values(plan="gold"))
    assert (
        "  Plan: free (gold is not a plan of this server any more; the default plan applies)\n"
        in (await call_tool(cat, "memento_health", {})).body["text"]
    )


async def test_without_plans_nothing_is_limited_and_health_says_so(ann):
    await ann.store("Tea")
    body = (await call_rest(ann, "health", {})).body
    assert body["quota"]["plan"] is None
    assert body["quota"]["memories"] == {"current": 1, "limit": None}
    assert body["content"][0]["text"].endswith(
        "**Quota**\n  Plan: none\n  Memories: 1 / unlimited\n  Items: 0 / unlimited\n  Workspaces: 1 / unlimited"
    )


@pytest.mark.parametrize("door", [call_rest, call_tool])
async def test_an_administrator_gives_an_account_another_plan_and_back(admin, cat, door):
    await fill(cat)
    given = (await door(admin, "set_plan", {"plan": "pro", "user_id": cat.user_id})).body
    assert (given["user_id"], given["plan"], given["is_default"]) == (cat.user_id, "pro", False)
    assert given["limits"]["memories"] == 5
    await cat.store("Tea")
    back = (await door(admin, "set_plan", {"plan": None, "user_id": cat.user_id})).body
    assert (back["plan"], back["is_default"]) == ("free", True)
    assert (await call_rest(cat, "store_memory", {"content": "x"})).body["current"] == 4, "what is there stays"


async def test_without_a_user_the_plan_is_the_administrators_own(admin, cat):
    answer = await call_rest(admin, "set_plan", {"plan": "full"})
    assert answer.body["user_id"] == admin.user_id
    assert answer.body["content"][0]["text"] == f"The plan of {admin.user_id} is now full."
    assert set(answer.body["limits"].values()) == {None}
    assert ((await quota(admin))["plan"], (await quota(cat))["plan"]) == ("full", "free")


async def test_a_plan_for_nobody_and_a_plan_that_is_none_are_refused(admin, cat):
    says = "plan: there is no plan 'gold'; there are: free, pro, full, shut."
    await check_refusal(admin, "set_plan", {"plan": "gold", "user_id": cat.user_id}, says=says)
    says = f"There is no user {NOBODY}."
    await check_refusal(admin, "set_plan", {"plan": "pro", "user_id": NOBODY}, status=404, code="not_found", says=says)
    await check_refusal(admin, "set_plan", {}, says="plan: is required")
    await check_refusal(admin, "set_plan", {"plan": " "}, says="plan: must have at least 1 character(s)")
    await check_refusal(admin, "set_plan", {"plan": ["pro"]}, says="plan: must be text")
    assert (await quota(cat))["plan"] == "free"


async def test_only_an_administrator_of_the_server_sets_plans(cat, planned_site, admin):
    assert (await call_rest(cat, "set_plan", {"plan": "full"})).error == "insufficient_scope"
    no_longer = await planned_site.add_person("eve", ("admin",))
    await check_refusal(no_longer, "set_plan", {"plan": "full"}, status=403, code="forbidden", says="administrator")
    await admin.store("x")
    (here,) = (await admin.call("list_workspaces"))["workspaces"]
    bound = await planned_site.add_person("root", ("admin",), workspace_id=here["id"])
    await check_refusal(bound, "set_plan", {"plan": "full"}, status=403, code="forbidden", says="not bound")


async def test_a_plan_that_allows_no_workspace_lets_nothing_be_stored(admin, cat):
    await call_rest(admin, "set_plan", {"plan": "shut", "user_id": cat.user_id})
    body = (await call_rest(cat, "store_memory", {"content": "x"})).body
    assert (body["error"], body["limit"], body["current"]) == ("quota_exceeded", 0, 0)


async def test_a_team_account_is_held_to_its_own_plan(cat, dan, planned_site):
    """Whose workspace it is decides, not who writes."""
    await fill(cat)
    async with planned_site.services.db.write() as connection:
        row = {"account_id": dan.account_id, "user_id": cat.user_id, "role": "member"}
        await connection.execute(sa.insert(memberships).values(created_at=planned_site.services.now(), **row))
    await cat.store("Tea", workspace="dan/default")
    assert (await quota(cat, workspace="dan/default"))["memories"]["current"] == 1
    assert (await quota(cat))["memories"]["current"] == 3
