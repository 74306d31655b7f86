"""The commands for users: passwords, plans, invitations."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from auth.accounts.passwords import Passwords
from server.config import Settings
from server.store.db import Database
from server.store.record.people.accounts import find_user
from server.store.record.people.sessions import find_session, insert_session
from server.store.tables.accounts import accounts
from tests.helpers.clock import Clock
from tests.helpers.programs.commands import PASSWORD
from tests.helpers.site import QUICK


@pytest.mark.usefixtures("ann")
def test_lists_show_users_and_keys_but_no_secret(cli):
    secret = cli("key", "create", "--user", "ann", "--name", "laptop", "--days", 30, "--quiet").stdout.strip()
    listed = cli("key", "list", "--user", "ann").stdout
    assert "laptop" in listed
    assert secret not in listed
    assert "ann" in cli("user", "list").stdout


@pytest.mark.usefixtures("ann")
def test_a_plan_is_given_and_taken_back(cli, tmp_path, monkeypatch):
    async def read_plan():
        db = Database(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'loci.db'}")
        async with db.read() as connection:
            found = (await connection.execute(sa.select(accounts.c.plan))).scalar_one()
        await db.close()
        return found

    monkeypatch.setenv("LOCI_PLANS", '{"free": {"memories": 100}, "pro": {}}')
    assert "The plan of ann is pro." in cli("user", "set-plan", "ann", "pro").stderr
    assert re.search(r"ann\W+yes\W+pro\b", cli("user", "list").stdout)
    assert asyncio.run(read_plan()) == "pro"
    refused = cli("user", "set-plan", "ann", "gold")
    assert (refused.exit_code, "there are: free, pro" in refused.stderr) == (1, True)
    assert "none: nothing is limited" in cli("user", "set-plan", "ann").stderr
    assert asyncio.run(read_plan()) is None


@pytest.mark.usefixtures("ann")
def test_a_time_zone_is_set_and_taken_back(cli):
    assert "The time zone of ann is Europe/Berlin." in cli("user", "set-time-zone", "ann", "Europe/Berlin").stderr
    assert json.loads(cli("user", "list", "--json").stdout)[0]["time_zone"] == "Europe/Berlin"
    refused = cli("user", "set-time-zone", "ann", "Berlin")
    assert (refused.exit_code, "like Europe/Berlin, or UTC" in refused.stderr) == (1, True)
    assert "The time zone of ann is UTC." in cli("user", "set-time-zone", "ann").stderr
    assert json.loads(cli("user", "list", "--json").stdout)[0]["time_zone"] is None


@pytest.mark.usefixtures("ann")
def test_a_new_password_takes_the_old_ones_place(cli, tmp_path):
    cli("user", "set-password", "ann", "--password-stdin", stdin="another good password\n")

    async def verify(password):
        db = Database(f"sqlite+aiosqlite:///{tmp_path / 'data/loci.db'}")
        async with db.read() as connection:
            user = await find_user(connection, "ann")
        await db.close()
        assert user is not None
        return await Passwords(QUICK).verify(user.password_hash, password)

    assert asyncio.run(verify("another good password"))
    assert not asyncio.run(verify(PASSWORD.strip()))


@pytest.mark.usefixtures("ann")
def test_a_new_password_ends_the_browser_sessions_of_its_user_alone(cli, tmp_path):
    cli("user", "add", "bob", "--password-stdin", stdin=PASSWORD)
    now = Clock()()

    async def list_sessions():
        db = Database(Settings(data_dir=tmp_path / "data").sqlalchemy_url)
        try:
            async with db.write() as connection:
                for name in ("ann", "bob"):
                    user = await find_user(connection, name)
                    assert user is not None
                    ends = now + timedelta(days=1)
                    await insert_session(connection, id_hash=name, user_id=user.id, now=now, expires_at=ends)
            changed = await asyncio.to_thread(
                cli, "user", "set-password", "ann", "--password-stdin", stdin="another good password\n"
            )
            assert changed.exit_code == 0, changed.output
            async with db.read() as connection:
                return [name for name in ("ann", "bob") if await find_session(connection, name, now)]
        finally:
            await db.close()

    assert asyncio.run(list_sessions()) == ["bob"]


@pytest.mark.usefixtures("ann")
def test_a_taken_name_is_refused_before_a_password_is_asked_for(cli):
    assert "already a user" in cli("user", "add", "ann").stderr


def test_a_person_is_invited_only_where_the_setting_says_so(cli, monkeypatch):
    assert "LOCI_SIGNUP" in cli("user", "invite").stderr
    monkeypatch.setenv("LOCI_SIGNUP", "invite")
    assert cli("user", "invite").stdout.startswith("http://127.0.0.1:8080/signup?")
