"""Group commit: writes that wait at the same moment are one transaction, and none of them notices the others."""

import asyncio
import errno

import pytest
import sqlalchemy as sa

from server.store.db import Database
from server.store.tables.accounts import epoch

pytestmark = pytest.mark.anyio


class Writer:
    """Writes numbers. Its first transaction waits for `go_on`, so that the writes behind it are one group."""

    def __init__(self):
        self.groups: list[list[int]] = []
        self.is_inside, self.go_on = asyncio.Event(), asyncio.Event()

    async def write_all(self, connection, numbers):
        self.groups.append(list(numbers))
        for number in numbers:
            if number == 28:
                raise OSError(errno.ENOSPC, "no space left")
            await connection.execute(sa.insert(epoch).values(id=number, value=number))
            if number == 13:
                raise ValueError("not this one")
        self.is_inside.set()
        await self.go_on.wait()
        return [f"wrote {number}" for number in numbers]


async def list_numbers(db):
    async with db.read() as connection:
        return set((await connection.execute(sa.select(epoch.c.id))).scalars())


async def start_writes(db, *numbers):
    """Start a write, and then others while it is in its transaction; the writer, and the tasks in this order."""
    writer = Writer()
    tasks = [asyncio.create_task(db.write_together(writer.write_all, numbers[0]))]
    await writer.is_inside.wait()
    tasks += [asyncio.create_task(db.write_together(writer.write_all, number)) for number in numbers[1:]]
    await asyncio.sleep(0)  # each has queued
    return writer, tasks


async def test_writes_that_wait_at_the_same_moment_are_one_transaction_and_each_gets_its_result(db):
    writer, tasks = await start_writes(db, 1, 2, 3, 4)
    assert await list_numbers(db) == set()
    assert not any(task.done() for task in tasks)
    writer.go_on.set()
    assert await asyncio.gather(*tasks) == ["wrote 1", "wrote 2", "wrote 3", "wrote 4"]
    assert writer.groups == [[1], [2, 3, 4]]
    assert await list_numbers(db) == {1, 2, 3, 4}


async def test_of_a_group_with_one_that_is_refused_all_others_are_written(db):
    writer, tasks = await start_writes(db, 1, 2, 13, 3)
    writer.go_on.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in results] == ["wrote 1", "wrote 2", "not this one", "wrote 3"]
    assert isinstance(results[2], ValueError)
    assert await list_numbers(db) == {1, 2, 3}


async def test_an_outage_is_not_met_once_for_each_write_of_a_group(db):
    writer, tasks = await start_writes(db, 1, 2, 28, 3)
    writer.go_on.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in results] == [str, OSError, OSError, OSError]
    assert writer.groups == [[1], [2, 28, 3]]
    assert await list_numbers(db) == {1}
    assert await db.write_together(writer.write_all, 4) == "wrote 4"


async def test_a_caller_that_goes_away_takes_nobody_with_it(db):
    writer, tasks = await start_writes(db, 1, 2, 3)
    tasks[0].cancel()  # in its transaction
    tasks[1].cancel()  # before its transaction
    await asyncio.gather(*tasks[:2], return_exceptions=True)
    writer.go_on.set()
    assert await tasks[2] == "wrote 3"
    assert await list_numbers(db) == {1, 3}


async def test_a_record_that_is_closed_has_written_what_waits(sqlite_path):
    db = Database(f"sqlite+aiosqlite:///{sqlite_path}")
    writer, tasks = await start_writes(db, 1, 2)
    closing = asyncio.create_task(db.close())
    await asyncio.sleep(0)
    writer.go_on.set()
    await closing
    assert await asyncio.gather(*tasks) == ["wrote 1", "wrote 2"]
