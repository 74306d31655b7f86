"""The record's connection: SQLite with one writer, or Postgres, behind `read()` and `write()`.

Every statement of the product runs inside one of the two. On SQLite a write transaction takes the
write lock at once (BEGIN IMMEDIATE), so two of them queue instead of failing half-way, and a commit
returns only when it is on the disk.
"""

import asyncio
import json
import math
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import aiosqlite
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.store.cached_reads import CachedReads
from server.store.outage import find_outage
from server.store.postgres_connections import CONNECTIONS, MORE_CONNECTIONS, connect_to_postgres, make_postgres_engine

BUSY_TIMEOUT_MS = 15_000
SCRUB_TIMEOUT_MS = 500
READERS = 4
SHOWN_DAMAGES = 3
WRITER_SECONDS = 1
#: The first words by which statements are told apart; `OTHER` stands for all other words.
STATEMENT_KINDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "PRAGMA"})

#: Called with the kind of a statement that has ended, and the nanosecond of the epoch at which it began.
NoteStatement = Callable[[str, int], None]


class PoolFigures(NamedTuple):
    """The connections of the record: those in use, and the most that there may be."""

    in_use: int
    limit: int


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime, in UTC and to the millisecond on both databases. A naive one is a ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, and on SQLite without the zone, so that text order is time order."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} does not say which zone it is in")
        utc = value.astimezone(UTC)
        utc = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """Aware again."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """The record. Built once by the composition root, closed by it."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "json_serializer": partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
            "hide_parameters": True,  # the content of memories does not go into logs
        }
        self._openings: set[asyncio.Future[None]] = set()
        if self.is_sqlite:
            options["connect_args"] = {"async_creator_fn": self._open_file}
            self._writer = _prepare_sqlite(
                create_async_engine(self.url, pool_size=1, max_overflow=0, **options), "BEGIN IMMEDIATE"
            )
            self._reader = _prepare_sqlite(
                create_async_engine(self.url, pool_size=READERS, max_overflow=0, **options), "BEGIN"
            )
            del options["connect_args"]
            near = sa.create_engine(
                self.url.set(drivername="sqlite"), poolclass=sa.StaticPool, isolation_level="AUTOCOMMIT", **options
            )
            self._cached_reads = CachedReads(_prepare(near))
            event.listen(self._writer.sync_engine, "after_cursor_execute", self._watch_deletions)
            engines = [self._writer.sync_engine, self._reader.sync_engine, near]
        else:
            self._cached_reads = None
            self._writer = make_postgres_engine(self.url, **options)
            # Otherwise every statement of one `read()` would see a state of its own.
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._single_reads = self._writer.execution_options(isolation_level="AUTOCOMMIT")
            engines = [self._writer.sync_engine]
        self._one_writer = asyncio.Lock() if self.is_sqlite else None
        # At first nobody knows: the process before this one may have been killed before it emptied the log.
        self._has_leftovers = self.is_sqlite
        #: Whether a damage of the file was met since the start.
        self.is_damaged = False
        #: The number of errors by their outage; `other` for errors that are none, such as a conflict of two writers.
        self.errors: Counter[str] = Counter()
        self._engines = engines
        for engine in engines:
            event.listen(engine, "handle_error", self._note_error)

    async def _open_file(self, *args: Any, **parameters: Any) -> aiosqlite.Connection:
        """Open the file. If the task is cancelled meanwhile, the file is opened nevertheless, and closed then.

        Left to itself, the driver's thread would answer to nobody later, and fail if the event loop is closed by then.
        """
        connection = aiosqlite.connect(*args, **parameters)
        connection._thread.daemon = True  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as SQLAlchemy does
        opening = asyncio.ensure_future(connection)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            closing = asyncio.ensure_future(_close_when_open(opening))
            self._openings.add(closing)
            closing.add_done_callback(self._openings.discard)
            raise

    def _note_error(self, context: sa.engine.ExceptionContext) -> None:
        outage = find_outage(context.original_exception)
        self.errors[outage or "other"] += 1
        if outage == "damaged":
            self.is_damaged = True

    def read_pool_figures(self) -> PoolFigures:
        """Return the figures of the connections of all pools together."""
        pools = (engine.pool for engine in self._engines)
        in_use = sum(pool.checkedout() for pool in pools if isinstance(pool, sa.QueuePool))
        return PoolFigures(in_use, 1 + READERS if self.is_sqlite else CONNECTIONS + MORE_CONNECTIONS)

    def watch_statements(self, note: NoteStatement) -> None:
        """Have each statement noted when it has ended, by its kind and without its text and its values."""

        def start(connection: sa.Connection, *_details: Any) -> None:
            connection.info["started"] = time.time_ns()

        def end(connection: sa.Connection, _cursor: Any, statement: str, *_details: Any) -> None:
            word = statement.lstrip().partition(" ")[0].upper()
            note(word if word in STATEMENT_KINDS else "OTHER", connection.info["started"])

        for engine in self._engines:
            event.listen(engine, "before_cursor_execute", start)
            event.listen(engine, "after_cursor_execute", end)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Open a snapshot to read from. It never waits for a writer."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """Open a transaction. It is committed and on the disk when the block ends, and undone if the block raises."""
        async with AsyncExitStack() as stack:
            if self._one_writer is not None:
                await stack.enter_async_context(self._one_writer)
            yield await stack.enter_async_context(self._writer.begin())

    async def cached_rows(
        self, query: sa.Select[*tuple[Any, ...]], values: dict[str, Any] | None = None
    ) -> Sequence[sa.Row[Any]]:
        """Return the rows of a cached read. Only for queries that an index answers, with some dozens of rows at most.

        On SQLite they are read here, on the event loop, and remembered until somebody commits. On Postgres they are
        read in one round trip, without a transaction around the one statement.
        """
        if self._cached_reads is not None:
            return self._cached_reads.read_rows(query, values or {})
        async with self._single_reads.connect() as connection:
            return (await connection.execute(query, values or {})).all()

    async def check_write(self) -> None:
        """Write something that nobody reads, and wait until it is on the disk.

        On SQLite it gives up if another writer takes longer than a second, as that one is writing.

        Raises:
            DBAPIError: the record cannot be written.
        """
        async with AsyncExitStack() as stack:
            if self._one_writer is not None:
                try:
                    await asyncio.wait_for(self._one_writer.acquire(), WRITER_SECONDS)
                except TimeoutError:
                    return
                stack.callback(self._one_writer.release)
            connection = await stack.enter_async_context(self._writer.begin())
            # SQLite writes the page even if the number is the same; Postgres logs the commit of a numbered transaction
            await connection.exec_driver_sql("PRAGMA user_version=0" if self.is_sqlite else "SELECT txid_current()")

    async def find_damage(self) -> list[str]:
        """Return some damages of SQLite's file in SQLite's words; none on Postgres. The whole file is read."""
        if not self.is_sqlite:
            return []
        try:
            async with self.read() as connection:
                rows = await connection.exec_driver_sql(f"PRAGMA quick_check({SHOWN_DAMAGES})")
        except DBAPIError as error:  # SQLite gives up at some damages
            if find_outage(error) != "damaged":
                raise
            return [str(error.orig)]
        lines = [line for (text,) in rows for line in text.splitlines()]
        return [line for line in lines if line != "ok" and not line.startswith("***")][:SHOWN_DAMAGES]

    async def ping(self) -> None:
        """Check that the record answers. Raises one of SQLAlchemy's errors if it does not."""
        async with self.read() as connection:
            await connection.execute(sa.select(1))

    def note_overwriting(self) -> None:
        """Have the log emptied soon, because a text was replaced. Deletions are noted without this call."""
        self._has_leftovers = self.is_sqlite

    async def empty_log(self) -> None:
        """Empty SQLite's log into its file, so that overwritten texts are in neither. On Postgres it does nothing.

        Writers wait for it, and it waits for readers for half a second. If one still reads, the log is emptied the
        next time.
        """
        if self._one_writer is None:
            return
        async with self._one_writer, self._writer.connect() as connection:
            self._has_leftovers = False  # nobody writes meanwhile
            self._has_leftovers = not await connection.run_sync(_empty_log)

    async def remove_leftovers(self) -> None:
        """Empty the log if rows were deleted or replaced since it was emptied: the log still holds their texts."""
        if self._has_leftovers:
            await self.empty_log()

    def _watch_deletions(self, *details: Any) -> None:
        """Note that a statement deletes rows. The details are those of SQLAlchemy's event `after_cursor_execute`."""
        context = details[4]
        if context is not None and context.isdelete:
            self._has_leftovers = True

    async def close(self) -> None:
        """Close every connection, those as well that were being opened when their task was cancelled."""
        if self._openings:
            await asyncio.wait(self._openings)
        await self._writer.dispose()
        if self._cached_reads is not None:
            self._cached_reads.close()
            await self._reader.dispose()


