"""The commands `backup`, `restore` and `upgrade-check`: the messages for people, and the record after them."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from server.cli import app
from server.config import Settings
from server.store import migrate as migrate_module
from server.store.backup import encryption, files, writing
from server.store.db import Database
from server.store.migrations import HEAD
from tests.helpers.programs.commands import ROOT
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    """A guess of a password takes half a second on purpose; here it takes none."""
    monkeypatch.setattr(
        "server.cli.record.backup.Protection", lambda *given: writing.Protection(*given, cost=encryption.LEAST_COST)
    )


@pytest.fixture
def folder(settings, monkeypatch):
    """The data folder of the commands, with an empty record."""
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")
    monkeypatch.setenv("LOCI_DATA_DIR", str(settings.data_dir))
    return settings.data_dir


@pytest.fixture
def run(folder, monkeypatch):
    """Runs a command, on another data folder if one is named: (exit code, output in one line)."""

    def invoke(*arguments, at=folder, given=""):
        monkeypatch.setenv("LOCI_DATA_DIR", str(at))
        result = CliRunner().invoke(app, [str(each) for each in arguments], input=given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join(result.output.split())

    return invoke


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("correct horse battery\nanother line\n")
    return path


FAILING_STEP = '''
"""a step that fails"""
from alembic import op
revision, down_revision = "9999", "HEAD"


def upgrade():
    op.execute("DELETE FROM users")
    op.execute("nonsense")
'''


def elsewhere(tmp_path, name="new"):
    return Settings(data_dir=tmp_path / name, embedding_model="none", rate_limit=0)


@pytest.fixture
async def ann_elsewhere(site, run, tmp_path, password_file):
    """Ann and her memory, backed up while her server runs, encrypted and restored into another folder."""
    ann = await site.add_person("ann")
    await site.running.auth.tokens.keys.get_key_set()
    memory_id = await ann.store("The kettle is blue")
    code, said = await asyncio.to_thread(run, "backup", tmp_path / "a.backup", "--password-file", password_file)
    assert (code, "1 memories, 1 user(s)" in said) == (0, True), said
    assert stat.S_IMODE((tmp_path / "a.backup").stat().st_mode) == 0o600
    restored = await asyncio.to_thread(
        run, "restore", tmp_path / "a.backup", "--password-file", password_file, at=tmp_path / "new"
    )
    assert restored[0] == 0, restored[1]
    return ann, memory_id


async def test_a_backup_of_a_running_server_goes_on_elsewhere_with_its_keys_and_its_tokens(
    ann_elsewhere, site, clock, tmp_path
):
    ann, memory_id = ann_elsewhere
    settings = elsewhere(tmp_path)
    async with open_site(settings, clock) as new:
        found = (await new.client(ann.key).post("/v1/search", json={"query": "kettle"})).json()
        assert [each["id"] for each in found["memories"]] == [memory_id]
        keys = [await each.running.auth.tokens.keys.get_key_set() for each in (site, new)]
        assert keys[0] == keys[1]


async def test_a_second_restore_keeps_the_secret_key_and_sets_another_one_aside(
    ann_elsewhere,  # noqa: ARG001 - the first restore
    run,
    tmp_path,
    password_file,
):
    key = tmp_path / "new" / "secret.key"
    before = key.read_text()
    again = ("restore", tmp_path / "a.backup", "--replace", "--password-file", password_file)
    assert (await asyncio.to_thread(run, *again, at=tmp_path / "new"))[0] == 0
    assert (key.read_text(), list(key.parent.glob("secret.before-*"))) == (before, [])
    key.write_text("of another server, thirty-two bytes long")
    assert (await asyncio.to_thread(run, *again, at=tmp_path / "new"))[0] == 0
    (aside,) = key.parent.glob("secret.before-*")
    assert (key.read_text(), aside.read_text()) == (before, "of another server, thirty-two bytes long")


def test_events_that_waited_in_a_backup_are_not_sent_again_by_a_restored_record(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCI_WEBHOOK_URL", "https://billing.test/loci")
    monkeypatch.setenv("LOCI_WEBHOOK_SECRET", "whsec_" + "A" * 43 + "=")
    assert run("user", "add", "ann", "--password-stdin", given="correct horse battery\n")[0] == 0
    assert run("backup", tmp_path / "a.backup")[0] == 0
    code, said = run("restore", tmp_path / "a.backup", at=tmp_path / "new")
    assert (code, "1 webhook event(s) are held back" in said) == (0, True), said
    assert "`loci webhook retry --failed`" in said
    assert "0 waiting, 0 delivered, 1 failed" in run("webhook", "list", at=tmp_path / "new")[1]
    assert "1 waiting, 0 delivered, 0 failed" in run("webhook", "list")[1]  # the first server still sends it
    assert run("webhook", "retry", "--failed", at=tmp_path / "new") == (0, "1 events will be sent again.")


async def test_a_plain_backup_says_which_file_to_keep_and_works_without_it(site, clock, run, folder, tmp_path):
    ann = await site.add_person("ann")
    before = await site.running.auth.tokens.keys.get_key_set()
    code, said = await asyncio.to_thread(run, "backup", tmp_path / "a.backup")
    assert code == 0
    assert f"does not hold {folder / 'secret.key'}. Keep a copy of that file" in said
    assert (await asyncio.to_thread(run, "restore", tmp_path / "a.backup", at=tmp_path / "new"))[0] == 0
    async with open_site(elsewhere(tmp_path), clock) as new:
        assert (await new.client(ann.key).get("/v1/memories")).status_code == 200
        keys = await new.running.auth.tokens.keys.get_key_set()
        assert len(keys["keys"]) == 1
        assert keys != before  # nobody can read the old one


async def test_a_restore_is_refused_while_a_server_runs(site, run, tmp_path):
    await site.add_person("ann")
    assert (await asyncio.to_thread(run, "backup", tmp_path / "a.backup"))[0] == 0
    code, said = await asyncio.to_thread(run, "restore", tmp_path / "a.backup", "--replace")
    assert code == 1
    assert "already serves" in said


@pytest.fixture
def backup(run, tmp_path):
    """A backup of a record with one user."""
    assert run("user", "add", "ann", "--password-stdin", given="correct horse battery\n")[0] == 0
    assert run("backup", tmp_path / "a.backup")[0] == 0
    return tmp_path / "a.backup"


def test_a_record_is_only_replaced_on_demand_and_is_kept(run, folder, backup):
    assert run("user", "add", "bob", "--password-stdin", given="correct horse battery\n")[0] == 0
    before = (folder / "loci.db").read_bytes()
    (folder / "shards" / "x").mkdir(parents=True)
    code, said = run("restore", backup)
    assert code == 1
    assert "holds a record already" in said
    assert "--replace" in said
    assert (folder / "loci.db").read_bytes() == before
    code, said = run("restore", backup, "--replace")
    assert code == 0
    (kept,) = folder.glob("loci.before-restore-*.db")
    assert f"is kept as {kept}" in said
    assert not (folder / "shards").exists()
    assert "bob" not in run("user", "list")[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-100], "ends too early"),
        (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], "is damaged"),
        (lambda _: b"SQLite format 3\0" * 100, "is not a backup of Loci"),
        (lambda _: b"", "is not a backup of Loci"),
        (lambda data: data.replace(b'"format": 1', b'"format": 9'), "which is newer. Restore it with that version"),
    ],
)
def test_a_bad_file_gets_its_own_sentence_and_changes_nothing(run, backup, tmp_path, change, said):
    backup.write_bytes(change(backup.read_bytes()))
    code, output = run("restore", backup, at=tmp_path / "new")
    assert code == 1
    assert said in output
    assert "Nothing was changed" in output
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["owner.lock"]


def test_a_missing_file_is_named(run, tmp_path):
    assert run("restore", tmp_path / "none") == (
        1,
        f"{tmp_path / 'none'}: No such file or directory. Name a backup that you may read.",
    )


def test_a_pipe_is_refused_and_not_waited_for(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code, said = run("restore", tmp_path / "pipe")
    assert (code, "pipe is not a regular file" in said) == (1, True)


def test_an_encrypted_backup_needs_its_password(run, folder, tmp_path, password_file):
    assert run("user", "add", "ann", "--password-stdin", given="correct horse battery\n")[0] == 0
    (folder / "secret.key").write_text("k" * 40)
    chosen = tmp_path / "chosen"
    chosen.write_text("long enough")
    assert run("backup", tmp_path / "a.backup", "--encrypt", "--password-file", chosen)[0] == 0
    new = tmp_path / "new"
    assert "is encrypted. Give its password" in run("restore", tmp_path / "a.backup", at=new)[1]
    code, said = run("restore", tmp_path / "a.backup", "--password-file", password_file, at=new)
    assert (code, "another password" in said) == (1, True)
    new.joinpath("secret.key").write_text("another")
    code, said = run("restore", tmp_path / "a.backup", "--password-file", chosen, at=new)
    assert (code, "secret.key was restored, too" in said) == (0, True)
    assert new.joinpath("secret.key").read_text() == "k" * 40
    assert stat.S_IMODE(new.joinpath("secret.key").stat().st_mode) == 0o600
    (kept,) = new.glob("secret.before-restore-*.key")
    assert kept.read_text() == "another"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name either a file, or a folder with --to"),
        (("x", "--to", "y"), "Name either a file, or a folder with --to"),
        (("x", "--keep", "3"), "--keep needs --to"),
        (("/proc/x",), "Name a file in a folder that you may write to"),
        (("x", "--password-file", "/nowhere"), "/nowhere: No such file or directory"),
        (("x", "--password-file", "/dev/null"), "/dev/null: its first line is empty"),
        (("x", "--password-file", "/dev/zero"), "/dev/zero: it has more than 65536 bytes"),
    ],
)
def test_options_that_do_not_fit_are_refused(run, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, output = run("backup", *arguments)
    assert code == 1
    assert said in output
    assert not (tmp_path / "x").exists()


def test_a_backup_never_overwrites_a_file(run, backup):
    before = backup.read_bytes()
    assert "exists already" in run("backup", backup)[1]
    assert backup.read_bytes() == before


@pytest.mark.usefixtures("backup")
def test_a_secret_key_that_is_no_text_is_told(run, folder, tmp_path, password_file):
    (folder / "secret.key").write_bytes(b"\xff\xfe")
    code, said = run("backup", tmp_path / "b", "--password-file", password_file)
    assert (code, "secret.key is no secret key" in said) == (1, True)


def test_there_is_nothing_to_back_up_before_the_first_start(run, tmp_path):
    assert "Set LOCI_DATA_DIR to the server's data folder." in run("backup", tmp_path / "a", at=tmp_path / "none")[1]


@pytest.mark.usefixtures("backup")
def test_a_folder_keeps_the_newest_backups(run, tmp_path):
    there = tmp_path / "backups"
    for kept in (1, 2, 2):
        code, said = run("backup", "--to", there, "--keep", 2)
        assert code == 0
        assert len(files.list_backups(there)) == kept
    assert "Removed 1 older backups" in said


@pytest.mark.usefixtures("backup")
def test_a_backup_that_is_a_program_of_its_own_lets_others_go_first(run, folder, tmp_path):
    before = os.nice(0)
    assert run("backup", tmp_path / "b.backup")[0] == 0
    assert os.nice(0) == before  # this process has other work
    program = (
        "import os, sys; from server.__main__ import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code, os.nice(0))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "backup", tmp_path / "c.backup"],
        cwd=ROOT,
        env=os.environ | {"LOCI_DATA_DIR": str(folder)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert ended.stdout == f"0 {min(19, before + 10)}\n", ended.stderr


@pytest.mark.usefixtures("backup")
def test_an_upgrade_check_names_the_steps_and_changes_nothing(run, folder, monkeypatch):
    assert "The schema stays as it is" in run("upgrade-check")[1]
    set_step(folder, "0012")
    before = (folder / "loci.db").read_bytes()
    code, said = run("upgrade-check")
    assert code == 0
    assert f"The record is at step 0012 of the schema. Loci 0.1.0 needs step {HEAD}." in said
    assert "0014 the key that made a key" in said
    assert f"copied to loci.before-{HEAD}.db first" in said
    assert (folder / "loci.db").read_bytes() == before
    monkeypatch.setattr("server.cli.record.upgrade_check._MARGIN", 10**9)
    code, said = run("upgrade-check")
    assert (code, "That is not enough. Make room first." in said) == (1, True)
    set_step(folder, "9999")
    code, said = run("upgrade-check")
    assert (code, "run the newer version" in said) == (1, True)


def test_an_upgrade_check_of_a_new_folder_makes_nothing(run, tmp_path):
    assert "There is no record yet" in run("upgrade-check", at=tmp_path / "none")[1]
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("backup")
def test_an_upgrade_that_fails_says_where_the_copy_is_and_the_earlier_version_goes_on(
    run, folder, monkeypatch, tmp_path
):
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    for file in (migrate_module.FOLDER / "env.py", *migrate_module.FOLDER.glob("versions/0*.py")):
        (tmp_path / "migrations" / file.relative_to(migrate_module.FOLDER)).write_text(file.read_text())
    (versions / "9999_fails.py").write_text(FAILING_STEP.replace("HEAD", HEAD))
    with monkeypatch.context() as newer:
        newer.setattr(migrate_module, "FOLDER", tmp_path / "migrations")
        newer.setattr(migrate_module, "HEAD", "9999")
        code, said = run("migrate")
    assert code == 1
    assert f"The upgrade of the record to step 9999 failed, and the record is unchanged, at step {HEAD}" in said
    copy = folder / "loci.before-9999.db"
    assert f"{copy} is a copy of it from before this upgrade" in said
    assert "ann" in run("user", "list")[1]
    # the other way back of docs/backup.md: the copy takes the record's place
    for path in folder.glob("loci.db*"):
        path.unlink()
    copy.rename(folder / "loci.db")
    assert "ann" in run("user", "list")[1]


def set_step(folder: Path, step: str):
    async def update():
        db = Database(f"sqlite+aiosqlite:///{folder / 'loci.db'}")
        async with db.write() as connection:
            await connection.execute(sa.text("UPDATE alembic_version SET version_num = :step"), {"step": step})
        await db.empty_log()
        await db.close()

    asyncio.run(update())
