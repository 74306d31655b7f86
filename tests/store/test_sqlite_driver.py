"""The driver of SQLite: a statement is one call of the connection's thread, and behaves as it did with four."""

import sqlite3
from contextlib import suppress

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from server.store.sqlite_driver import connect_quickly
from server.store.tables.accounts import epoch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def connection(tmp_path):
    connection = await connect_quickly(str(tmp_path / "some.db"), isolation_level=None)
    yield connection
    await connection.close()


async def run(connection, sql, values=()):
    return await connection.cursor().execute(sql, values)


async def test_a_cursor_has_the_rows_the_names_and_the_numbers_of_its_statement(connection):
    made = await run(connection, "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT)")
    assert made.description is None
    assert await made.fetchall() == []
    stored = await run(connection, "INSERT INTO words (word) VALUES ('a'), ('b') RETURNING id")
    assert await stored.fetchall() == [(1,), (2,)]
    assert stored.lastrowid == 2
    changed = await run(connection, "UPDATE words SET word = word || ?", ("!",))
    assert changed.rowcount == 2
    many = await connection.cursor().executemany("INSERT INTO words (word) VALUES (?)", [("c",), ("d",), ("e",)])
    assert many.rowcount == 3
    found = await run(connection, "SELECT id, word FROM words ORDER BY id")
    assert [name for name, *_ in found.description] == ["id", "word"]
    assert await found.fetchall() == [(1, "a!"), (2, "b!"), (3, "c"), (4, "d"), (5, "e")]
    assert await found.fetchall() == []


async def test_a_statement_that_fails_leaves_no_cursor_open_and_its_error_is_sqlites(connection):
    await run(connection, "CREATE TABLE words (word TEXT NOT NULL)")
    await run(connection, "BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.IntegrityError):
        await run(connection, "INSERT INTO words VALUES (NULL)")
    await connection.rollback()
    assert not connection.in_transaction
    await run(connection, "DROP TABLE words")  # an open cursor would lock the table


async def test_what_was_committed_stays_after_the_pool_has_its_connection_back(lite):
    for value in range(3):
        async with lite.write() as connection:
            await connection.execute(sa.insert(epoch).values(id=value, value=value))
    with suppress(IntegrityError):
        async with lite.write() as connection:
            await connection.execute(sa.insert(epoch).values(id=7, value=7))
            await connection.execute(sa.insert(epoch).values(id=0, value=0))
    async with lite.read() as connection:
        assert set((await connection.execute(sa.select(epoch.c.id))).scalars()) == {0, 1, 2}
