"""The record's connection: SQLite with one writer, or Postgres, behind `read()` and `write()`.

Every statement of the product runs inside one of the two. On SQLite a write transaction takes the
write lock at once (BEGIN IMMEDIATE), so two of them queue instead of failing half-way, and a commit
returns only when it is on the disk.
"""

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from server.store.cached_reads import CachedReads
from server.store.group_commit import GroupCommit, I, R, WriteAll
from server.store.outage import find_outage
from server.store.postgres_connections import CONNECTIONS, MORE_CONNECTIONS, make_postgres_engine
from server.store.sql_engines import empty_log, prepare_connections, prepare_sqlite
from server.store.sqlite_driver import connect_quickly

READERS = 4
SHOWN_DAMAGES = 3
WRITER_SECONDS = 1
#: The seconds before each new try to empty the log, if somebody read from it.
EMPTYING_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
#: The first words by which statements are told apart; `OTHER` stands for all other words.
STATEMENT_KINDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "PRAGMA"})

#: Called with the kind of a statement that has ended, and the nanosecond since 1970 at which it began.
NoteStatement = Callable[[str, int], None]


class PoolFigures(NamedTuple):
    """The connections of the record: those in use, and the most that there may be."""

    in_use: int
    limit: int


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
        self._groups: dict[WriteAll[Any, Any], GroupCommit[Any, Any]] = {}
        if self.is_sqlite:
            options["connect_args"] = {"async_creator_fn": self._open_file}
            self._writer = prepare_sqlite(
                create_async_engine(self.url, pool_size=1, max_overflow=0, **options), "BEGIN IMMEDIATE"
            )
            self._reader = prepare_sqlite(
                create_async_engine(self.url, pool_size=READERS, max_overflow=0, **options), "BEGIN"
            )
            del options["connect_args"]
            near = sa.create_engine(
                self.url.set(drivername="sqlite"), poolclass=sa.StaticPool, isolation_level="AUTOCOMMIT", **options
            )
            self._cached_reads = CachedReads(prepare_connections(near))
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
        connection = connect_quickly(*args, **parameters)
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

    async def write_together(self, write_all: WriteAll[I, R], item: I) -> R:
        """Write an item in one transaction with those that wait for the same `write_all`; return its result.

        It is on the disk then. See `GroupCommit.write`.
        """
        group = self._groups.get(write_all)
        if group is None:
            group = self._groups[write_all] = GroupCommit(self.write, write_all)
        return await group.write(item)

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

    async def read_few_rows(self, query: sa.Select[*tuple[Any, ...]], values: dict[str, Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows of a query that nobody asks again. Only for some dozens of rows, found in an index.

        On SQLite they are read here, on the event loop, as those of `cached_rows`.
        """
        if self._cached_reads is not None:
            return self._cached_reads.read_rows_once(query, values)
        async with self.read() as connection:
            return (await connection.execute(query, values)).all()

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

    @property
    def log_name(self) -> str:
        """The name of SQLite's log, without its folder; empty on Postgres."""
        return f"{Path(self.url.database or '').name}-wal" if self.is_sqlite else ""

    async def empty_log(self, tries: int = 1) -> bool:
        """Empty SQLite's log into its file, so that overwritten texts are in neither. On Postgres it does nothing.

        Writers wait for each try, and it waits for readers for half a second. If one still reads after the last try,
        the texts are leftovers, which the background removes.

        Returns:
            Whether the overwritten texts are gone.
        """
        for pause in [0.0, *EMPTYING_PAUSES][:tries]:
            await asyncio.sleep(pause)
            if await self._try_to_empty_log():
                return True
        return False

    async def _try_to_empty_log(self) -> bool:
        if self._one_writer is None:
            return True
        async with self._one_writer, self._writer.connect() as connection:
            # Nobody writes meanwhile. If this fails or is cancelled, the texts may still be there.
            self._has_leftovers = True
            self._has_leftovers = not await connection.run_sync(empty_log)
        return not self._has_leftovers

    async def remove_leftovers(self) -> bool:
        """Empty the log if rows were deleted or replaced since it was emptied: the log still holds their texts.

        While it is held, it is tried again and again for some seconds.

        Returns:
            Whether nothing is left.
        """
        return not self._has_leftovers or await self.empty_log(1 + len(EMPTYING_PAUSES))

    def _watch_deletions(self, *details: Any) -> None:
        """Note that a statement deletes rows. The details are those of SQLAlchemy's event `after_cursor_execute`."""
        context = details[4]
        if context is not None and context.isdelete:
            self._has_leftovers = True

    async def close(self) -> None:
        """Close every connection, those as well that were being opened when their task was cancelled."""
        for group in self._groups.values():
            await group.finish()
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
    return insert_in_dialect(connection.dialect.name, table)


def insert_in_dialect(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert in the dialect with this name, as `insert_into`."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


async def _close_when_open(opening: asyncio.Future[aiosqlite.Connection]) -> None:
    with suppress(sqlite3.Error):
        await (await opening).close()
