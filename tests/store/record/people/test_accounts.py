"""Users and their accounts, workspaces, keys, and the epoch that tells other processes what has ended."""

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from server.ids import new_id
from server.store.db import Database
from server.store.epoch import Epoch, raise_epoch
from server.store.record import memories, workspaces
from server.store.record.people import accounts, api_keys
from server.store.record.people.api_keys import KeyRow
from server.store.tables.accounts import epoch

pytestmark = pytest.mark.anyio


@pytest.fixture
def someone(db, clock):
    async def make(name="ann", **fields):
        given = {"password_hash": None, "is_admin": False} | fields
        async with db.write() as connection:
            return await accounts.create_user(connection, name=name, now=clock(), **given)

    return make


@pytest.fixture
def key(db, clock):
    async def make(user, key_hash, **fields):
        blank = {"scopes": "memory:read", "workspace_id": None, "grant_id": None, "expires_at": None}
        late = {"created_at": clock(), "last_used_at": None, "revoked_at": None}
        given = {"id": new_id(clock()), "user_id": user.id, "prefix": "loci_x", "name": "k"} | blank | late | fields
        async with db.write() as connection:
            await api_keys.insert_key(connection, KeyRow(**given), key_hash)
        return given["id"]

    return make


async def test_a_user_is_found_by_name_and_by_id_with_an_account_of_the_same_name(db, someone):
    ann = await someone(password_hash="hash", is_admin=True)
    async with db.read() as connection:
        assert await accounts.find_user(connection, "ann") == ann
        assert await accounts.get_user(connection, ann.id) == ann
        assert await accounts.list_member_accounts(connection, ann.id) == {"ann": ann.account_id}
        assert await accounts.find_user(connection, "bob") is None


async def test_a_taken_name_is_a_conflict_and_leaves_nothing_behind(db, someone):
    await someone()
    with pytest.raises(accounts.NameTaken):
        await someone()
    async with db.read() as connection:
        assert await accounts.count_users(connection) == 1


async def test_users_are_listed_by_name_and_get_new_passwords(db, someone):
    bob, ann = await someone("bob"), await someone("ann")
    async with db.write() as connection:
        await accounts.set_password(connection, ann.id, "new")
        listed = await accounts.list_users(connection)
    assert [(user.name, user.password_hash) for user in listed] == [("ann", "new"), ("bob", None)]
    assert listed[1] == bob


async def test_a_workspace_is_made_once_however_many_ask_for_it(db, someone, clock):
    ann = await someone()

    async def ensure():
        async with db.write() as connection:
            return await workspaces.ensure_workspace(connection, ann.account_id, "notes", 0, clock())

    found = await asyncio.gather(*(ensure() for _ in range(5)))
    assert len({workspace.id for workspace, _ in found}) == 1
    assert sorted(created for _, created in found) == [False, False, False, False, True]
    async with db.read() as connection:
        assert await workspaces.list_workspaces(connection, ann.account_id) == [found[0][0]]
        assert await workspaces.find_workspace(connection, ann.account_id, "notes") == found[0][0]
        assert await workspaces.get_workspace(connection, found[0][0].id) == found[0][0]


async def test_a_deleted_workspace_is_gone_its_keys_end_and_its_name_is_free(ledger, key, clock):
    async with ledger.db.read() as connection:
        ann = await accounts.find_user(connection, "ann")
    assert ann is not None
    await key(ann, "a" * 64, workspace_id=ledger.workspace)
    free = await key(ann, "b" * 64)
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
        assert await workspaces.get_workspace(connection, ledger.workspace) is None
        assert await workspaces.list_workspace_ids(connection) == []
        assert await api_keys.find_key(connection, "a" * 64, clock()) is None
        assert [row.id for row in await api_keys.list_keys(connection, ann.id)] == [free]
        with pytest.raises(workspaces.WorkspaceGone):
            await memories.advance_revision(connection, ledger.workspace, 1, clock())
        again, created = await workspaces.ensure_workspace(connection, ledger.account, "default", 0, clock())
    assert created
    assert again.id != ledger.workspace


async def test_deleting_a_workspace_again_does_not_put_off_its_erasure(ledger, clock):
    first = clock()
    for _ in range(2):
        async with ledger.db.write() as connection:
            await workspaces.delete_workspace(connection, ledger.workspace, clock())
        clock.move(days=1)
    assert await ledger.row("deleted_at") == (first,)


async def test_a_key_is_found_by_its_hash_with_its_account_and_its_workspace(ledger, key, clock):
    async with ledger.db.read() as connection:
        ann = await accounts.find_user(connection, "ann")
    assert ann is not None
    key_id = await key(ann, "a" * 64, workspace_id=ledger.workspace)
    async with ledger.db.read() as connection:
        found = await api_keys.find_key(connection, "a" * 64, clock())
        assert found is not None
        row, account_id = found
        assert (row.id, row.workspace_id, row.workspace, account_id) == (
            key_id,
            ledger.workspace,
            "default",
            ann.account_id,
        )
        assert await api_keys.find_key(connection, "b" * 64, clock()) is None


