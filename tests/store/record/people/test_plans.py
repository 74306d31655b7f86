"""Plans in the record: what counts, and that of two who want the last place only one gets it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from server.errors import Failure
from server.ids import new_id
from server.limits import Limits
from server.memory.notes.working import Item, Status
from server.store.record import memories, workspaces
from server.store.record.notes import working_memory
from server.store.record.people import accounts
from server.store.record.people.plans import COUNTS, KINDS, UNLIMITED, Plans, QuotaExceeded, Standing
from tests.helpers.ledger import Ledger
from tools.core.store_refusals import refusals_as_failures

pytestmark = pytest.mark.anyio

FREE = Limits(memories=2, items=2, workspaces=2)
PLANS = Plans({"free": FREE, "full": Limits()}, "free")


async def usage(ledger):
    async with ledger.db.read() as connection:
        return await PLANS.count_usage(connection, ledger.account)


async def give(ledger, plan, plans=PLANS):
    async with ledger.db.write() as connection:
        return await plans.set_plan(connection, ledger.account, plan)


def item(ledger: Ledger, status: Status = "active"):
    times = dict.fromkeys(("created_at", "updated_at", "last_touched"), ledger.now())
    given: dict[str, Any] = {"category": "active_work", "title": "x", "content": "", "priority": 0, "tags": []}
    return Item(id=new_id(ledger.now()), status=status, **given, **times)


async def add_memory(connection, ledger, workspace):
    first = await memories.advance_revision(connection, workspace, 1, ledger.now())
    await memories.insert_memories(connection, workspace, ledger.actor, first, [ledger.memory("x")])


async def add_item(connection, ledger, workspace):
    await memories.advance_revision(connection, workspace, 0, ledger.now())  # holds the workspace, as every change does
    await working_memory.insert_item(connection, workspace, item(ledger))


async def add_workspace(connection, ledger, _):
    await workspaces.ensure_workspace(connection, ledger.account, new_id(ledger.now()), 0, ledger.now())


ADD = {"memories": add_memory, "items": add_item, "workspaces": add_workspace}


async def add(ledger, kind, *, workspace=None, plans=PLANS):
    """Add one, as the tools do: the check comes last, in the same transaction."""
    async with ledger.db.write() as connection:
        await ADD[kind](connection, ledger, workspace or ledger.workspace)
        await plans.check_quota(connection, ledger.account, kind)


async def place(ledger, name):
    async with ledger.db.write() as connection:
        found, _ = await workspaces.ensure_workspace(connection, ledger.account, name, 0, ledger.now())
    return found.id


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_more_than_the_plan_allows_is_refused_and_undone(ledger, kind):
    there = (await usage(ledger))[kind]
    for _ in range(2 - there):
        await add(ledger, kind)
    sentence = f"{kind.capitalize()}: this account has 2 of the 2 that its plan, free"
    with pytest.raises(Failure, match=sentence) as told, refusals_as_failures():
        await add(ledger, kind)
    assert (told.value.code, told.value.status, told.value.figures) == (
        "quota_exceeded",
        403,
        {"limit": 2, "current": 2},
    )
    assert (await usage(ledger))[kind] == 2


@pytest.mark.parametrize("kind", ["memories", "items"])
async def test_of_many_at_once_in_several_workspaces_only_as_many_pass_as_fit(ledger, kind):
    """Each holds its own workspace, so only the account keeps them apart."""
    places = [ledger.workspace, *[await place(ledger, f"place{n}") for n in range(4)]]
    tries = (add(ledger, kind, workspace=each) for each in places * 2)
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(end is None for end in ends) == 2
    assert {type(end) for end in ends if end is not None} == {QuotaExceeded}
    assert (await usage(ledger))[kind] == 2


async def test_of_many_workspaces_made_at_once_only_as_many_pass_as_fit(ledger):
    ends = await asyncio.gather(*(add(ledger, "workspaces") for _ in range(6)), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [QuotaExceeded] * 5
    assert (await usage(ledger))["workspaces"] == 2


async def test_expired_and_merged_memories_count_and_deleted_ones_do_not(ledger, clock):
    merged, gone = await ledger.store("merged", "gone")
    await ledger.store("expired", expires_at=clock())
    await ledger.change(merged, consolidated=True)
    assert (await usage(ledger))["memories"] == 3
    await ledger.delete(gone)
    assert (await usage(ledger))["memories"] == 2


async def test_archived_items_do_not_count(ledger):
    async with ledger.db.write() as connection:
        for status in ("active", "paused", "completed", "archived"):
            await working_memory.insert_item(connection, ledger.workspace, item(ledger, status))
    assert (await usage(ledger))["items"] == 3


async def test_a_workspace_that_is_deleted_takes_what_is_in_it_out_of_the_count(ledger, clock):
    for kind in ("memories", "items"):
        await add(ledger, kind)
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
    assert await usage(ledger) == dict.fromkeys(KINDS, 0)


async def test_another_account_does_not_count(db, ledger, clock, make_ledger):
    bob = await make_ledger(db, clock, "bob")
    for kind in ("memories", "items"):
        await add(bob, kind)
    assert await usage(ledger) == {"memories": 0, "items": 0, "workspaces": 1}


async def test_an_account_has_the_plan_it_was_given_and_else_the_default(ledger):
    async with ledger.db.read() as connection:
        assert await PLANS.read_standing(connection, ledger.account) == Standing("free", FREE)
    assert await give(ledger, "full") == Standing("full", Limits())
    for _ in range(3):
        await add(ledger, "memories")
    assert await give(ledger, None) == Standing("free", FREE)
    with pytest.raises(Failure, match="has 3 of the 2"), refusals_as_failures():
        await add(ledger, "memories")


async def test_a_plan_that_the_settings_do_not_have_is_refused_and_the_others_are_named(ledger):
    with pytest.raises(Failure, match="plan: there is no plan 'gold'; there are: free, full"), refusals_as_failures():
        await give(ledger, "gold")
    with pytest.raises(Failure, match="LOCI_PLANS names none"), refusals_as_failures():
        await give(ledger, "gold", Plans({}, ""))


async def test_a_plan_that_is_lost_from_the_settings_is_as_the_default(ledger):
    await give(ledger, "full")
    for later, holds in (
        (Plans({"free": FREE}, "free"), Standing("free", FREE, "full")),
        (Plans({"free": FREE}, ""), Standing(None, UNLIMITED, "full")),
        (Plans({}, ""), Standing(None, UNLIMITED, "full")),
    ):
        async with ledger.db.read() as connection:
            assert await later.read_standing(connection, ledger.account) == holds
    for _ in range(3):
        await add(ledger, "memories", plans=Plans({"free": FREE}, ""))


async def test_without_plans_nothing_is_asked_and_without_a_limit_nothing_is_counted(ledger):
    async def asked(plans):
        statements = []
        async with ledger.db.write() as connection:
            event.listen(connection.sync_connection, "before_cursor_execute", lambda *how: statements.append(how[2]))
            for kind in KINDS:
                await plans.check_quota(connection, ledger.account, kind)
        return statements

    assert await asked(Plans({}, "")) == []
    assert not [each for each in await asked(Plans({"full": Limits()}, "full")) if "count(" in each]


async def test_counting_memories_reads_an_index_and_no_rows(book, explain_read):
    async def ask(connection):
        await connection.execute(COUNTS["memories"], {"account": book.account})

    found = await explain_read(book.db, ask)
    assert "USING COVERING INDEX ix_memories_workspace_id_created_at_live" in found


async def test_a_user_may_begin_with_another_default_workspace(db, clock):
    async with db.write() as connection:
        made = await accounts.create_user(
            connection, name="eve", password_hash=None, is_admin=False, now=clock(), default_workspace="notes"
        )
        found = await accounts.get_user(connection, made.id)
    assert found is not None
    assert found.default_workspace == "notes"
