"""Backups of small records, restores into other databases, and the whole content of a record for comparisons."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from server.progress import ignore_progress
from server.store.backup.check import check_file
from server.store.backup.encryption import LEAST_COST
from server.store.backup.restoring import CheckedBackup, Restoring, restore_record
from server.store.backup.writing import Protection, write_backup
from server.store.db import Database
from server.store.tables import load_all_tables
from tests.helpers.databases import create_postgres_database, make_url


async def read_all(url):
    """Every row of the record at a URL, by table. How far collections are on a disk is no part of it."""
    db = Database(str(url))
    try:
        async with db.read() as connection:
            found = {}
            for table in load_all_tables().sorted_tables:
                columns = [column for column in table.columns if column.name != "flushed_revision"]
                rows = (await connection.execute(sa.select(*columns))).all()
                found[table.name] = sorted(map(repr, rows))
            return found
    finally:
        await db.close()


async def back_up(url, path, clock, password=None, secret_key=None, writing=ignore_progress):
    protection = Protection(password, secret_key, cost=LEAST_COST)
    return await write_backup(sa.make_url(url), path, clock(), protection, writing=writing, checking=ignore_progress)


async def restore(path, url, clock, password=None, progress=ignore_progress, **other):
    _, digest = await check_file(path, password, ignore_progress)
    wanted = {"needs_reindex": False, "shards": None} | other
    backup = CheckedBackup(path, password, digest)
    wanted = Restoring(url=sa.make_url(url), backup=backup, now=clock(), **wanted)
    return (await restore_record(wanted, progress)).kept


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def target_url(request, tmp_path):
    """The URL of a database that a backup is restored into. It is empty."""
    if request.param == "sqlite":
        yield make_url(f"sqlite:///{tmp_path / 'target' / 'loci.db'}")
    else:
        async with create_postgres_database() as url:
            yield url


@pytest.fixture
def path(tmp_path) -> Path:
    """The path of a backup that is not there yet."""
    return tmp_path / "a.backup"
