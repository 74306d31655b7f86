"""SQLite's driver for the record: a statement with all its rows is one call of the connection's thread.

`aiosqlite` makes four of it: for the cursor, the statement, its rows, and the end of the cursor. To hand work to a
thread and back takes longer than most statements.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite


class WholeCursor:
    """A cursor that reads all rows of its statement at once. SQLAlchemy's adapter is its only caller."""

    arraysize = 1

    def __init__(self, connection: "QuickConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Run a statement, and keep its rows."""
        await self._connection.call_thread(self._run, sqlite3.Cursor.execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Run a statement with each of these values. It gives no rows."""
        await self._connection.call_thread(self._run, sqlite3.Cursor.executemany, sql, parameters)
        return self

    def _run(self, connection: sqlite3.Connection, run: Callable[..., Any], sql: str, parameters: Any) -> None:
        cursor = connection.cursor()
        try:
            run(cursor, sql, parameters)
            self._rows = cursor.fetchall() if cursor.description else []
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    async def fetchall(self) -> list[Any]:
        """Return the rows that were not returned yet."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Forget the rows."""
        self._rows = []


class QuickConnection(aiosqlite.Connection):
    """A connection whose cursors are `WholeCursor`s."""

    _was_cut_off = False

    def cursor(self) -> Any:
        """Return a new `WholeCursor`. The thread is not asked."""
        return WholeCursor(self)

    async def call_thread(self, work: Callable[..., None], *args: Any) -> None:
        """Have `work(connection, *args)` done in the thread, where `connection` is sqlite3's own.

        Raises:
            sqlite3.Error: the error of SQLite, if there is one.
        """
        try:
            await self._execute(work, self._conn, *args)  # pyright: ignore[reportUnknownMemberType] - it has no types
        except asyncio.CancelledError:
            self._was_cut_off = True
            raise

    async def rollback(self) -> None:
        """Undo the transaction. After a commit there is none, and the thread is not asked."""
        if self._was_cut_off or self.in_transaction:
            await super().rollback()


def connect_quickly(path: str, **options: Any) -> QuickConnection:
    """Return a connection that is not open yet: await it. The options are those of `sqlite3.connect`."""
    return QuickConnection(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
