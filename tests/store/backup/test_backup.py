"""A backup holds the record as it was at one moment, and is restored into any database."""

import os
import stat
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.exc import DBAPIError

from server.memory.embedding_model import Model
from server.memory.images import Picture
from server.progress import ignore_progress
from server.store import migrate as migrate_module
from server.store.backup import dump, rows
from server.store.backup.check import check_file
from server.store.backup.container import ROWS, BackupWriter
from server.store.backup.dump import NoRecord
from server.store.backup.load import check_known
from server.store.backup.refusals import DamagedBackup, NewerBackup
from server.store.backup.restoring import CheckedBackup, InUse, Restoring, find_record_state, restore_record
from server.store.db import Database
from server.store.migrate import SchemaTooNew, migrate
from server.store.migrations import HEAD
from server.store.record import images
from server.store.record.capture import llm_usage
from server.store.record.works import generations, runs
from server.store.tables import load_all_tables
from server.store.tables.accounts import accounts
from server.store.tables.memories import journal
from tests.helpers.databases import create_postgres_database
from tests.helpers.ledger import open_ledger
from tests.store.backup.conftest import back_up, read_all, restore

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
async def filled_ledger(ledger, clock):
    """A ledger with a bit of everything that is hard to carry: links, vectors, pictures, times, texts of all kinds."""
    return await fill(ledger, clock)


@pytest.fixture
async def sqlite(book, clock):
    """The URL of a SQLite record with all that, for what does not depend on the database."""
    await fill(book, clock)
    return str(book.db.url)


async def fill(ledger, clock):
    db = ledger.db
    async with db.write() as connection:
        generation = await generations.ensure_generation(connection, model(), clock())
    windows = [np.full((2, 4), 0.5, np.float32), np.full((1, 4), -1.25, np.float32)]
    first, second = await ledger.store(
        "Grüße, 'quoted' \"and\" \\ \n \U0001f375", "b" * 9000, generation=generation, windows=windows
    )
    await ledger.store("linked", linkages=[{"type": "memory", "id": first, "label": "x"}], metadata={"a": [None, 1.5]})
    async with db.write() as connection:
        pictures = [Picture("a.png", "image/png", bytes(range(256)) * 9), Picture("b.png", "image/png", b"")]
        await images.put_pictures(connection, ledger.workspace, second, pictures)
        account = (await connection.execute(sa.select(accounts.c.id))).scalars().one()
        await llm_usage.add_tokens(connection, account, clock().date(), 7)
    await ledger.delete(second)
    return ledger


def model():
    return Model(name="m", digest="d", dims=4, max_tokens=8, file="")


async def test_a_record_is_restored_into_either_database_as_it_was(filled_ledger, path, target_url, clock):
    db_url = str(filled_ledger.db.url.render_as_string(hide_password=False))
    before = await read_all(db_url)
    written = await back_up(db_url, path, clock)
    assert written.manifest.step == HEAD
    assert written.manifest.count_rows("memories") == 3
    assert await restore(path, target_url, clock) is None
    assert await read_all(target_url) == before
    assert await find_record_state(sa.make_url(target_url)) == "filled"


async def test_a_restored_record_goes_on_numbering_and_is_projected_again(book, sqlite, path, target_url, clock):
    await back_up(sqlite, path, clock)
    await restore(path, target_url, clock, needs_reindex=True)
    db = Database(target_url)
    restored = await open_ledger(db, clock)
    assert restored.workspace == book.workspace
    assert await restored.row("flushed_revision") == (0,)
    await restored.store("one more")
    async with db.read() as connection:
        numbers = (await connection.execute(sa.select(journal.c.id).order_by(journal.c.id))).scalars().all()
        assert await runs.is_any_filed(connection, ["reindex"], clock())
    await db.close()
    assert numbers == [1, 2, 3, 4]


async def test_an_encrypted_backup_holds_the_secret_key_and_a_plain_one_does_not(sqlite, tmp_path, clock):
    for password, kept in (("long enough", "the secret key"), (None, None)):
        path = tmp_path / f"{password}.backup"
        await back_up(sqlite, path, clock, password, "the secret key")
        manifest, _ = await check_file(path, password, ignore_progress)
        assert manifest.secret_key == kept
        assert b"the secret key" not in path.read_bytes()


async def test_what_is_written_during_a_backup_is_not_in_it_and_all_from_before_is(
    filled_ledger, db_url, path, tmp_path, clock, monkeypatch
):
    monkeypatch.setattr(dump, "_BATCH", 1)
    before = await read_all(db_url)
    written = []

    async def write_more(_done, _total):
        if len(written) < 9:
            written.extend(await filled_ledger.store("meanwhile"))

    await back_up(db_url, path, clock, writing=write_more)
    assert len(written) == 9
    target = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    await restore(path, target, clock)
    assert await read_all(target) == before


