"""An error of a driver tells whether the record's disk is full, its file is damaged, or the record is down."""

import errno
import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from server.store import db as db_module
from server.store.db import Database
from server.store.outage import find_outage

pytestmark = pytest.mark.anyio


class PostgresError(Exception):
    def __init__(self, sqlstate):
        super().__init__("text")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "full"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "down"),
        (TimeoutError(), "down"),
        (PoolTimeout(), "down"),
        (InterfaceError("SELECT 1", {}, Exception("closed")), "down"),
        (OperationalError("SELECT 1", {}, Exception("disk I/O error")), "down"),
        (DBAPIError("SELECT 1", {}, PostgresError("53100")), "full"),
        (DBAPIError("SELECT 1", {}, PostgresError("XX001")), "damaged"),
        (DBAPIError("SELECT 1", {}, PostgresError("XX002")), "damaged"),
        (DBAPIError("SELECT 1", {}, PostgresError("53300")), "down"),
        (DBAPIError("SELECT 1", {}, PostgresError("57P01")), "down"),
        (DBAPIError("SELECT 1", {}, PostgresError("58030")), "down"),
        (InternalError(None, None, AsyncAdapt_asyncpg_dbapi.InternalClientError("cannot switch to state 15")), "down"),
        (DBAPIError("SELECT 1", {}, PostgresError("42601")), None),
        (DBAPIError("SELECT 1", {}, PostgresError(None)), None),
        (IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE")), None),
        (ExceptionGroup("two", [ExceptionGroup("one", [OSError(errno.ENOSPC, "full")]), ValueError()]), "full"),
        (ValueError("a bug"), None),
        (None, None),
    ],
)
def test_an_error_tells_of_its_outage(error, outage):
    assert find_outage(error) == outage


async def write_until_full(db):
    async with db.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE words (word TEXT)")
        await connection.exec_driver_sql("PRAGMA max_page_count=20")
        for _ in range(100):
            await connection.exec_driver_sql("INSERT INTO words VALUES (hex(randomblob(2000)))")


async def test_sqlites_own_errors_are_known(tmp_path):
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/loci.db")
    with pytest.raises(DBAPIError) as raised:
        await write_until_full(db)
    assert find_outage(raised.value) == "full"
    assert not db.is_damaged
    await db.close()

    (tmp_path / "text.db").write_text("this is no database, but a text of some length" * 100)
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/text.db")
    with pytest.raises(DBAPIError) as raised:
        await db.ping()
    assert find_outage(raised.value) == "damaged"
    await db.close()

    with pytest.raises(sqlite3.DatabaseError) as raised:
        sqlite3.connect(tmp_path / "text.db").execute("SELECT * FROM sqlite_master")
    assert find_outage(raised.value) == "damaged"


async def test_a_write_is_tried_on_both_databases_and_changes_nothing(db):
    await db.check_write()
    async with db.read() as connection:
        tables = await connection.run_sync(lambda each: sa.inspect(each).get_table_names())
    await db.check_write()
    async with db.read() as connection:
        assert await connection.run_sync(lambda each: sa.inspect(each).get_table_names()) == tables


async def test_a_write_is_not_tried_beside_a_long_one(sqlite_path, monkeypatch):
    monkeypatch.setattr(db_module, "WRITER_SECONDS", 0.01)
    db = Database(f"sqlite+aiosqlite:///{sqlite_path}")
    async with db.write():
        await db.check_write()  # it would wait for ever
    await db.check_write()
    await db.close()


@pytest.mark.parametrize("pages_after_root", [0, 1, 2])
async def test_a_damaged_page_is_found(tmp_path, pages_after_root):
    path = tmp_path / "loci.db"
    db = Database(f"sqlite+aiosqlite:///{path}")
    async with db.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE words (word TEXT NOT NULL)")
        for _ in range(50):
            await connection.exec_driver_sql("INSERT INTO words VALUES (hex(randomblob(500)))")
    assert await db.find_damage() == []
    await db.close()
    with path.open("r+b") as file:
        file.seek((1 + pages_after_root) * 4096)
        file.write(b"\xff" * 4096)
    db = Database(f"sqlite+aiosqlite:///{path}")
    damages = await db.find_damage()
    assert 1 <= len(damages) <= 3
    assert not [line for line in damages if "\n" in line or line.startswith("***")]
    await db.close()