async def fetch_rows(
    source: AsyncConnection | Database, query: sa.Select[*tuple[Any, ...]], values: dict[str, Any]
) -> Sequence[sa.Row[Any]]:
    """Return the rows of a query: of the transaction if `source` is a connection, of a cached read if not."""
    if isinstance(source, Database):
        return await source.cached_rows(query, values)
    return (await source.execute(query, values)).all()


def insert_into(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert, in the connection's dialect, that can say what to do on a conflict."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def make_plain_engine(url: sa.URL) -> AsyncEngine:
    """Return a new engine for a migration: foreign keys are off, so that tables can be rebuilt."""
    if url.get_backend_name() == "sqlite":
        return _prepare_sqlite(create_async_engine(url), "BEGIN IMMEDIATE", foreign_keys=False)
    return connect_to_postgres(url)


async def _close_when_open(opening: asyncio.Future[aiosqlite.Connection]) -> None:
    with suppress(sqlite3.Error):
        await (await opening).close()


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
        return _prepare_sqlite(create_async_engine(url, **options), "BEGIN", foreign_keys=False)
    return connect_to_postgres(url, isolation_level="REPEATABLE READ", **options)


def _keep_text(text: str | None) -> str | None:
    return text


def _empty_log(connection: sa.Connection) -> bool:
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


def _prepare_sqlite(engine: AsyncEngine, begin: str, *, foreign_keys: bool = True) -> AsyncEngine:
    """Give a SQLite engine its pragmas, and the BEGIN that its transactions start with."""

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    def on_invalidate(connection: Any, _record: object, _error: object) -> None:
        # A connection that was cancelled in the middle of a SELECT is closed next, but SQLite would keep it, and its
        # lock, until the cursor is collected.
        connection.rollback()

    event.listen(_prepare(engine.sync_engine, foreign_keys=foreign_keys), "begin", on_begin)
    event.listen(engine.sync_engine, "invalidate", on_invalidate)
    return engine


def _prepare(engine: sa.Engine, *, foreign_keys: bool = True) -> sa.Engine:
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