async def test_a_large_record_is_split_into_parts_and_put_together_again(sqlite, path, clock, monkeypatch, tmp_path):
    monkeypatch.setattr(rows, "FULL_BYTES", 100)
    before = await read_all(sqlite)
    await back_up(sqlite, path, clock, "long enough")
    target = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    await restore(path, target, clock, "long enough")
    assert await read_all(target) == before


async def test_a_backup_is_only_for_its_owner_and_has_no_name_before_it_is_whole(sqlite, path, clock):
    seen = []

    async def look(_done, _total):
        (partial_file,) = path.parent.glob(".a.backup.*")
        seen.append((path.exists(), stat.S_IMODE(partial_file.stat().st_mode)))

    os.umask(0)
    await back_up(sqlite, path, clock, writing=look)
    assert set(seen) == {(False, 0o600)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        await back_up(sqlite, path, clock)
    assert list(path.parent.glob(".*")) == []


async def test_a_backup_that_fails_leaves_no_file(sqlite, path, clock):
    async def fail(_done, _total):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await back_up(sqlite, path, clock, writing=fail)
    assert list(path.parent.glob("*a.backup*")) == []


async def test_a_disk_that_gives_back_other_bytes_is_found_when_the_file_is_read_back(sqlite, path, clock, monkeypatch):
    def write_wrongly(self, data):
        self._digest.update(data)
        self._file.write(data.replace(b"bbbb", b"bbbc"))

    monkeypatch.setattr("server.store.backup.rows.zlib.compress", lambda data, _level: data)
    monkeypatch.setattr("server.store.backup.rows._decompress", bytes)
    monkeypatch.setattr("server.store.backup.container.BackupWriter._write", write_wrongly)
    with pytest.raises(DamagedBackup, match="digest"):
        await back_up(sqlite, path, clock)
    assert list(path.parent.glob("*a.backup*")) == []


async def test_there_is_nothing_to_back_up_without_a_record(empty_url, path, clock):
    with pytest.raises(NoRecord):
        await back_up(empty_url, path, clock)
    assert not path.exists()


async def test_a_backup_of_an_earlier_schema_is_migrated_after_it_is_restored(
    empty_url, path, tmp_path, clock, monkeypatch
):
    step = "0009"
    monkeypatch.setattr(migrate_module, "HEAD", step)
    monkeypatch.setattr(
        "alembic.command.upgrade", partial(lambda upgrade, config, _: upgrade(config, step), command.upgrade)
    )
    db = Database(empty_url)
    await migrate(db)
    monkeypatch.undo()
    async with db.write() as connection:
        at = clock().replace(tzinfo=None) if db.is_sqlite else clock()
        sql = sa.text("INSERT INTO accounts (id, name, created_at) VALUES ('a', 'Ann', :at)")
        await connection.execute(sql, {"at": str(at) if db.is_sqlite else at})
    await db.close()
    written = await back_up(empty_url, path, clock)
    assert written.manifest.step == step
    target = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    await restore(path, target, clock)
    content = await read_all(target)
    assert "'Ann', 'ann'" in content["accounts"][0]


async def test_a_record_and_a_backup_of_a_newer_schema_are_refused(ledger, db, db_url, path, clock):
    await ledger.store("x")
    written = await back_up(db_url, path, clock)
    with pytest.raises(NewerBackup, match="step 9999"):
        check_known(written.manifest.model_copy(update={"step": "9999"}))
    async with db.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew):
        await back_up(db_url, path.with_name("b"), clock)


async def test_the_present_record_is_kept_under_another_name(filled_ledger, db_url, path, clock):
    await back_up(db_url, path, clock)
    before = await read_all(db_url)
    await filled_ledger.store("later")
    await filled_ledger.db.close()
    kept = await restore(path, db_url, clock)
    assert await read_all(db_url) == before
    assert kept is not None
    if db_url.startswith("sqlite"):
        old = await read_all(f"sqlite+aiosqlite:///{kept}")
        assert len(old["memories"]) == len(before["memories"]) + 1
        assert kept.endswith(".db")
        assert ".before-restore-" in kept
    else:
        db = Database(db_url)
        async with db.read() as connection:
            old = sa.table("memories", schema=kept)
            count = (await connection.execute(sa.select(sa.func.count()).select_from(old))).scalar_one()
        await db.close()
        assert count == len(before["memories"]) + 1


@pytest.mark.postgres
async def test_a_postgres_that_others_use_is_not_restored_into(sqlite, path, clock):
    await back_up(sqlite, path, clock)
    async with create_postgres_database() as url:
        db = Database(url)
        async with db.read() as connection:
            await connection.execute(sa.select(1))
            with pytest.raises(InUse, match="1 other connections"):
                await restore(path, url, clock)
        await db.close()


