"""Accesses: counted in memory, written every second, and lost by nothing but a crash."""

import asyncio

import pytest
import sqlalchemy as sa

from server.store.db import Database
from server.store.projection import accesses as module
from server.store.projection.accesses import Accesses
from server.store.projection.placement import name_collection
from server.store.projection.projection import Projection
from server.store.record.memories import get_memory
from server.store.tables.memories import memories
from tests.helpers.points import read_point

pytestmark = pytest.mark.anyio


class Deaf(Projection):
    """A projection that is told of nothing; for the record alone."""

    def __init__(self):
        pass

    async def patch_points(self, workspace_id, patches):
        pass


@pytest.fixture
def read_accesses():
    async def ask(ledger):
        async with ledger.db.read() as connection:
            query = sa.select(memories.c.id, memories.c.access_count, memories.c.last_accessed_at, memories.c.revision)
            return {row[0]: tuple(row[1:]) for row in await connection.execute(query)}

    return ask


async def test_accesses_are_added_up_and_drained_to_the_record(ledger, clock, read_accesses):
    one, two, three = await ledger.store("a", "b", "c")
    accesses = Accesses(ledger.db, Deaf(), clock)
    accesses.note(ledger.workspace, [one, two])
    clock.move(seconds=5)
    accesses.note(ledger.workspace, [one])
    await accesses.drain()
    earlier, later = clock().replace(second=0), clock()
    assert await read_accesses(ledger) == {one: (2, later, 1), two: (1, earlier, 2), three: (0, None, 3)}
    await accesses.drain()
    assert (await read_accesses(ledger))[one] == (2, later, 1)
    assert await ledger.row("revision") == (3,)


async def test_the_queue_has_a_size_until_it_is_drained(ledger, clock):
    one, two = await ledger.store("a", "b")
    accesses = Accesses(ledger.db, Deaf(), clock)
    accesses.note(ledger.workspace, [one, two])
    accesses.note(ledger.workspace, [one])
    assert accesses.size == 2
    await accesses.drain()
    assert accesses.size == 0


async def test_a_recall_that_found_nothing_and_ids_that_nobody_knows_are_no_error(ledger, clock, read_accesses):
    (one,) = await ledger.store("a")
    accesses = Accesses(ledger.db, Deaf(), clock)
    accesses.note(ledger.workspace, [])
    await accesses.drain()
    accesses.note(ledger.workspace, ["unknown", one])
    await accesses.drain()
    assert (await read_accesses(ledger))[one][0] == 1


async def test_accesses_reach_the_points_that_exist_and_make_none(book, projection, engine, clock):
    one, gone = await book.store("a", "b")
    await projection.project(book.workspace)
    accesses = Accesses(book.db, projection, clock)
    accesses.note(book.workspace, [one, gone])
    accesses.note(book.workspace, [one])
    await book.delete(gone)
    await projection.project(book.workspace)
    await accesses.drain()
    (point,) = await engine.read_points(name_collection(book.workspace, 0, 0))
    assert (point.id, point.payload["access_count"]) == (one, 2)


async def test_an_engine_that_is_down_loses_no_count(book, projection, engine, clock, read_accesses):
    (one,) = await book.store("a")
    await projection.project(book.workspace)
    accesses = Accesses(book.db, projection, clock)
    accesses.note(book.workspace, [one])
    engine.is_down = True
    await accesses.drain()
    assert (await read_accesses(book))[one][0] == 1
    engine.is_down = False
    await book.change(one, content="b")
    await projection.project(book.workspace)
    point = await read_point(engine, name_collection(book.workspace, 0, 0), one)
    assert point.payload["access_count"] == 1


class Failing(Database):
    """A record whose first write fails, after something else was counted."""

    def __init__(self, db, meanwhile):
        self.db, self.meanwhile = db, meanwhile

    def write(self):
        if self.meanwhile is not None:
            self.meanwhile, meanwhile = None, self.meanwhile
            meanwhile()
            raise ZeroDivisionError
        return self.db.write()


async def test_a_drain_that_fails_keeps_its_counts_for_the_next(ledger, clock, read_accesses):
    one, two = await ledger.store("a", "b")
    accesses = Accesses(Failing(ledger.db, lambda: accesses.note(ledger.workspace, [one])), Deaf(), clock)
    accesses.note(ledger.workspace, [one, two])
    with pytest.raises(ZeroDivisionError):
        await accesses.drain()
    await accesses.drain()
    assert {key: value[0] for key, value in (await read_accesses(ledger)).items()} == {one: 2, two: 1}


async def test_a_read_before_within_or_after_a_drain_sees_each_access_once(ledger, clock):
    (one,) = await ledger.store("a")
    accesses = Accesses(ledger.db, Deaf(), clock)

    async def read():
        memory = await get_memory(ledger.db, ledger.workspace, one)
        assert memory is not None
        return memory

    for count in (1, 2, 3):
        reads = [await read()]
        accesses.note(ledger.workspace, [one])
        draining = asyncio.create_task(accesses.drain())
        while not draining.done():
            await asyncio.sleep(0)  # let the drain take a step
            reads.append(await read())
            for each in reads:
                seen = accesses.add_unwritten(ledger.workspace, each)
                assert (seen.access_count, seen.last_accessed_at) == (count, clock())
        await draining
        clock.move(seconds=1)


async def test_a_crash_loses_what_was_not_drained_and_nothing_else(ledger, clock, read_accesses):
    (one,) = await ledger.store("a")
    before = Accesses(ledger.db, Deaf(), clock)
    before.note(ledger.workspace, [one])
    await before.drain()
    before.note(ledger.workspace, [one])
    await Accesses(ledger.db, Deaf(), clock).drain()
    assert (await read_accesses(ledger))[one][0] == 1


async def test_what_is_counted_is_bounded(ledger, clock, read_accesses, monkeypatch):
    monkeypatch.setattr(module, "BOUND", 2)
    ids = await ledger.store(*"abcd")
    accesses = Accesses(ledger.db, Deaf(), clock)
    for memory_id in ids:
        accesses.note(ledger.workspace, [memory_id])
    await accesses.drain()
    assert sum(value[0] for value in (await read_accesses(ledger)).values()) == 2
    accesses.note(ledger.workspace, [ids[3]])  # there is room again
    await accesses.drain()
    assert (await read_accesses(ledger))[ids[3]][0] == 1


async def test_drains_of_two_servers_at_once_lose_nothing(ledger, clock, read_accesses):
    ids = await ledger.store(*map(str, range(50)))
    servers = [Accesses(ledger.db, Deaf(), clock) for _ in range(2)]
    servers[0].note(ledger.workspace, ids)
    servers[1].note(ledger.workspace, reversed(ids))
    await asyncio.gather(*(server.drain() for server in servers))
    assert {value[0] for value in (await read_accesses(ledger)).values()} == {2}


async def test_a_count_survives_the_rebuilding_of_the_index(book, lite, engine, clock):
    (one,) = await book.store("a")
    projection = Projection(lite, engine, shared=False)
    await projection.project(book.workspace)
    accesses = Accesses(lite, projection, clock)
    accesses.note(book.workspace, [one])
    await accesses.drain()
    await projection.forget(book.workspace)
    await projection.project(book.workspace)
    point = await read_point(engine, name_collection(book.workspace, 0, 0), one)
    assert point.payload["access_count"] == 1
