"""The commands for API keys, alone and beside a server."""

import asyncio
import re

import pytest
import sqlalchemy as sa

from server.config import Settings
from server.memory.embedding_model import Model
from server.store.db import Database
from server.store.record.works import generations
from server.store.tables.accounts import workspaces
from tests.helpers.clock import Clock
from tests.helpers.programs.commands import PASSWORD, run_command
from tests.helpers.site import open_site


def test_a_key_made_quietly_is_alone_on_standard_output(tmp_path):
    added = run_command("user", "add", "ann", "--admin", "--password-stdin", data_dir=tmp_path, stdin=PASSWORD)
    assert (added.returncode, added.stdout) == (0, "")
    made = run_command(
        "key", "create", "--user", "ann", "--scopes", "memory:read,memory:write", "--quiet", data_dir=tmp_path
    )
    assert made.stdout.startswith("mp_live_")
    assert (len(made.stdout.strip()), made.stdout.count("\n"), made.stderr) == (40, 1, "")


def test_users_and_keys_can_be_made_while_the_server_runs(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)

    async def run_beside_server():
        async with open_site(settings, Clock()) as site:
            added = await asyncio.to_thread(cli, "user", "add", "ann", "--password-stdin", stdin=PASSWORD)
            assert added.exit_code == 0, added.output
            made = await asyncio.to_thread(cli, "key", "create", "--user", "ann", "--scopes", "memory:write", "--quiet")
            http = site.client(made.stdout.strip())
            answer = await http.post("/v1/memories", json={"content": "made while the server runs"})
            assert answer.status_code == 201

    asyncio.run(run_beside_server())


def test_a_key_revoked_on_the_command_line_ends_in_a_running_server_within_its_second(cli, tmp_path):
    settings, clock = Settings(data_dir=tmp_path / "data", embedding_model="none"), Clock()

    async def run_beside_server():
        async with open_site(settings, clock) as site:
            ann = await site.add_person("ann")
            assert (await ann.http.get("/v1/keys")).status_code == 200
            (key,) = (await ann.http.get("/v1/keys")).json()["keys"]
            revoked = await asyncio.to_thread(cli, "key", "revoke", "--user", "ann", key["id"])
            assert revoked.exit_code == 0, revoked.output
            clock.move(seconds=1)
            assert (await ann.http.get("/v1/keys")).status_code == 401

    asyncio.run(run_beside_server())


@pytest.mark.usefixtures("ann")
def test_an_admin_may_have_an_admin_key_and_nobody_else(cli):
    assert cli("key", "create", "--user", "ann", "--scopes", "admin", "--quiet").exit_code == 0
    cli("user", "add", "bob", "--password-stdin", stdin=PASSWORD)
    refused = cli("key", "create", "--user", "bob", "--scopes", "admin", "--quiet")
    assert (refused.exit_code, refused.stdout) == (1, "")


@pytest.mark.usefixtures("ann")
def test_a_key_for_a_workspace_that_is_one_too_many_is_refused_and_nothing_is_made(cli, monkeypatch):
    monkeypatch.setenv("LOCI_PLANS", '{"free": {"workspaces": 1}}')
    monkeypatch.setenv("LOCI_DEFAULT_PLAN", "free")
    bound = ("key", "create", "--user", "ann", "--quiet", "--workspace")
    assert cli(*bound, "one").stdout.startswith("mp_live_")
    assert cli(*bound, "one").stdout.startswith("mp_live_")
    refused = cli(*bound, "two")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "1 of the 1 that its plan, free, allows" in refused.stderr
    assert cli("key", "list", "--user", "ann").stdout.count("mp_live_") == 2


@pytest.mark.usefixtures("ann")
def test_a_key_for_tests_says_so(cli):
    assert cli("key", "create", "--user", "ann", "--test", "--quiet").stdout.startswith("mp_test_")


@pytest.mark.usefixtures("ann")
def test_a_workspace_that_is_made_with_a_key_has_vectors_from_its_first_memory_on(cli, tmp_path):
    async def read_generations():
        db = Database(Settings(data_dir=tmp_path / "data").sqlalchemy_url)
        try:
            async with db.write() as connection:
                model = Model("m", "0" * 64, 3, 256, "x")
                newest = await generations.ensure_generation(connection, model, Clock()())
            await asyncio.to_thread(cli, "key", "create", "--user", "ann", "--workspace", "notes", "--quiet")
            async with db.read() as connection:
                return newest, (await connection.execute(sa.select(workspaces.c.generation))).scalar_one()
        finally:
            await db.close()

    newest, made_with = asyncio.run(read_generations())
    assert made_with == newest > 0


@pytest.mark.usefixtures("ann")
def test_a_listed_key_can_be_revoked_by_what_is_shown(cli):
    cli("key", "create", "--user", "ann", "--name", "a long name for a key that takes room", "--quiet")
    shown = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", cli("key", "list", "--user", "ann").stdout)
    assert shown is not None
    assert cli("key", "revoke", "--user", "ann", shown.group()).exit_code == 0
