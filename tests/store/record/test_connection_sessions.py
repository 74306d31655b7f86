"""The session of a connection that names none, on both databases."""

import asyncio

import pytest
import sqlalchemy as sa

from server.store.db import Database
from server.store.record.connection_sessions import PAUSE, delete_old_sessions, find_session
from server.store.tables.memories import connection_sessions

pytestmark = pytest.mark.anyio


async def ask(ledger, *names, db=None, now=None):
    async with (db or ledger.db).write() as connection:
        return await find_session(connection, ledger.workspace, names or ("key", "app"), now or ledger.now())


async def test_a_session_lasts_until_a_pause_and_starts_and_ends_for_each_connection_by_itself(ledger, clock):
    first = await ask(ledger)
    clock.move(minutes=29)
    assert await ask(ledger) == first
    other = await ask(ledger, "key", "other app")
    clock.move(minutes=29)  # since the last store, and not since the first
    assert await ask(ledger) == first
    assert await ask(ledger, "key", "other app") == other != first
    clock.move(minutes=30)
    assert await ask(ledger) not in {first, other}


async def test_several_processes_agree_and_a_restart_changes_nothing(ledger):
    others = [Database(ledger.db.url) for _ in range(3)]
    try:
        found = await asyncio.gather(*(ask(ledger, db=db) for db in [ledger.db, *others] for _ in range(3)))
    finally:
        for db in others:
            await db.close()
    assert len(set(found)) == 1


async def test_a_clock_that_is_behind_ends_no_session(ledger, clock):
    first = await ask(ledger)
    assert await ask(ledger, now=clock() - 2 * PAUSE) == first
    clock.move(minutes=29)
    assert await ask(ledger) == first


async def test_rows_that_are_of_no_use_are_deleted(ledger, clock):
    await ask(ledger, "old")
    clock.move(minutes=20)
    new = await ask(ledger, "new")
    clock.move(minutes=10)
    async with ledger.db.write() as connection:
        await delete_old_sessions(connection, clock())
        left = (await connection.execute(sa.select(connection_sessions.c.session))).scalars().all()
    assert left == [new]
