"""Reads of SQLite on the event loop, whose rows are remembered until anybody commits.

Every recall asks for the same few rows again: the skip list, what is being worked on, the crystal. To hand a statement
to a thread and back takes twenty times as long as to read it here, and most of the rest is spent in SQLAlchemy.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

REMEMBERED = 256
"""The number of results that are kept. Each has some dozens of rows at most."""
_VERSION = "PRAGMA data_version"


class CachedReads:
    """A connection of its own. Nothing is ever written through it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._version = 0
        self._known: dict[tuple[object, ...], Sequence[sa.Row[Any]]] = {}

    def read_rows(self, query: sa.Select[*tuple[Any, ...]], values: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows that a query with these values finds now.

        Raises:
            DBAPIError: the file cannot be read.
        """
        if self._connection is None:
            self._connection = self._engine.connect()
        # Asked before the rows are read, so that after a commit in between they are read again.
        version = self._read_data_version(self._connection)
        if version != self._version:
            self._version = version
            self._known.clear()
        key = (query, *values.values())
        rows = self._known.get(key)
        if rows is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            rows = self._known[key] = self._connection.execute(query, values).all()
        return rows

    def read_rows_once(self, query: sa.Select[*tuple[Any, ...]], values: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows that a query finds, and do not remember them.

        Raises:
            DBAPIError: the file cannot be read.
        """
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection.execute(query, values).all()

    @staticmethod
    def _read_data_version(connection: sa.Connection) -> int:
        """Return a number that changes when any other connection, of this process or another, has committed."""
        # Past SQLAlchemy, which takes longer over it than SQLite.
        driver: Any = connection.connection.driver_connection
        try:
            (version,) = driver.execute(_VERSION).fetchone()
        except sqlite3.Error as error:
            raise DBAPIError.instance(_VERSION, None, error, sqlite3.Error) from error
        return version

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()
