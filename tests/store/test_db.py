"""The record's connection: what a transaction promises, on both databases, and what a value looks like after it."""

import asyncio
import sqlite3
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from server.store.db import Database
from server.store.tables.accounts import accounts, epoch, workspaces
from server.store.tables.memories import memories

pytestmark = pytest.mark.anyio


async def value(connection):
    return (await connection.execute(sa.select(epoch.c.value))).scalar_one_or_none()


async def test_a_write_is_undone_when_the_block_raises(db, check_undone):
    await check_undone(db, lambda connection: connection.execute(sa.insert(epoch).values(id=1, value=1)))
    async with db.read() as connection:
        assert await value(connection) is None


async def test_a_write_that_is_cancelled_is_undone_and_holds_up_nobody(db):
    inside = asyncio.Event()

    async def never_ends():
        async with db.write() as connection:
            await connection.execute(sa.insert(epoch).values(id=1, value=1))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with db.write() as connection:
        assert await value(connection) is None
        await connection.execute(sa.insert(epoch).values(id=1, value=2))


async def test_a_write_that_is_cancelled_at_any_moment_of_a_select_holds_up_nobody(sqlite_path, monkeypatch):
    monkeypatch.setattr("server.store.sql_engines.BUSY_TIMEOUT_MS", 0)
    db = Database(f"sqlite+aiosqlite:///{sqlite_path}")
    counting = sa.text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200) SELECT x FROM n")

    async def read_and_write():
        async with db.write() as connection:
            for _ in range(6):
                assert len((await connection.execute(counting)).all()) == 200
            await connection.execute(sa.insert(epoch).values(id=1, value=1))

    cancelled = []  # kept, because with the last task goes the cursor that it was cancelled at
    for rounds in range(0, 200, 2):
        task = asyncio.create_task(read_and_write())
        for _ in range(rounds):
            await asyncio.sleep(0)
        cancelled.append(task)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with db.write() as connection:
            await connection.execute(sa.delete(epoch))
    await db.close()


async def test_twenty_writes_at_once_queue_and_none_is_lost(db):
    async with db.write() as connection:
        await connection.execute(sa.insert(epoch).values(id=1, value=0))

    async def add_one():
        async with db.write() as connection:
            await connection.execute(sa.update(epoch).values(value=epoch.c.value + 1))

    await asyncio.gather(*(add_one() for _ in range(20)))
    async with db.read() as connection:
        assert await value(connection) == 20


async def test_a_writer_of_another_process_queues_too(lite, sqlite_path):
    other = Database(f"sqlite+aiosqlite:///{sqlite_path}")  # has a lock of its own, as a process would
    inside = asyncio.Event()

    async def second():
        await inside.wait()
        async with other.write() as connection:
            await connection.execute(sa.insert(epoch).values(id=2, value=2))

    task = asyncio.create_task(second())
    async with lite.write() as connection:
        await connection.execute(sa.insert(epoch).values(id=1, value=1))
        inside.set()
        await connection.execute(sa.select(epoch))
    await task
    await other.close()
    async with lite.read() as connection:
        assert set((await connection.execute(sa.select(epoch.c.id))).scalars()) == {1, 2}


async def test_a_reader_sees_a_snapshot_and_never_waits_for_a_writer(db):
    async with db.write() as connection:
        await connection.execute(sa.insert(epoch).values(id=1, value=1))
    async with db.read() as reading:
        assert await value(reading) == 1
        async with db.write() as connection:
            await connection.execute(sa.update(epoch).values(value=2))
            async with db.read() as another:
                assert await value(another) == 1  # not committed, and no wait for it
        assert await value(reading) == 1
    async with db.read() as reading:
        assert await value(reading) == 2


async def test_more_readers_than_connections_take_turns(db):
    async def read():
        async with db.read() as connection:
            return await value(connection)

    assert await asyncio.gather(*(read() for _ in range(40))) == [None] * 40


async def test_foreign_keys_are_on(db, clock):
    with pytest.raises(IntegrityError):
        async with db.write() as connection:
            await connection.execute(
                sa.insert(workspaces).values(
                    id="w", account_id="nobody", name="x", created_at=clock(), updated_at=clock()
                )
            )


