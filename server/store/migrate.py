"""Bringing the record's schema up to this code: under a lock, after copying the SQLite file.

A schema that is newer than the code is refused. A migration that fails leaves the record as it was.
"""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from server.store.db import Database
from server.store.migrations import HEAD
from server.store.outage import find_outage
from server.store.sql_engines import make_plain_engine
from server.store.tables import load_all_tables

FOLDER = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x10C1


class SchemaTooNew(Exception):  # noqa: N818 - it names the state; the command line gives the advice
    """The record was written by a newer version of this program."""


class MigrationFailed(Exception):  # noqa: N818 - it names the state; the command line gives the advice
    """The record could not be brought up to this code. It is as it was."""

    def __init__(self, step: str | None, reason: str, copy: Path | None) -> None:
        kept = "nothing was written" if step is None else f"the record is unchanged, at step {step}"
        there = "" if copy is None else f" {copy} is a copy of it from before this upgrade."
        advice = "Run the earlier version on it again, and see docs/backup.md."
        super().__init__(f"The upgrade of the record to step {HEAD} failed, and {kept}: {reason}.{there} {advice}")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the schema: its number, and what it is about."""

    number: str
    title: str


async def migrate(db: Database) -> str | None:
    """Bring the record up to `HEAD`, and return the step it was at before, or None if it is new.

    Raises:
        SchemaTooNew: the record's step is not one that this code knows.
        MigrationFailed: a step failed.
    """
    at = await read_step(db)
    if at == HEAD:
        return at
    if not db.is_sqlite:
        return await _upgrade(db, at, None)
    path = Path(db.url.database or "")
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    async with _lock_file(path.with_suffix(".migrate.lock")):
        at = await read_step(db)
        if at == HEAD:
            return at
        copy = None
        if at is not None:
            check_step(at)
            copy = path.with_suffix(f".before-{HEAD}.db")
            try:
                await asyncio.to_thread(_copy_file, path, copy)
            except sqlite3.DatabaseError as error:
                raise MigrationFailed(at, f"it cannot be copied first: {error}", None) from error
        outcome = await _upgrade(db, at, copy)
        if copy is not None:
            await asyncio.to_thread(shrink_file, path)
        return outcome


async def read_step(db: Database) -> str | None:
    """Return the step that the record is at, or None if it is empty. Raises MigrationFailed if it names several."""
    if db.is_sqlite and not await asyncio.to_thread(Path(db.url.database or "").exists):
        return None
    try:
        async with db.read() as connection:
            steps = list((await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalars())
    except DBAPIError as error:
        if _is_missing_table(error):
            return None
        raise
    if len(steps) > 1:
        raise MigrationFailed(" and ".join(sorted(steps)), "the record names several steps", None)
    return steps[0] if steps else None


async def list_missing_parts(db: Database) -> list[str]:
    """Return the tables that a record at `HEAD` should have and lacks, and the columns as `table.column`."""
    async with db.read() as connection:
        return await connection.run_sync(_list_missing_parts)


def _list_missing_parts(connection: sa.Connection) -> list[str]:
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    missing: list[str] = []
    for table in load_all_tables().sorted_tables:
        if table.name not in there:
            missing.append(table.name)
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        missing += [f"{table.name}.{column.name}" for column in table.columns if column.name not in columns]
    return missing


def _is_missing_table(error: DBAPIError) -> bool:
    return "no such table" in str(error.orig) or "does not exist" in str(error.orig)


async def _upgrade(db: Database, at: str | None, copy: Path | None) -> str | None:
    engine = make_plain_engine(db.url)
    try:
        async with engine.connect() as connection:
            try:
                return await connection.run_sync(_upgrade_and_commit)
            except (SQLAlchemyError, RuntimeError) as error:
                if find_outage(error) in {"full", "damaged"}:
                    raise  # the step is not at fault
                raise MigrationFailed(at, str(getattr(error, "orig", error)).rstrip("."), copy) from error
    finally:
        await engine.dispose()


def _upgrade_and_commit(connection: sa.Connection) -> str | None:
    if connection.dialect.name != "sqlite":
        # Held until the transaction ends, so that of several servers that start together one migrates.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    at = (
        connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if sa.inspect(connection).has_table("alembic_version")
        else None
    )
    if at is not None:
        check_step(at)
    run_steps(connection)
    connection.commit()
    return at


def run_steps(connection: sa.Connection, last: str = "head") -> None:
    """Run the steps up to the last one, in the connection's transaction, which the caller commits.

    Raises:
        RuntimeError: on SQLite, rows would be left without the rows that they refer to.
    """
    from alembic import command  # noqa: PLC0415 - most starts find the schema current and need no Alembic

    command.upgrade(make_alembic_config(connection), last)
    if connection.dialect.name != "sqlite":
        return
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
        raise RuntimeError(f"{len(broken)} rows would be left without what they refer to")


def list_table_names(step: str) -> list[str]:
    """Return the names of the tables that a record has at a step.

    Raises:
        SchemaTooNew: this code does not know the step.
    """
    if step == HEAD:
        return [table.name for table in load_all_tables().sorted_tables]
    check_step(step)
    engine = sa.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            run_steps(connection, step)
            return [name for name in sa.inspect(connection).get_table_names() if name != "alembic_version"]
    finally:
        engine.dispose()


def list_steps(after: str) -> list[Step]:
    """Return the steps that follow a step, in their order.

    Raises:
        SchemaTooNew: this code does not know the step.
    """
    check_step(after)
    steps = [Step(each.revision, str(each.doc)) for each in _read_steps()]
    numbers = [each.number for each in steps]
    return steps[: numbers.index(after)][::-1]


def check_step(step: str) -> None:
    """Check that this code knows a step.

    Raises:
        SchemaTooNew: it does not.
    """
    if step not in {each.revision for each in _read_steps()}:
        raise SchemaTooNew(f"the record is at step {step}, this code knows steps up to {HEAD}; run the newer version")


def _read_steps() -> list[Any]:
    """Return Alembic's scripts, the newest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - most starts need no Alembic

    return list(ScriptDirectory(str(FOLDER)).walk_revisions())


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


def shrink_file(path: Path) -> None:
    """Write a SQLite file anew, without the room that the steps have left empty in its pages."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        # Another process reads, the disk has no room for it, or a page is damaged, which its readers tell.
        contextlib.suppress(sqlite3.DatabaseError),
    ):
        connection.execute("VACUUM")
