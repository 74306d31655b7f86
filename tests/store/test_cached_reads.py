"""Look-ups: what is remembered of them, and that nobody ever sees what was true before a commit."""

import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from server.store import cached_reads
from server.store.tables.accounts import epoch
from tests.helpers.statements import note_statements

pytestmark = pytest.mark.anyio

QUERY = sa.select(epoch.c.value).where(epoch.c.id == sa.bindparam("number"))


async def read_value(db, number=1):
    rows = await db.cached_rows(QUERY, {"number": number})
    return rows[0].value if rows else None


async def write(db, value):
    async with db.write() as connection:
        await connection.execute(sa.delete(epoch))
        await connection.execute(sa.insert(epoch).values(id=1, value=value))


@pytest.fixture
def statements():
    """The number of our queries that went to a database."""
    with note_statements("epoch.value") as statements:
        yield statements


async def test_what_was_committed_is_seen_by_the_next_read_value(db):
    assert await read_value(db) is None
    for value in range(3):
        await write(db, value)
        assert await read_value(db) == value


async def test_what_is_not_committed_yet_is_not_seen(db):
    await write(db, 1)
    async with db.write() as connection:
        await connection.execute(sa.update(epoch).values(value=2))
        assert await read_value(db) == 1
    assert await read_value(db) == 2


async def test_what_another_process_commits_is_seen(lite, sqlite_path):
    await write(lite, 1)
    assert await read_value(lite) == 1
    other = sqlite3.connect(sqlite_path)
    with other:
        other.execute("UPDATE epoch SET value = 2")
    other.close()
    assert await read_value(lite) == 2


async def test_an_answer_is_asked_for_once_until_somebody_commits(lite, statements):
    await write(lite, 1)
    assert [await read_value(lite) for _ in range(5)] == [1] * 5
    assert [await read_value(lite, 2) for _ in range(5)] == [None] * 5
    assert len(statements) == 2
    await write(lite, 1)
    assert await read_value(lite) == 1
    assert len(statements) == 3


async def test_no_more_is_remembered_than_the_bound(lite, statements, monkeypatch):
    monkeypatch.setattr(cached_reads, "REMEMBERED", 3)
    for number in (1, 2, 3, 3, 4, 3):
        await read_value(lite, number)
    assert len(statements) == 5  # the first three are forgotten for the fourth


def test_a_file_that_cannot_be_read_fails_as_it_does_everywhere_else(sqlite_path):
    drivers = []
    engine = sa.create_engine(f"sqlite:///{sqlite_path}")
    event.listen(engine, "connect", lambda driver, _record: drivers.append(driver))
    made = cached_reads.CachedReads(engine)
    assert made.read_rows(QUERY, {"number": 1}) == []
    (driver,) = drivers
    driver.set_progress_handler(lambda: 1, 1)  # has SQLite give up at its first step
    with pytest.raises(OperationalError):
        made.read_rows(QUERY, {"number": 1})
    driver.set_progress_handler(None, 0)
    assert made.read_rows(QUERY, {"number": 1}) == []
    made.close()
