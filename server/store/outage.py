"""The outages of the record, told by its drivers' errors: the disk is full, the file is damaged, or it is down."""

import errno
import sqlite3
from typing import Literal, cast

from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

Outage = Literal["full", "damaged", "down"]

_ERRNO: dict[int | None, Outage] = {errno.ENOSPC: "full", errno.EDQUOT: "full"}
_SQLITE: dict[int, Outage] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
_SQLSTATES: dict[str, Outage] = {"53100": "full", "XX001": "damaged", "XX002": "damaged"}
_DOWN = ("08", "53", "57", "58")
"""Classes of Postgres' states: connections, resources, interventions of an operator, errors of the system."""
#: The driver's error for a rollback on a connection that Postgres is ending, in place of the error that said so.
_MISPLACED = AsyncAdapt_asyncpg_dbapi.InternalClientError


def find_outage(error: BaseException | None) -> Outage | None:
    """Return the outage that an error tells of, or None if the error has another cause."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno, "down")
    if isinstance(error, PoolTimeout):
        return "down"
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    # the low byte of SQLite's code is its kind
    known = _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    state = str(getattr(cause, "sqlstate", None) or "")
    known = known or _SQLSTATES.get(state)
    is_lost = isinstance(error, OperationalError | InterfaceError) or isinstance(cause, _MISPLACED)
    if known is None and (is_lost or state.startswith(_DOWN)):
        return "down"
    return known