@pytest.mark.parametrize(
    ("pragma", "setting"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 15000)],
)
async def test_every_sqlite_connection_has_its_pragmas(lite, pragma, setting):
    async with lite.read() as one, lite.read() as two, lite.write() as three:
        for connection in (one, two, three):
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one() == setting


async def test_nothing_can_be_written_through_a_read_on_postgres(db):
    if db.is_sqlite:
        return  # there `read()` would just not commit
    async with db.read() as connection:
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(sa.insert(epoch).values(id=1, value=1))


async def test_what_is_written_through_a_read_is_not_kept(lite):
    async with lite.read() as connection:
        await connection.execute(sa.insert(epoch).values(id=1, value=1))
    async with lite.read() as connection:
        assert await value(connection) is None


@pytest.mark.parametrize(
    "time",
    [
        datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC),
        datetime(2026, 3, 1, 17, 30, 15, 123999, tzinfo=timezone(timedelta(hours=5))),
    ],
)
async def test_a_time_comes_back_aware_in_utc_and_to_the_millisecond(db, time):
    async with db.write() as connection:
        await connection.execute(sa.insert(accounts).values(id="a", name="ann", name_key="ann", created_at=time))
    async with db.read() as connection:
        back = (await connection.execute(sa.select(accounts.c.created_at))).scalar_one()
        after = sa.select(accounts.c.id).where(accounts.c.created_at > time - timedelta(milliseconds=1))
        assert (await connection.execute(after)).scalar_one() == "a"
    assert back == datetime(2026, 3, 1, 12, 30, 15, 123000, tzinfo=UTC)
    assert back.tzinfo is UTC or back.utcoffset() == timedelta(0)


async def test_a_naive_time_is_refused(db):
    with pytest.raises(StatementError, match="which zone"):
        async with db.write() as connection:
            await connection.execute(
                sa.insert(accounts).values(id="a", name="ann", name_key="ann", created_at=datetime(2026, 3, 1))
            )


async def test_json_comes_back_as_it_was_and_stays_readable(ledger):
    (memory_id,) = await ledger.store("x", tags=["Ärger", '"', "日本"], metadata={"a": [None, 1.5, {"ü": True}]})
    memory = await ledger.get(memory_id)
    assert memory.tags == ["Ärger", '"', "日本"]
    assert memory.metadata == {"a": [None, 1.5, {"ü": True}]}
    async with ledger.db.read() as connection:
        text = (await connection.execute(sa.select(sa.cast(memories.c.tags, sa.Text)))).scalar_one()
    assert "Ärger" in text
    assert "日本" in text


async def test_ping_tells_a_record_that_is_there_from_one_that_is_not(db, tmp_path):
    await db.ping()
    gone = Database(f"sqlite+aiosqlite:///{tmp_path}/no/such/folder/loci.db")
    with pytest.raises(OperationalError):
        await gone.ping()
    await gone.close()


async def test_a_file_that_is_being_opened_for_a_cancelled_task_is_closed_before_the_database_is(tmp_path, monkeypatch):
    """Else the driver's thread answers into an event loop that may be closed by then."""
    started, may_open, connect = threading.Event(), threading.Event(), sqlite3.connect

    def open_slowly(*args, **parameters):
        started.set()
        assert may_open.wait(60)
        return connect(*args, **parameters)

    monkeypatch.setattr(sqlite3, "connect", open_slowly)
    threads = set(threading.enumerate())
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/loci.db")
    task = asyncio.create_task(db.ping())
    assert await asyncio.to_thread(started.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    closing = asyncio.create_task(db.close())
    done, _ = await asyncio.wait({closing}, timeout=0.1)
    assert not done, "the file is still being opened"
    may_open.set()
    await asyncio.wait_for(closing, 60)
    drivers = {each for each in threading.enumerate() if each not in threads and "asyncio" not in each.name}
    for each in drivers:
        each.join(60)
        assert not each.is_alive()