async def test_a_damaged_record_can_be_replaced(book, sqlite_path, path, clock):
    await book.store("kept")
    url = f"sqlite+aiosqlite:///{sqlite_path}"
    await back_up(url, path, clock)
    await book.db.close()
    sqlite_path.write_bytes(b"no database" * 1000)
    assert await find_record_state(sa.make_url(url)) == "filled"
    kept = await restore(path, url, clock)
    assert kept is not None
    assert sqlite_path.with_name(Path(kept).name).read_bytes().startswith(b"no database")
    assert len((await read_all(url))["memories"]) == 1


async def test_a_restore_that_fails_leaves_the_target_as_it_was(sqlite, path, target_url, clock):
    await back_up(sqlite, path, clock)

    async def fail(done, total):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await restore(path, target_url, clock, progress=fail)
    assert await find_record_state(sa.make_url(target_url)) == "absent"
    if target_url.startswith("sqlite"):
        assert list(Path(sa.make_url(target_url).database or "").parent.iterdir()) == []


async def test_rows_that_are_there_twice_are_found_when_the_file_is_read_back(sqlite, path, clock, monkeypatch):
    write_part = BackupWriter.write_part

    def write_twice(self, kind, data):
        write_part(self, kind, data)
        if kind == ROWS:
            write_part(self, kind, data)

    monkeypatch.setattr(BackupWriter, "write_part", write_twice)
    with pytest.raises(DamagedBackup, match="number of its rows"):
        await back_up(sqlite, path, clock)
    assert not path.exists()


@pytest.mark.parametrize("value", ["\ud800", 10**30], ids=["half a surrogate pair", "a number of 30 digits"])
async def test_a_value_that_no_database_can_hold_is_damage(sqlite, path, target_url, clock, monkeypatch, value):
    def unpack(part, tables):
        number, found = rows.unpack_rows(part, tables)
        return number, [row | {next(iter(row)): value} for row in found]

    await back_up(sqlite, path, clock)
    monkeypatch.setattr("server.store.backup.load.unpack_rows", unpack)
    with pytest.raises(DamagedBackup, match="the rows of accounts"):
        await restore(path, target_url, clock)


async def test_a_second_restore_in_one_second_keeps_the_record_of_the_first(book, sqlite, path, clock):
    await back_up(sqlite, path, clock)
    await book.db.close()
    first = Path(str(await restore(path, sqlite, clock)))
    os.chmod(first, 0o640)  # noqa: PTH101 - a mark on it
    second = await restore(path, sqlite, clock)
    assert (str(first) != second, os.stat(first).st_mode & 0o777) == (True, 0o640)  # noqa: PTH116


async def test_a_file_that_changes_after_it_was_checked_is_not_restored(sqlite, path, target_url, clock):
    await back_up(sqlite, path, clock)
    _, digest = await check_file(path, None, ignore_progress)
    other = path.with_name("other")
    await back_up(sqlite, other, clock, "long enough")
    await back_up(sqlite, other.with_name("again"), lambda: clock() + timedelta(days=1))
    backup = CheckedBackup(other.with_name("again"), None, digest)
    wanted = Restoring(sa.make_url(target_url), backup, clock(), needs_reindex=False, shards=None)
    with pytest.raises(DamagedBackup, match="changed while it was read"):
        await restore_record(wanted, ignore_progress)
    assert await find_record_state(sa.make_url(target_url)) == "absent"


KILLED = """
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
import sqlalchemy as sa
from server.store.backup.restoring import CheckedBackup, Restoring, restore_record

async def die(done, total):
    os.kill(os.getpid(), 9)

backup = CheckedBackup(Path(sys.argv[1]), None, bytes.fromhex(sys.argv[2]))
wanted = Restoring(sa.make_url(sys.argv[3]), backup, datetime.now(UTC), needs_reindex=False, shards=None)
asyncio.run(restore_record(wanted, die))
"""


async def test_a_restore_that_is_killed_leaves_the_record_from_before(book, sqlite, path, clock):
    await back_up(sqlite, path, clock)
    await book.store("later")
    before = await read_all(sqlite)
    await book.db.close()
    _, digest = await check_file(path, None, ignore_progress)
    killed = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
        [sys.executable, "-c", KILLED, path, digest.hex(), sqlite], cwd=ROOT, check=False, timeout=60
    )
    assert killed.returncode == -9
    assert len(list(path.parent.glob("*.restoring-*.db"))) == 1
    assert await read_all(sqlite) == before
    await restore(path, sqlite, clock)
    assert len((await read_all(sqlite))["memories"]) == 3
    assert list(path.parent.glob("*.restoring-*")) == []


async def test_every_table_of_the_record_is_in_a_backup(sqlite, path, clock):
    written = await back_up(sqlite, path, clock)
    assert {table.name for table in written.manifest.tables} == set(load_all_tables().tables)


async def test_a_database_that_is_down_is_the_databases_error(clock, path):
    with pytest.raises((DBAPIError, OSError)):
        await back_up("postgresql+asyncpg://x@127.0.0.1:1/x", path, clock)
    assert not path.exists()
