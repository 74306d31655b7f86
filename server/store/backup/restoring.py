"""Restoring a backup: into a new database beside the present one, which it replaces in one step at the end.

A process that is killed on the way leaves the present record as it was.
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.progress import Progress
from server.store.backup.files import find_free_path, sync_folder
from server.store.backup.load import have_collections_rebuilt, hold_events_back, load_record
from server.store.db import Database
from server.store.migrate import list_table_names, read_step, shrink_file
from server.store.outage import find_outage
from server.store.sql_engines import make_copying_engine

#: A record without an account is empty: a server that was started once has made its schema.
RecordState = Literal["absent", "empty", "filled"]


class InUse(Exception):  # noqa: N818 - it is a state that the caller acts on
    """Other programs have the database open; `count` of them."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} other connections are open to the database")
        self.count = count


@dataclass(frozen=True, slots=True)
class CheckedBackup:
    """A backup that was read to its end: its file, its password and its digest."""

    path: Path
    password: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Restoring:
    """The target of a restore: its folder, its database and its rules.

    Attributes:
        url: the database.
        backup: the file.
        now: the time now.
        stamp: the time now, for the names of what is moved aside.
        needs_reindex: whether the search store may hold collections of another state.
        shards: the folder of the embedded engine's collections, which is removed; None without that engine.
    """

    url: sa.URL
    backup: CheckedBackup
    now: datetime
    needs_reindex: bool
    shards: Path | None
    stamp: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stamp", f"{self.now:%Y%m%dT%H%M%SZ}")


async def find_record_state(url: sa.URL) -> RecordState:
    """Return whether there is a record. One that is damaged counts as filled.

    Raises:
        DBAPIError: the database does not answer.
    """
    db = Database(url.render_as_string(hide_password=False))
    try:
        if await read_step(db) is None:
            return "absent"
        async with db.read() as connection:
            has_account = (await connection.execute(sa.text("SELECT 1 FROM accounts LIMIT 1"))).scalar() is not None
    except DBAPIError as error:
        if find_outage(error) != "damaged":
            raise
        return "filled"
    finally:
        await db.close()
    return "filled" if has_account else "empty"


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore.

    Attributes:
        kept: the name that the record from before has now; None if there was none.
        held_events: how many webhook events waited in the backup, and are held back.
    """

    kept: str | None
    held_events: int


async def restore_record(wanted: Restoring, progress: Progress) -> Restored:
    """Write a backup in place of the record.

    The caller has checked that the present record may be replaced, and that no server uses it.

    Raises:
        UnusableBackup: the file was changed since it was checked, or its rows do not fit its schema.
        InUse: other programs have the Postgres database open.
        DBAPIError: the database cannot be written.
        OSError: the disk cannot be written.
    """
    if wanted.url.get_backend_name() == "sqlite":
        return await _restore_file(wanted, Path(wanted.url.database or ""), progress)
    return await _restore_postgres(wanted, progress)


async def _restore_file(wanted: Restoring, target: Path, progress: Progress) -> Restored:
    """Write a new SQLite file, and give it the record's name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(target)
    new = target.with_name(f"{target.stem}.restoring-{uuid4().hex}.db")
    try:
        engine = _make_careless_engine(wanted.url.set(database=str(new)))
        async with _dispose_after(engine), engine.connect() as connection:
            held = await _load(connection, wanted, progress)
            await connection.commit()
        await asyncio.to_thread(shrink_file, new)
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        if wanted.shards is not None:
            shutil.rmtree(wanted.shards, ignore_errors=True)
        kept = _keep_file(target, wanted.stamp)
        new.replace(target)
        sync_folder(target.parent)
    finally:
        _remove_unfinished(target)
    return Restored(None if kept is None else str(kept), held)


def _make_careless_engine(url: sa.URL) -> AsyncEngine:
    """Return an engine for a file that is thrown away if anything fails: it keeps no journal, and waits for no disk."""
    engine = make_copying_engine(url)

    def forget_journal(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", forget_journal)
    return engine


@contextlib.asynccontextmanager
async def _dispose_after(engine: AsyncEngine) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await engine.dispose()


def _keep_file(target: Path, stamp: str) -> Path | None:
    """Give the present record's file a second name, and return that; None if there is no record.

    The first name stays, so that there is a record at every moment.
    """
    if not target.exists():
        return None
    with contextlib.suppress(sqlite3.DatabaseError), closing(sqlite3.connect(target)) as connection:
        # The log is part of the record. A damaged record is kept with its log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Two restores may be in one second, also because the clock was set back.
    kept = find_free_path(target.parent, f"{target.stem}.before-restore-{stamp}", ".db")
    for ending in ("", "-wal"):
        source, copy = target.with_name(target.name + ending), kept.with_name(kept.name + ending)
        if source.exists():
            try:
                os.link(source, copy)
            except OSError:  # not every file system has a second name for a file
                shutil.copy2(source, copy)
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    return kept


def _remove_unfinished(target: Path) -> None:
    """Remove the new files of restores that failed or were killed."""
    for path in target.parent.glob(f"{target.stem}.restoring-*"):
        path.unlink(missing_ok=True)


async def _restore_postgres(wanted: Restoring, progress: Progress) -> Restored:
    """Move the present tables into another schema, and write new ones, all in one transaction."""
    engine = make_copying_engine(wanted.url)
    async with _dispose_after(engine), engine.connect() as connection:
        others = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        if count := (await connection.execute(others)).scalar_one():
            raise InUse(count)
        kept = await connection.run_sync(_move_tables, f"before_restore_{wanted.stamp.lower()}")
        held = await _load(connection, wanted, progress)
        await connection.commit()
    if wanted.shards is not None:
        shutil.rmtree(wanted.shards, ignore_errors=True)
    return Restored(kept, held)


def _move_tables(connection: sa.Connection, schema: str) -> str | None:
    """Move the tables of the present record into a new schema, and return its name; None if there is no record."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    step = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    connection.execute(sa.schema.CreateSchema(schema))
    for table in ("alembic_version", *list_table_names(step)):
        connection.exec_driver_sql(f'ALTER TABLE "{table}" SET SCHEMA "{schema}"')
    return schema


async def _load(connection: AsyncConnection, wanted: Restoring, progress: Progress) -> int:
    """Write the rows of the backup, and return how many events are held back."""
    backup = wanted.backup
    await load_record(connection, backup.path, backup.password, backup.digest, progress)
    await have_collections_rebuilt(connection, wanted.now, must_file_run=wanted.needs_reindex)
    return await hold_events_back(connection, wanted.now)
