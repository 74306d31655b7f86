"""SQLAlchemy's engines for the record, with the pragmas and functions of SQLite. `server.store.db` builds its own."""

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from server.store.postgres_connections import connect_to_postgres

BUSY_TIMEOUT_MS = 15_000
SCRUB_TIMEOUT_MS = 500


def make_plain_engine(url: sa.URL) -> AsyncEngine:
    """Return a new engine for a migration: foreign keys are off, so that tables can be rebuilt."""
    if url.get_backend_name() == "sqlite":
        return prepare_sqlite(create_async_engine(url), "BEGIN IMMEDIATE", foreign_keys=False)
    return connect_to_postgres(url)


def make_copying_engine(url: sa.URL) -> AsyncEngine:
    """Return a new engine to copy whole rows with: JSON is text in both directions, foreign keys are off on SQLite.

    Each of its transactions sees the record as it was at the first read.
    """
    options: dict[str, Any] = {
        "json_serializer": _keep_text,
        "json_deserializer": _keep_text,
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        return prepare_sqlite(create_async_engine(url, **options), "BEGIN", foreign_keys=False)
    return connect_to_postgres(url, isolation_level="REPEATABLE READ", **options)


def _keep_text(text: str | None) -> str | None:
    return text


def empty_log(connection: sa.Connection) -> bool:
    """Return whether the log is empty now; it is not if somebody still reads from it."""
    # Past SQLAlchemy, which would begin a transaction first, and in one SQLite refuses.
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SCRUB_TIMEOUT_MS}")
    try:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row: Any = cursor.fetchone()
        return row[0] == 0
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()


def _lower_text(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _add_arithmetic(connection: Any, cursor: Any) -> None:
    """Give SQLite the functions that relevance is calculated with, if it was built without them."""
    try:
        cursor.execute("SELECT power(1, 1), ln(1)")
    except Exception:  # noqa: BLE001 - SQLAlchemy's adapter and the driver each have an error of their own
        connection.create_function("power", 2, pow, deterministic=True)
        connection.create_function("ln", 1, math.log, deterministic=True)


def prepare_sqlite(engine: AsyncEngine, begin: str, *, foreign_keys: bool = True) -> AsyncEngine:
    """Give a SQLite engine its pragmas, and the BEGIN that its transactions start with."""

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    def on_invalidate(connection: Any, _record: object, _error: object) -> None:
        # A connection that was cancelled in the middle of a SELECT is closed next, but SQLite would keep it, and its
        # lock, until the cursor is collected.
        connection.rollback()

    event.listen(prepare_connections(engine.sync_engine, foreign_keys=foreign_keys), "begin", on_begin)
    event.listen(engine.sync_engine, "invalidate", on_invalidate)
    return engine


def prepare_connections(engine: sa.Engine, *, foreign_keys: bool = True) -> sa.Engine:
    """Give a SQLite engine its pragmas and functions."""

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by `on_begin`, not guessed by the driver
        # SQLite's own knows only the letters of ASCII.
        connection.create_function("lower", 1, _lower_text, deterministic=True)
        cursor = connection.cursor()
        _add_arithmetic(connection, cursor)
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "secure_delete=ON",
            "cache_size=-32768",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", on_connect)
    return engine
