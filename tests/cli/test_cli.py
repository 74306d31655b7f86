"""The command line: what scripts outside rely on, and what a person is told when something is wrong."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import respx
import sqlalchemy as sa
import typer
from huggingface_hub import constants
from typer.testing import CliRunner

from auth.accounts.passwords import Passwords
from server.background.work import Outcome
from server.background.works import WORKS
from server.cli import app, users
from server.cli.serving.listen import listen
from server.config import Settings
from server.memory.embedding_model import Model
from server.store.data_folder import OWNER_ONLY
from server.store.db import Database
from server.store.record import generations
from server.store.record.people.accounts import find_user
from server.store.record.people.sessions import find_session_user, insert_session
from server.store.search.folder_ownership import FolderOwnership
from server.store.tables.accounts import accounts, workspaces
from tests.doubles import tiny_cross_encoder
from tests.helpers.clock import Clock
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, fake_web
from tests.helpers.site import QUICK, site_at

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery\n"


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Runs a command on a data folder of its own, without a model; the commands of `subprocess_run` hash in earnest."""
    monkeypatch.setattr(users, "PasswordHasher", lambda: QUICK)
    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")

    def run(*arguments, given=""):
        return CliRunner().invoke(app, [str(each) for each in arguments], input=given)

    return run


@pytest.fixture
def ann(cli):
    assert cli("user", "add", "ann", "--admin", "--password-stdin", given=PASSWORD).exit_code == 0


def subprocess_run(*arguments, data_dir, given="", **settings):
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        env=os.environ | {"LOCI_DATA_DIR": str(data_dir), "LOCI_EMBEDDING_MODEL": "none"} | settings,
        input=given,
        text=True,
        capture_output=True,
        check=False,
    )


def test_a_key_made_quietly_is_alone_on_standard_output(tmp_path):
    added = subprocess_run("user", "add", "ann", "--admin", "--password-stdin", data_dir=tmp_path, given=PASSWORD)
    assert (added.returncode, added.stdout) == (0, "")
    made = subprocess_run(
        "key", "create", "--user", "ann", "--scopes", "memory:read,memory:write", "--quiet", data_dir=tmp_path
    )
    assert made.stdout.startswith("mp_live_")
    assert (len(made.stdout.strip()), made.stdout.count("\n"), made.stderr) == (40, 1, "")


def test_users_and_keys_can_be_made_while_the_server_runs(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)

    async def meanwhile():
        async with site_at(settings, Clock()) as site:
            added = await asyncio.to_thread(cli, "user", "add", "ann", "--password-stdin", given=PASSWORD)
            assert added.exit_code == 0, added.output
            made = await asyncio.to_thread(cli, "key", "create", "--user", "ann", "--scopes", "memory:write", "--quiet")
            http = site.client(made.stdout.strip())
            answer = await http.post("/v1/memories", json={"content": "made while the server runs"})
            assert answer.status_code == 201

    asyncio.run(meanwhile())


def test_a_worker_beside_a_server_on_the_embedded_engine_is_told_what_it_needs(cli, tmp_path):
    (tmp_path / "data").mkdir()
    with FolderOwnership.acquire(tmp_path / "data"):
        refused = cli("worker")
    assert refused.exit_code == 1
    assert f"Process {os.getpid()} already serves" in refused.output
    assert "set LOCI_QDRANT_URL" in refused.output


def test_a_key_revoked_on_the_command_line_ends_in_a_running_server_within_its_second(cli, tmp_path):
    settings, clock = Settings(data_dir=tmp_path / "data", embedding_model="none"), Clock()

    async def meanwhile():
        async with site_at(settings, clock) as site:
            ann = await site.person("ann")
            assert (await ann.http.get("/v1/keys")).status_code == 200
            (key,) = (await ann.http.get("/v1/keys")).json()["keys"]
            revoked = await asyncio.to_thread(cli, "key", "revoke", "--user", "ann", key["id"])
            assert revoked.exit_code == 0, revoked.output
            clock.move(seconds=1)
            assert (await ann.http.get("/v1/keys")).status_code == 401

    asyncio.run(meanwhile())


