"""Bringing the record's schema up to this code: under a lock, after copying the SQLite file.

A schema that is newer than the code is refused. A migration that fails leaves the record as it was.
"""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from server.store.db import Database, make_plain_engine
from server.store.migrations import HEAD

FOLDER = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x10C1


class SchemaTooNew(Exception):  # noqa: N818 - it names the state; the command line gives the advice
    """The record was written by a newer version of this program."""


async def migrate(db: Database) -> str | None:
    """Bring the record up to `HEAD`, and return the step it was at before, or None if it is new.

    Raises:
        SchemaTooNew: the record's step is not one that this code knows.
    """
    at = await _read_step(db)
    if at == HEAD:
        return at
    if not db.is_sqlite:
        return await _upgrade(db)
    path = Path(db.url.database or "")
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    async with _lock_file(path.with_suffix(".migrate.lock")):
        at = await _read_step(db)
        if at == HEAD:
            return at
        if at is not None:
            _refuse_unknown(at)
            await asyncio.to_thread(_copy_file, path, path.with_suffix(f".before-{HEAD}.db"))
        return await _upgrade(db)


async def list_upgrade_copies(db: Database) -> list[str]:
    """Return the names of the copies of the record from before an upgrade. Only SQLite's file is copied."""
    if not db.is_sqlite:
        return []
    path = Path(db.url.database or "")
    return await asyncio.to_thread(lambda: sorted(each.name for each in path.parent.glob(f"{path.stem}.before-*.db")))


async def _read_step(db: Database) -> str | None:
    """Return the step that the record is at, or None if it is empty."""
    if db.is_sqlite and not await asyncio.to_thread(Path(db.url.database or "").exists):
        return None
    try:
        async with db.read() as connection:
            return (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
    except DBAPIError as error:
        if _is_missing_table(error):
            return None
        raise


def _is_missing_table(error: DBAPIError) -> bool:
    return "no such table" in str(error.orig) or "does not exist" in str(error.orig)


async def _upgrade(db: Database) -> str | None:
    engine = make_plain_engine(db.url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_run_steps, is_sqlite=db.is_sqlite)
    finally:
        await engine.dispose()


def _run_steps(connection: sa.Connection, *, is_sqlite: bool) -> str | None:
    from alembic import command  # noqa: PLC0415 - most starts find the schema current and need no Alembic

    if not is_sqlite:
        # Held until the transaction ends, so that of several servers that start together one migrates.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    config = make_alembic_config(connection)
    at = (
        connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if _has_version(connection)
        else None
    )
    if at is not None:
        _refuse_unknown(at)
    command.upgrade(config, "head")
    if is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
        raise RuntimeError(f"the migration would leave {len(broken)} rows without what they refer to")
    connection.commit()
    return at


def _refuse_unknown(at: str) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - most starts need no Alembic

    known = {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}
    if at not in known:
        raise SchemaTooNew(f"the record is at step {at}, this code knows steps up to {HEAD}; run the newer version")


def _has_version(connection: sa.Connection) -> bool:
    return sa.inspect(connection).has_table("alembic_version")


def make_alembic_config(connection: sa.Connection) -> Any:
    """Return Alembic's configuration for a connection, without an ini file."""
    from alembic.config import Config  # noqa: PLC0415 - most starts need no Alembic

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


@asynccontextmanager
async def _lock_file(path: Path) -> AsyncGenerator[None]:
    with path.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


def _copy_file(source: Path, target: Path) -> None:
    """Copy a SQLite file that others may have open. The copy is consistent."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
