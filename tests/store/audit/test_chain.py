"""The chains of the audit on both databases: whatever was changed afterwards is found, and the place of it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.store.audit.chain import append_entries, delete_old_entries, verify_chain
from server.store.audit.entry import START, Entry, hash_entry
from server.store.audit.log import MOST_WAITING, AuditLog
from server.store.db import Database
from server.store.tables.audit import audit_chains, audit_entries

pytestmark = pytest.mark.anyio

ANN, BOB = "ann-account", "bob-account"


def make_entry(clock, account=ANN, **fields):
    entry = Entry(account, clock(), "r", "u", "k", None, "api_key", "rest", "w", "store_memory", "create", "ok", 1)
    return replace(entry, **fields)


async def write(db, *entries):
    async with db.write() as connection:
        await append_entries(connection, entries)


async def change(db, statement):
    async with db.write() as connection:
        await connection.execute(statement)


async def verify(db, account=ANN):
    async with db.read() as connection:
        return await verify_chain(connection, account)


async def list_faults(db, account=ANN):
    return [(each.number, each.text) for each in (await verify(db, account)).faults]


async def test_a_chain_begins_at_1_is_the_accounts_own_and_can_be_computed_by_others(db, clock):
    await write(db, make_entry(clock), make_entry(clock, BOB), make_entry(clock, client_id="https://ä.example/"))
    ann, bob = await verify(db), await verify(db, BOB)
    assert (ann.entries, ann.number, ann.faults, bob.entries, bob.number, bob.faults) == (2, 2, [], 1, 1, [])
    first = hash_entry(START, 1, make_entry(clock))
    assert ann.hash == hash_entry(first, 2, make_entry(clock, client_id="https://ä.example/"))


@pytest.mark.parametrize(
    ("tamper", "faults"),
    [
        (sa.update(audit_entries).where(audit_entries.c.number == 2).values(user_id="x"), [(2, "was changed")]),
        (sa.update(audit_entries).where(audit_entries.c.number == 2).values(hash="x"), [(2, "was"), (3, "was")]),
        (sa.delete(audit_entries).where(audit_entries.c.number == 2), [(2, "is missing")]),
        (sa.delete(audit_entries).where(audit_entries.c.number < 3), [(1, "is missing, and the others up to 2")]),
        (sa.delete(audit_entries).where(audit_entries.c.number > 2), [(3, "is missing, and the others up to 4")]),
        (sa.delete(audit_chains), [(4, "the row that says where the chain ends is missing")]),
        (sa.update(audit_chains).values(hash="x"), [(4, "is not the entry that was written last")]),
    ],
)
async def test_what_was_changed_or_removed_is_found_with_its_place(db, clock, tamper, faults):
    await write(db, *[make_entry(clock, request_id=f"r{n}") for n in range(4)])
    await change(db, tamper)
    found = await list_faults(db)
    assert [number for number, _ in found] == [number for number, _ in faults]
    assert all(text.startswith(start) for (_, text), (_, start) in zip(found, faults, strict=True)), found


async def test_an_entry_that_was_inserted_is_found_at_the_end_in_the_middle_and_before_the_beginning(db, clock):
    await write(db, *[make_entry(clock) for _ in range(3)])
    inserted = sa.insert(audit_entries).from_select(
        [column.name for column in audit_entries.c],
        sa.select(*[sa.literal(4) if c.name == "number" else c for c in audit_entries.c]).where(
            audit_entries.c.number == 3
        ),
    )
    await change(db, inserted)
    assert [number for number, _ in await list_faults(db)] == [4, 4]
    assert "was inserted after the end" in (await list_faults(db))[1][1]
    # the others make room for it
    for number in (4, 3, 2):
        moved = sa.update(audit_entries).where(audit_entries.c.number == number)
        await change(db, moved.values(number=number + 1))
    await change(db, sa.update(audit_chains).values(number=5))
    assert (await list_faults(db))[0][0] == 2
    await change(db, sa.update(audit_entries).where(audit_entries.c.number == 1).values(number=-1))
    assert (await list_faults(db))[0] == (-1, "was inserted before the beginning of the chain")


async def test_what_is_kept_long_enough_goes_from_the_beginning_and_the_rest_is_still_whole(db, clock):
    now = clock()
    days = (0, 1, 0, 5, 6)  # the clock was set back once
    await write(db, *[make_entry(clock, at=now + timedelta(days=day)) for day in days])
    async with db.write() as connection:
        assert await delete_old_entries(connection, ANN, now + timedelta(hours=1)) == 1
        assert await delete_old_entries(connection, ANN, now + timedelta(days=2)) == 2
        assert await delete_old_entries(connection, ANN, now + timedelta(days=2)) == 0
    await write(db, make_entry(clock))
    kept = await verify(db)
    assert (kept.entries, kept.number, kept.faults) == (3, 6, [])
    await change(db, sa.delete(audit_entries).where(audit_entries.c.number == 4))
    assert await list_faults(db) == [(4, "is missing")]


async def test_several_processes_write_one_chain(db_url, clock):
    dbs = [Database(db_url) for _ in range(3)]
    logs = [AuditLog(each, clock, "all") for each in dbs]

    async def write_some(log, name):
        for n in range(10):
            await log.write(make_entry(clock, (ANN, BOB)[n % 2], request_id=f"{name}-{n}"))

    try:
        await asyncio.gather(*(write_some(log, n) for n, log in enumerate(logs)))
        for account in (ANN, BOB):
            chain = await verify(dbs[0], account)
            assert (chain.entries, chain.faults) == (15, [])
        assert [log.written for log in logs] == [10, 10, 10]
    finally:
        for each in dbs:
            await each.close()


async def test_writers_that_wait_at_the_same_time_are_written_together_and_reads_with_them(db, clock):
    log = AuditLog(db, clock, "all")
    for n in range(5):
        log.note(make_entry(clock, request_id=f"read {n}"))
    assert log.waiting_count == 5
    await asyncio.gather(*(log.write(make_entry(clock, request_id=f"write {n}")) for n in range(20)))
    assert (log.waiting_count, log.written) == (0, 25)
    assert (await verify(db)).faults == []


async def test_a_writer_that_goes_away_takes_no_entry_with_it(db, clock):
    log = AuditLog(db, clock, "all")
    task = asyncio.ensure_future(log.write(make_entry(clock)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await log.finish()
    assert (log.waiting_count, (await verify(db)).entries) == (0, 1)


async def test_without_a_record_nobody_is_refused_and_the_entries_are_written_when_it_is_back(db, clock):
    log = AuditLog(db, clock, "all")
    await change(db, sa.text("ALTER TABLE audit_entries RENAME TO away"))
    await log.write(make_entry(clock))
    log.note(make_entry(clock))
    assert (log.waiting_count, log.written, log.lost) == (2, 0, 0)
    for _ in range(MOST_WAITING):
        log.note(make_entry(clock))
    assert (log.waiting_count, log.lost) == (MOST_WAITING, 2)
    await change(db, sa.text("ALTER TABLE away RENAME TO audit_entries"))
    await log.settle()
    assert (log.waiting_count, log.written) == (0, MOST_WAITING)
    assert (await verify(db)).faults == []