@pytest.mark.usefixtures("ann")
def test_an_admin_may_have_an_admin_key_and_nobody_else(cli):
    assert cli("key", "create", "--user", "ann", "--scopes", "admin", "--quiet").exit_code == 0
    cli("user", "add", "bob", "--password-stdin", given=PASSWORD)
    refused = cli("key", "create", "--user", "bob", "--scopes", "admin", "--quiet")
    assert (refused.exit_code, refused.stdout) == (1, "")


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    ("command", "given", "told"),
    [
        (("user", "add", "ann", "--password-stdin"), PASSWORD, "already a user"),
        (("user", "add", "bob", "--password-stdin"), "short\n", "8 to 1000"),
        (("user", "add", "a/b", "--password-stdin"), PASSWORD, "letters, digits"),
        (("user", "set-password", "nobody", "--password-stdin"), PASSWORD, "no user"),
        (("user", "add", "bob"), PASSWORD * 2, "Give the password with --password-stdin."),
        (("user", "set-password", "ann"), PASSWORD * 2, "Give the password with --password-stdin."),
        (("backup", "new.loci", "--encrypt"), PASSWORD * 2, "Give the password with --password-file FILE."),
        (("user", "set-plan", "nobody", "pro"), "", "no user"),
        (("user", "set-plan", "ann", "pro"), "", "no plan 'pro'; LOCI_PLANS names none"),
        (("key", "create", "--user", "nobody"), "", "no user"),
        (("key", "create", "--user", "ann", "--scopes", "everything"), "", "Unknown scope"),
        (("key", "create", "--user", "ann", "--scopes", ","), "", "Unknown scope"),
        (("key", "revoke", "--user", "ann", "nothing"), "", "no active key"),
        (("reindex", "--workspace", "nothing"), "", "no workspace"),
        (("golden", "--user", "nobody"), "", "`loci user list` shows them"),
        (("webhook", "retry", "nothing"), "", "There is no event nothing that was not delivered. `loci webhook list`"),
        (("webhook", "test"), "", "LOCI_WEBHOOK_URL is not set. Set it, and LOCI_WEBHOOK_SECRET"),
        (("golden", "--workspace", "notes"), "", "Whose workspace"),
        (("golden", "--workspace", "nobody/notes"), "", "no account"),
        (("golden", "--user", "ann", "--workspace", "nobody/notes"), "", "no account"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_one(cli, command, given, told):
    result = cli(*command, given=given)
    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("ann")
def test_a_plan_is_given_and_taken_back(cli, tmp_path, monkeypatch):
    async def plan():
        db = Database(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'loci.db'}")
        async with db.read() as connection:
            found = (await connection.execute(sa.select(accounts.c.plan))).scalar_one()
        await db.close()
        return found

    monkeypatch.setenv("LOCI_PLANS", '{"free": {"memories": 100}, "pro": {}}')
    assert "The plan of ann is pro." in cli("user", "set-plan", "ann", "pro").stderr
    assert re.search(r"ann\W+yes\W+pro\b", cli("user", "list").stdout)
    assert asyncio.run(plan()) == "pro"
    refused = cli("user", "set-plan", "ann", "gold")
    assert (refused.exit_code, "there are: free, pro" in refused.stderr) == (1, True)
    assert "none: nothing is limited" in cli("user", "set-plan", "ann").stderr
    assert asyncio.run(plan()) is None


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
def test_lists_show_users_and_keys_but_no_secret(cli):
    secret = cli("key", "create", "--user", "ann", "--name", "laptop", "--days", 30, "--quiet").stdout.strip()
    listed = cli("key", "list", "--user", "ann").stdout
    assert "laptop" in listed
    assert secret not in listed
    assert "ann" in cli("user", "list").stdout


@pytest.mark.usefixtures("ann")
def test_a_new_password_takes_the_old_ones_place(cli, tmp_path):
    cli("user", "set-password", "ann", "--password-stdin", given="another good password\n")

    async def verified(password):
        db = Database(f"sqlite+aiosqlite:///{tmp_path / 'data/loci.db'}")
        async with db.read() as connection:
            user = await find_user(connection, "ann")
        await db.close()
        assert user is not None
        return await Passwords(QUICK).verify(user.password_hash, password)

    assert asyncio.run(verified("another good password"))
    assert not asyncio.run(verified(PASSWORD.strip()))


def test_a_second_server_on_a_folder_is_refused_with_the_owners_process(tmp_path):
    with FolderOwnership.acquire(tmp_path):
        second = subprocess_run("serve", data_dir=tmp_path)
    assert second.returncode == 1
    assert str(os.getpid()) in second.stderr
    assert "Traceback" not in second.stderr


def test_reindex_without_a_server_does_the_work_itself(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")

    async def fill():
        async with site_at(settings, Clock()) as site:
            await (await site.person("ann")).store("a heron by the pond")

    asyncio.run(fill())
    done = cli("reindex")
    assert done.exit_code == 0
    assert "1 workspace" in done.stderr


def test_reindex_beside_a_server_is_done_by_the_server(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")

    async def meanwhile():
        async with site_at(settings, Clock()) as site:
            ann = await site.person("ann")
            memory_id = await ann.store("a heron by the pond")
            done = await asyncio.to_thread(cli, "reindex")
            assert (done.exit_code, "1 workspace" in done.stderr) == (0, True), done.output
            found = (await ann.http.post("/v1/search", json={"query": "heron"})).json()
            assert [each["id"] for each in found["memories"]] == [memory_id]

    asyncio.run(meanwhile())


@pytest.mark.parametrize("what", ["decay", "consolidate"])
def test_a_tick_is_done_now_by_the_command_or_by_the_server(cli, tmp_path, what):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")

    async def merged(person):
        report = (await person.http.get("/v1/health")).json()["memories"]
        return report["active"], report["consolidated"]

    async def meanwhile():
        async with site_at(settings, Clock()) as site:
            ann = await site.person("ann")
            for n in range(3):
                await ann.store(f"heron {n}", tags=["heron"])
            done = await asyncio.to_thread(cli, "tick", what)
            assert (done.exit_code, "1 workspace(s) done" in done.stderr) == (0, True), done.output
            assert await merged(ann) == ((1, 3) if what == "consolidate" else (3, 0))

    asyncio.run(meanwhile())
    done = cli("tick", what)
    assert (done.exit_code, "1 workspace(s) done" in done.stderr) == (0, True), done.output


def test_a_tick_that_fails_in_a_workspace_says_so(cli, ann, monkeypatch):  # noqa: ARG001 - ann makes the record
    async def failing(*_):
        return Outcome(3, 1, "01980000: OperationalError")

    monkeypatch.setitem(WORKS, "decay", replace(WORKS["decay"], handler=failing))
    done = cli("tick", "decay")
    assert done.exit_code == 1
    assert "It failed in 1 of 3 workspaces, first in 01980000: OperationalError" in " ".join(done.stderr.split())
    assert cli("tick", "sleep").exit_code == 2


@pytest.fixture
def golden_site(tmp_path):
    """A server on the commands' data folder: ann has a case that passes and one that fails, bob one that passes."""

    @asynccontextmanager
    async def opened():
        async with site_at(Settings(data_dir=tmp_path / "data", embedding_model="none"), Clock()) as site:
            for name in ("ann", "bob"):
                person = await site.person(name)
                memory_id = await person.store("a heron by the pond")
                await person.http.post("/v1/golden", json={"query": "heron", "memory_id": memory_id})
                if name == "ann":
                    await person.http.post("/v1/golden", json={"query": "pond", "text": "an egret"})
            yield site

    return opened


FAILING = "ann/default: 'pond': 'an egret' should be recalled within 10; not found\n"


def test_golden_without_a_server_prints_what_fails_and_nothing_else(golden_site, tmp_path):
    async def fill():
        async with golden_site():
            pass

    asyncio.run(fill())
    failed = subprocess_run("golden", data_dir=tmp_path / "data")
    assert (failed.returncode, failed.stdout) == (1, FAILING), failed.stderr
    assert "1 of 3 golden cases failed" in failed.stderr
    assert "by keyword only" in failed.stderr


def test_golden_beside_a_server_is_done_by_the_server(cli, golden_site):
    async def meanwhile():
        async with golden_site():
            failed = await asyncio.to_thread(cli, "golden")
            assert (failed.exit_code, failed.stdout) == (1, FAILING), failed.output
            for arguments in (
                ("--user", "bob"),
                ("--workspace", "bob/default"),
                ("--user", "bob", "--workspace", "default"),
            ):
                passed = await asyncio.to_thread(cli, "golden", *arguments)
                assert (passed.exit_code, passed.stdout) == (0, ""), passed.output
                assert "All 1 golden cases passed" in passed.stderr

    asyncio.run(meanwhile())


@pytest.mark.usefixtures("ann")
def test_golden_without_cases_has_nothing_to_fail(cli):
    for arguments in ((), ("--user", "ann"), ("--workspace", "ann/none")):
        done = cli("golden", *arguments)
        assert (done.exit_code, done.stdout) == (0, "")
        assert "no golden cases" in done.stderr


ENDPOINT = {"LOCI_EMBEDDING_URL": "https://embed.test/v1", "LOCI_EMBEDDING_MODEL": "m"}


@pytest.fixture
def endpoint(cli, monkeypatch):  # noqa: ARG001 - after it has set that there is no model
    """An embedding endpoint that the commands are set to use."""
    for name, value in (ENDPOINT | {"LOCI_EMBEDDING_API_KEY": "sk-hunter2"}).items():
        monkeypatch.setenv(name, value)

    def embedded(request):
        texts = json.loads(request.content)["input"]
        return httpx.Response(200, json={"data": [{"index": n, "embedding": [len(t), 1]} for n, t in enumerate(texts)]})

    with respx.mock(assert_all_called=False) as web:
        web.route(host="127.0.0.1").pass_through()
        yield web.post("https://embed.test/v1/embeddings").mock(side_effect=embedded)


@pytest.mark.usefixtures("endpoint")
def test_backfill_beside_a_server_is_done_by_the_server(cli, tmp_path):
    data_dir = tmp_path / "data"
    without = Settings(data_dir=data_dir, embedding_model="none", embedding_url="")
    settings = Settings(data_dir=data_dir, embedding_url=ENDPOINT["LOCI_EMBEDDING_URL"], embedding_model="m")

    async def meanwhile():
        async with site_at(without, Clock()) as site:
            await (await site.person("ann")).store("a heron by the pond")
        async with site_at(settings, Clock()):
            return await asyncio.to_thread(cli, "backfill")

    done = asyncio.run(meanwhile())
    assert done.exit_code == 0, done.output
    assert "Each of 1 memories has its vectors" in done.stderr


def test_backfill_without_a_model_says_so_and_fails(cli, tmp_path):
    refused = cli("backfill")
    assert (refused.exit_code, "LOCI_EMBEDDING_MODEL is none" in refused.stderr) == (1, True), refused.output

    async def meanwhile():
        async with site_at(Settings(data_dir=tmp_path / "data", embedding_model="none"), Clock()):
            return await asyncio.to_thread(cli, "backfill")

    refused = asyncio.run(meanwhile())
    assert (refused.exit_code, "LOCI_EMBEDDING_MODEL is none" in refused.stderr) == (1, True), refused.output


def test_backfill_says_how_many_texts_the_model_refuses(cli, tmp_path, endpoint):
    async def fill():
        without = Settings(data_dir=tmp_path / "data", embedding_model="none", embedding_url="")
        async with site_at(without, Clock()) as site:
            ann = await site.person("ann")
            await ann.store("a heron by the pond")
            await ann.store("too strange")

    asyncio.run(fill())
    good = endpoint.side_effect
    endpoint.side_effect = lambda asked: httpx.Response(400) if b"strange" in asked.content else good(asked)
    done = cli("backfill")
    assert done.exit_code == 0, done.output
    assert "1 of 2 memories are still without vectors" in " ".join(done.stderr.split())


def test_doctor_asks_the_embedding_endpoint_and_never_shows_its_key(cli, monkeypatch, endpoint):
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    assert "m at https://embed.test/v1, 2 dimensions" in " ".join(cli("doctor").stderr.split())
    endpoint.mock(side_effect=httpx.Response(401, text="sk-hunter2"))
    told = " ".join(cli("doctor").stderr.split())
    assert "answered 401 Unauthorized; check LOCI_EMBEDDING_API_KEY" in told
    assert "hunter2" not in told


def test_doctor_looks_for_the_cross_encoder_that_is_set(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LOCI_RERANK_MODEL", tiny_cross_encoder.NAME)
    assert f"{tiny_cross_encoder.NAME}: not pulled yet" in " ".join(cli("doctor").stderr.split())
    tiny_cross_encoder.put_in(tmp_path / "data" / "models")
    assert f"cross-encoder: {tiny_cross_encoder.NAME}" in " ".join(cli("doctor").stderr.split())


@pytest.mark.usefixtures("endpoint")
def test_pulling_models_leaves_the_endpoints_alone_and_says_what_is_missing_of_the_rest(cli, monkeypatch):
    assert cli("model", "pull", "--strict").exit_code == 0
    assert cli("model", "pull").stderr.startswith("No model is wanted")
    monkeypatch.setenv("LOCI_RERANK_MODEL", tiny_cross_encoder.NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused = cli("model", "pull", "--strict")
    assert refused.exit_code == 1
    assert f"The cross-encoder {tiny_cross_encoder.NAME} could not be fetched" in " ".join(refused.stderr.split())
    assert cli("model", "pull").exit_code == 0


def test_doctor_names_what_is_wrong_and_what_to_do(cli, monkeypatch):
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "auto")
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    result = cli("doctor")
    told = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert "model pull" in told
    assert "does not answer" in told
    assert "Start it" in told


def test_doctor_finds_nothing_wrong_with_a_server_that_runs(cli, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")
    os.umask(OWNER_ONLY)  # as `serve` has it

    async def meanwhile():
        async with site_at(settings, Clock()) as site:
            monkeypatch.setenv("LOCI_PUBLIC_URL", site.url)
            monkeypatch.setenv("LOCI_PORT", "0")  # 8080 may be another program's
            return await asyncio.to_thread(cli, "doctor")

    result = asyncio.run(meanwhile())
    assert result.exit_code == 0, result.output


def test_the_module_says_what_commands_there_are():
    helped = subprocess_run("--help", data_dir="unused")
    assert "Usage: loci [OPTIONS] COMMAND" in helped.stdout
    assert all(
        name in helped.stdout
        for name in ("serve", "migrate", "reindex", "backfill", "tick", "golden", "doctor", "user", "key", "model")
    )


def test_a_person_is_invited_only_where_the_setting_says_so(cli, monkeypatch):
    assert "LOCI_SIGNUP" in cli("user", "invite").stderr
    monkeypatch.setenv("LOCI_SIGNUP", "invite")
    assert cli("user", "invite").stdout.startswith("http://127.0.0.1:8080/signup?")


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


def test_a_port_that_is_taken_is_found_out_before_anything_is_promised(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = subprocess_run("serve", data_dir=tmp_path / "data", LOCI_PORT=str(port))
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in " ".join(refused.stderr.split())
    assert "setup" not in refused.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [("serve",), ("user", "list"), ("doctor",)])
def test_a_data_folder_that_cannot_be_made_is_named_in_a_sentence(tmp_path, command):
    file = tmp_path / "file"
    file.touch()
    refused = subprocess_run(*command, data_dir=file, LOCI_PORT="0", LOCI_PUBLIC_URL="http://127.0.0.1:1")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert str(file) in "".join(refused.stderr.split())
    assert "LOCI_DATA_DIR" in refused.stderr


@pytest.mark.parametrize("command", [("serve",), ("user", "list"), ("doctor",)])
def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path, command):
    refused = subprocess_run(
        *command,
        data_dir=tmp_path,
        LOCI_PORT="0",
        LOCI_PUBLIC_URL="http://127.0.0.1:1",
        LOCI_DATABASE_URL="postgresql://ann:hunter2@127.0.0.1:1/loci",
    )
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "LOCI_DATABASE_URL" in refused.stderr
    assert "hunter2" not in refused.stderr


@pytest.mark.usefixtures("ann")
def test_a_listed_key_can_be_revoked_by_what_is_shown(cli):
    cli("key", "create", "--user", "ann", "--name", "a long name for a key that takes room", "--quiet")
    shown = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", cli("key", "list", "--user", "ann").stdout)
    assert shown is not None
    assert cli("key", "revoke", "--user", "ann", shown.group()).exit_code == 0


@pytest.mark.usefixtures("ann")
def test_a_taken_name_is_refused_before_a_password_is_asked_for(cli):
    assert "already a user" in cli("user", "add", "ann").stderr


def test_each_address_of_a_host_is_listened_on_without_delay():
    for listener in listen("localhost", 0):
        with listener, socket.create_connection(listener.getsockname()[:2]) as client:
            assert (listener.proto, client.fileno() > 0) == (socket.IPPROTO_TCP, True)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("203.0.113.1", "203.0.113.1 is not an address of this machine"),
        ("no.such.invalid", "neither an address nor a known name"),
    ],
)
def test_a_host_that_cannot_be_listened_on_is_told_in_a_sentence_of_its_own(host, told, capsys):
    with pytest.raises(typer.Exit):
        listen(host, 0)
    refused = " ".join(capsys.readouterr().err.split())
    assert told in refused
    assert "LOCI_HOST" in refused


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("LOCI_DATABASE_URL", "nonsense-hunter2"),
        ("LOCI_DATABASE_URL", "postgresql://ann@h:hunter2/loci"),
        ("LOCI_DATABASE_URL", "mysql://ann:hunter2@h/loci"),
        ("LOCI_QDRANT_URL", "http://h:hunter2"),
    ],
)
@pytest.mark.parametrize("command", [("user", "list"), ("doctor",)])
def test_a_store_url_that_means_nothing_is_named_and_not_shown(cli, monkeypatch, command, variable, url):
    monkeypatch.setenv(variable, url)
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    refused = cli(*command)
    assert (refused.exit_code, type(refused.exception)) == (1, SystemExit)
    assert variable in refused.stderr
    assert "hunter2" not in refused.output


def test_a_search_store_that_does_not_answer_is_told_at_the_start(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=os.environ
        | {
            "LOCI_DATA_DIR": str(tmp_path),
            "LOCI_EMBEDDING_MODEL": "none",
            "LOCI_PORT": "0",
            "LOCI_QDRANT_URL": "http://127.0.0.1:1",
        },
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            told = next(line for line in server.stderr if "search store" in line)
        finally:
            server.terminate()
    assert "LOCI_QDRANT_URL" in told
    assert "Memories are kept" in told


@pytest.mark.usefixtures("ann")
def test_a_new_password_ends_the_browser_sessions_of_its_user_alone(cli, tmp_path):
    cli("user", "add", "bob", "--password-stdin", given=PASSWORD)
    now = Clock()()

    async def sessions_left():
        db = Database(Settings(data_dir=tmp_path / "data").sqlalchemy_url)
        try:
            async with db.write() as connection:
                for name in ("ann", "bob"):
                    user = await find_user(connection, name)
                    assert user is not None
                    ends = now + timedelta(days=1)
                    await insert_session(connection, id_hash=name, user_id=user.id, now=now, expires_at=ends)
            changed = await asyncio.to_thread(
                cli, "user", "set-password", "ann", "--password-stdin", given="another good password\n"
            )
            assert changed.exit_code == 0, changed.output
            async with db.read() as connection:
                return [name for name in ("ann", "bob") if await find_session_user(connection, name, now)]
        finally:
            await db.close()

    assert asyncio.run(sessions_left()) == ["bob"]


def test_a_server_that_was_started_with_sigint_ignored_ends_at_sigterm(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=os.environ | {"LOCI_DATA_DIR": str(tmp_path), "LOCI_EMBEDDING_MODEL": "none", "LOCI_PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - as a shell does in a script
    ) as server:
        assert server.stderr is not None
        try:
            assert any("Loci is at" in line for line in server.stderr)
            server.terminate()
            server.communicate(timeout=30)
        finally:
            server.kill()
    assert server.returncode == 0


def test_a_secret_key_that_is_no_secret_stops_the_start_and_doctor_names_it(cli, tmp_path):
    assert "secret key: the first start makes it" in " ".join(cli("doctor").stderr.split())
    path = tmp_path / "data" / "secret.key"
    path.write_bytes(b"")
    told = f"{path} holds 0 bytes, and a secret key needs 32."
    assert f"secret key: {told}" in " ".join(cli("doctor").stderr.split())
    ended = subprocess_run("serve", data_dir=tmp_path / "data", LOCI_PORT="0")
    assert ended.returncode == 1
    assert ended.stderr.strip().startswith(told)


def test_doctor_asks_each_issuer_for_its_keys(cli, monkeypatch):
    monkeypatch.setenv("LOCI_AUTH_ISSUER", URL)
    issuer = FakeIssuer(Clock(), audience="loci")
    with fake_web() as router:
        issuer.answer(router)
        assert f"issuers: {URL} publishes 1 usable key" in " ".join(cli("doctor").stderr.split())
        issuer.metadata["issuer"] = f"{URL}/"
        told = " ".join(cli("doctor").stderr.split())
    assert f"Its metadata name the issuer '{URL}/', and not '{URL}'." in told
    assert "Check LOCI_AUTH_ISSUER" in told


WEBHOOK = {
    "LOCI_WEBHOOK_URL": "https://billing.test/loci",
    "LOCI_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "LOCI_PLANS": '{"free": {}, "pro": {"memories": 5}}',
}


def test_the_events_of_a_webhook_are_listed_retried_and_tried(cli, monkeypatch):
    assert "LOCI_WEBHOOK_URL is not set" in cli("webhook", "test").stderr
    for name, value in WEBHOOK.items():
        monkeypatch.setenv(name, value)
    assert cli("user", "add", "ann", "--password-stdin", given=PASSWORD).exit_code == 0
    assert cli("user", "set-plan", "ann", "pro").exit_code == 0
    changed, created = json.loads(cli("webhook", "list", "--json").stdout)
    assert (created["type"], changed["type"]) == ("account.created", "plan.changed")
    assert (created["state"], created["attempts"], created["problem"]) == ("waiting", 0, None)
    listed = cli("webhook", "list", "--state", "waiting")
    assert created["id"] in listed.stdout
    assert "2 waiting, 0 delivered, 0 failed" in listed.stderr
    assert json.loads(cli("webhook", "list", "--state", "failed", "--json").stdout) == []
    assert "--state: must be waiting, delivered or failed" in cli("webhook", "list", "--state", "lost").stderr
    assert "1 events will be sent again" in cli("webhook", "retry", created["id"]).stderr
    assert "0 events will be sent again" in cli("webhook", "retry", "--failed").stderr
    for arguments in ((), (created["id"], "--failed")):
        assert "Name the ids of events, or use --failed" in cli("webhook", "retry", *arguments).stderr
    with respx.mock:
        route = respx.post(WEBHOOK["LOCI_WEBHOOK_URL"]).mock(return_value=httpx.Response(200))
        assert "took the event" in " ".join(cli("webhook", "test").stderr.split())
        assert json.loads(route.calls[0].request.content)["type"] == "webhook.test"
        route.mock(return_value=httpx.Response(404))
        refused = cli("webhook", "test")
        assert (refused.exit_code, "answered 404 Not Found" in refused.stderr) == (1, True)
    assert len(json.loads(cli("webhook", "list", "--json").stdout)) == 2