async def test_a_revoked_key_is_found_no_more_and_only_its_owner_can_revoke_it(db, someone, key, clock):
    ann, bob = await someone("ann"), await someone("bob")
    key_id = await key(ann, "a" * 64)
    async with db.write() as connection:
        assert not await api_keys.revoke_key(connection, bob.id, key_id, clock())
        assert await api_keys.revoke_key(connection, ann.id, key_id, clock())
        assert not await api_keys.revoke_key(connection, ann.id, key_id, clock())
        assert await api_keys.find_key(connection, "a" * 64, clock()) is None
        assert await api_keys.list_keys(connection, ann.id) == []


async def test_the_keys_of_a_grant_end_with_it(db, someone, key, clock):
    ann = await someone()
    mine = [await key(ann, "a" * 64, grant_id="g"), await key(ann, "b" * 64, grant_id="g")]
    clock.move(seconds=1)
    other = await key(ann, "c" * 64)
    async with db.write() as connection:
        assert sorted(await api_keys.revoke_keys_of_grant(connection, "g", clock())) == sorted(mine)
        assert [row.id for row in await api_keys.list_keys(connection, ann.id)] == [other]


async def test_a_key_is_retired_once_and_by_its_owner_only_however_many_ask(db, someone, key, clock):
    ann, bob = await someone("ann"), await someone("bob")
    key_id, other = await key(ann, "a" * 64, name="script"), await key(ann, "b" * 64)

    async def retire(owner):
        async with db.write() as connection:
            return await api_keys.retire_key(connection, owner.id, key_id, clock())

    assert await retire(bob) is None
    (old,) = filter(None, await asyncio.gather(*(retire(ann) for _ in range(6))))
    assert (old.id, old.name, old.revoked_at) == (key_id, "script", clock())
    async with db.read() as connection:
        assert [row.id for row in await api_keys.list_keys(connection, ann.id)] == [other]


async def test_a_key_that_takes_anothers_place_while_their_workspace_is_deleted_ends_with_it(ledger, key, clock):
    async with ledger.db.read() as connection:
        ann = await accounts.find_user(connection, "ann")
    assert ann is not None
    old = await key(ann, "a" * 64, workspace_id=ledger.workspace)

    async def delete():
        async with ledger.db.write() as connection:
            await workspaces.delete_workspace(connection, ledger.workspace, clock())

    async with ledger.db.write() as connection:
        retired = await api_keys.retire_key(connection, ann.id, old, clock())
        assert retired is not None
        deleting = asyncio.create_task(delete())
        # Postgres has it wait for the workspace, and SQLite for the writer; either way it has not ended.
        done, _ = await asyncio.wait([deleting], timeout=0.3)
        assert not done
        await api_keys.insert_key(connection, replace(retired, id=new_id(clock()), revoked_at=None), "b" * 64)
    await deleting
    async with ledger.db.read() as connection:
        assert await api_keys.find_key(connection, "b" * 64, clock()) is None


async def test_when_a_key_was_last_used_is_kept(db, someone, key, clock):
    ann = await someone()
    key_id = await key(ann, "a" * 64)
    async with db.write() as connection:
        await api_keys.mark_used(connection, {})
        await api_keys.mark_used(connection, {key_id: clock(), "unknown": clock()})
        (row,) = await api_keys.list_keys(connection, ann.id)
    assert row.last_used_at == clock()


async def test_an_epoch_raised_by_one_process_is_seen_by_another_within_its_second(db, db_url, clock):
    other, seen = Database(db_url), []
    watch = Epoch(other, clock)
    watch.on_change(lambda: seen.append(clock()))
    await watch.check()
    seen.clear()
    async with db.write() as connection:
        await raise_epoch(connection)
    await watch.check()
    assert seen == []
    clock.move(seconds=1)
    await watch.check()
    assert seen == [clock()]
    clock.move(seconds=1)
    await watch.check()
    assert len(seen) == 1
    await other.close()


async def test_an_epoch_raised_in_a_write_that_is_undone_was_not_raised(db, clock, check_undone):
    watch, seen = Epoch(db, clock), []
    await watch.check()
    watch.on_change(lambda: seen.append(1))
    await check_undone(db, raise_epoch)
    clock.move(seconds=1)
    await watch.check()
    assert seen == []


async def test_the_epoch_may_be_raised_for_the_first_time_by_several_at_once(db):
    async def once():
        async with db.write() as connection:
            await raise_epoch(connection)

    await asyncio.gather(*(once() for _ in range(4)))
    async with db.read() as connection:
        assert (await connection.execute(sa.select(epoch.c.id, epoch.c.value))).all() == [(1, 4)]


async def test_an_epoch_is_looked_at_although_the_clock_was_set_back(db, clock):
    watch, seen = Epoch(db, clock), []
    await watch.check()
    watch.on_change(lambda: seen.append(True))
    async with db.write() as connection:
        await raise_epoch(connection)
    clock.move(hours=-1)
    await watch.check()
    assert seen == [True]
