"""The settings of a workspace in the record, and in every process that remembers the workspace."""

import asyncio

import pytest
import sqlalchemy as sa

from server.memory.settings import DEFAULTS
from server.store.db import Database
from server.store.directory import Directory
from server.store.epoch import Epoch, raise_epoch
from server.store.record import settings, workspaces
from server.store.record.people.plans import Plans

pytestmark = pytest.mark.anyio


async def change(ledger, key, value, workspace=None):
    async with ledger.db.write() as connection:
        await settings.change_setting(connection, workspace or ledger.workspace, key, value, ledger.now())


async def load_stored_settings(ledger):
    async with ledger.db.read() as connection:
        return await settings.load_settings(connection, ledger.workspace)


async def test_a_new_workspace_keeps_nothing_and_has_the_defaults(ledger):
    assert await load_stored_settings(ledger) == settings.StoredSettings(DEFAULTS, {})
    assert await ledger.row("settings", "settings_set_at") == (None, None)


async def test_what_is_set_is_kept_with_its_time_and_nothing_else_is(ledger, clock):
    await change(ledger, "recall_alpha", 0.7)
    first = clock()
    clock.move(hours=1)
    await change(ledger, "half_lives", {"fact": 30.0})
    found = await load_stored_settings(ledger)
    assert found.settings == DEFAULTS.model_copy(update={"recall_alpha": 0.7, "half_lives": {"fact": 30.0}})
    assert found.set_at == {"recall_alpha": first, "half_lives": clock()}
    assert await ledger.row("settings") == ({"recall_alpha": 0.7, "half_lives": {"fact": 30.0}},)


async def test_what_is_reset_is_as_if_it_had_never_been_set(ledger):
    await change(ledger, "recall_alpha", 0.7)
    for _ in range(2):
        await change(ledger, "recall_alpha", None)
        assert await ledger.row("settings", "settings_set_at") == (None, None)
    assert (await load_stored_settings(ledger)).settings == DEFAULTS


async def test_of_two_changes_at_once_neither_undoes_the_other(ledger):
    values = {"recall_alpha": 0.7, "recall_threshold": 0.2, "language": "german", "half_life_days": 3.0}
    await asyncio.gather(*(change(ledger, key, value) for key, value in values.items()))
    assert await ledger.row("settings") == (values,)


async def test_a_change_that_is_undone_with_its_transaction_sets_nothing(ledger, check_undone):
    await check_undone(
        ledger.db, lambda c: settings.change_setting(c, ledger.workspace, "recall_alpha", 0.7, ledger.now())
    )
    assert await load_stored_settings(ledger) == settings.StoredSettings(DEFAULTS, {})


async def test_a_workspace_that_is_not_there_has_the_defaults_and_takes_no_setting(ledger, clock):
    async with ledger.db.write() as connection:
        await workspaces.delete_workspace(connection, ledger.workspace, clock())
    assert await load_stored_settings(ledger) == settings.StoredSettings(DEFAULTS, {})
    with pytest.raises(workspaces.WorkspaceGone):
        await change(ledger, "recall_alpha", 0.7)


async def test_whoever_finds_a_workspace_finds_its_settings(ledger):
    await change(ledger, "recall_alpha", 0.7)
    async with ledger.db.write() as connection:
        found = [
            await workspaces.find_workspace(connection, ledger.account, "default"),
            await workspaces.get_workspace(connection, ledger.workspace),
            (await workspaces.ensure_workspace(connection, ledger.account, "default", 0, ledger.now()))[0],
            *await workspaces.list_workspaces(connection, ledger.account),
        ]
        other, _ = await workspaces.ensure_workspace(connection, ledger.account, "other", 0, ledger.now())
    assert [each.settings.recall_alpha for each in found] == [0.7] * 4
    assert other.settings == DEFAULTS


async def test_another_process_sees_a_change_with_the_epoch(ledger, db_url, clock):
    other = Database(db_url)
    epoch = Epoch(other, clock)
    directory = Directory(other, clock, epoch, Plans({}, ""))
    await epoch.check()
    before = await directory.get_workspace(ledger.workspace)
    assert before is not None
    assert before.settings == DEFAULTS
    async with ledger.db.write() as connection:
        await settings.change_setting(connection, ledger.workspace, "language", "german", clock())
        await raise_epoch(connection)
    clock.move(seconds=1)
    await epoch.check()
    for found in (
        await directory.get_workspace(ledger.workspace),
        await directory.find_workspace(ledger.account, "default"),
    ):
        assert found is not None
        assert found.settings.language == "german"
    await other.close()


async def test_a_setting_survives_that_the_workspace_is_written_to(ledger):
    await change(ledger, "recall_alpha", 0.7)
    await ledger.store("x")
    async with ledger.db.read() as connection:
        text = (await connection.execute(sa.text("SELECT settings FROM workspaces"))).scalar_one()
    assert "0.7" in str(text)
