"""Which workspace a name means, and how soon what is remembered of it is forgotten."""

import asyncio

import pytest

from server.errors import Failure
from server.store.db import Database
from server.store.directory import Directory
from server.store.epoch import Epoch, raise_epoch
from server.store.record import workspaces
from server.store.record.people import accounts
from server.store.record.people.plans import Plans
from tools.core.store_refusals import refusals_as_failures

pytestmark = pytest.mark.anyio

NO_PLANS = Plans({}, "")


class Slow(Database):
    """A record whose next read is answered late: what it saw is old by then."""

    gate = None

    def read(self):
        return self._late(super().read())

    def _late(self, reading):
        gate, self.gate = self.gate, None
        if gate is None:
            return reading
        return Late(reading, gate)


class Late:
    def __init__(self, reading, gate):
        self.reading, self.gate = reading, gate

    async def __aenter__(self):
        return await self.reading.__aenter__()

    async def __aexit__(self, *error):
        await self.reading.__aexit__(*error)
        await self.gate()


@pytest.fixture
def epoch(db, clock):
    return Epoch(db, clock)


@pytest.fixture
def directory(db, clock, epoch):
    return Directory(db, clock, epoch, NO_PLANS)


async def test_a_bare_name_is_the_accounts_and_no_name_is_the_users_default(ledger, directory):
    assert await directory.locate_workspace(ledger.user, ledger.account, "notes") == (ledger.account, "notes")
    assert await directory.locate_workspace(ledger.user, ledger.account, None) == (ledger.account, "default")


async def test_another_accounts_name_needs_membership(ledger, directory, clock):
    async with ledger.db.write() as connection:
        bob = await accounts.create_user(connection, name="bob", password_hash=None, is_admin=False, now=clock())
    assert await directory.locate_workspace(bob.id, bob.account_id, "bob/notes") == (bob.account_id, "notes")
    for name in ("ann/notes", "nobody/notes", "/notes"):
        with pytest.raises(Failure, match="no workspace") as refused, refusals_as_failures():
            await directory.locate_workspace(bob.id, bob.account_id, name)
        assert refused.value.code == "not_found"


async def test_a_workspace_is_read_once_and_then_remembered(ledger, directory):
    found = await directory.find_workspace(ledger.account, "default")
    assert found.id == ledger.workspace
    assert await directory.find_workspace(ledger.account, "default") is found
    assert await directory.get_workspace(ledger.workspace) is found
    assert await directory.ensure_workspace(ledger.account, "default", 0) == (found, False)


async def test_a_missing_workspace_is_not_remembered_as_missing(ledger, directory):
    assert await directory.find_workspace(ledger.account, "notes") is None
    made, created = await directory.ensure_workspace(ledger.account, "notes", 0)
    assert created
    assert await directory.find_workspace(ledger.account, "notes") is made


async def test_a_deleted_workspace_is_forgotten_at_once(ledger, directory):
    found = await directory.find_workspace(ledger.account, "default")
    await directory.delete_workspace(found)
    assert await directory.find_workspace(ledger.account, "default") is None
    assert await directory.get_workspace(ledger.workspace) is None
    again, created = await directory.ensure_workspace(ledger.account, "default", 0)
    assert created
    assert again.id != found.id


async def test_what_another_process_deleted_is_forgotten_with_the_epoch(ledger, directory, epoch, clock):
    assert await directory.get_workspace(ledger.workspace)
    await epoch.check()
    assert await directory.get_workspace(ledger.workspace)
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
        await raise_epoch(connection)
    clock.move(seconds=1)
    await epoch.check()
    assert await directory.get_workspace(ledger.workspace) is None


@pytest.mark.parametrize("how", ["find_workspace", "get_workspace"])
async def test_a_read_that_a_deletion_overtook_is_not_remembered(ledger, db_url, clock, gate, how):
    slow = Slow(db_url)
    directory = Directory(slow, clock, Epoch(slow, clock), NO_PLANS)
    asked = (ledger.account, "default") if how == "find_workspace" else (ledger.workspace,)
    async with ledger.db.read() as connection:
        found = await workspaces.get_workspace(connection, ledger.workspace)
    assert found is not None
    slow.gate = gate
    reading = asyncio.create_task(getattr(directory, how)(*asked))
    await gate.reached.wait()
    await directory.delete_workspace(found)
    gate.opened.set()
    assert await reading == found  # it was there when it was asked
    assert await directory.find_workspace(ledger.account, "default") is None
    assert await directory.get_workspace(ledger.workspace) is None
    await slow.close()


async def test_what_is_remembered_is_bounded(ledger, clock, epoch, monkeypatch):
    monkeypatch.setattr("server.store.directory.REMEMBERED", 3)
    directory = Directory(ledger.db, clock, epoch, NO_PLANS)
    first, _ = await directory.ensure_workspace(ledger.account, "w", 0)
    assert await directory.find_workspace(ledger.account, "w") is first
    for number in range(3):
        await directory.ensure_workspace(ledger.account, f"w{number}", 0)
    assert await directory.find_workspace(ledger.account, "w") is not first
    assert await directory.find_workspace(ledger.account, "w") == first
