"""The rows that go for good with a workspace that cannot come back, looked for in the tables, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from server.ids import new_id
from server.memory.notes.skip import SkipEntry
from server.memory.notes.working import Item, Section
from server.store.lifecycle.due import erase_due_memories
from server.store.record import journal as changes
from server.store.record import workspaces
from server.store.record.notes import identity, skip_list, working_memory
from server.store.record.notes.identity import Crystal
from server.store.tables.memories import journal
from server.store.tables.working import identity_crystals, working_items, working_sections
from tests.helpers.erasures import TOMBSTONES
from tests.helpers.ledger import Ledger

pytestmark = pytest.mark.anyio

TABLES = (working_sections, working_items, identity_crystals)
UNDO = timedelta(days=30)


async def furnish(home: Ledger, secret: str):
    """A section, an item, a skip entry and a crystal, each of which says the secret, written as the tools write."""
    now, ids = home.now(), [new_id(home.now()) for _ in range(3)]
    item: dict[str, Any] = {
        "content": secret,
        "status": "active",
        "priority": 0,
        "tags": [secret],
        "next_action": secret,
    }
    times = dict.fromkeys(("created_at", "updated_at", "last_touched"), now)
    things = ({"section": secret}, {"item": ids[0]}, {"skip": ids[1]}, {"crystal": ids[2]})
    async with home.db.write() as connection:
        for what in things:
            await changes.journal_change(connection, home.workspace, home.actor, now, what)
        section = Section(name=secret, heading=secret, content=secret)
        await working_memory.put_section(connection, home.workspace, section, now)
        new = Item(id=ids[0], category="active_work", title=secret, **item, **times)
        await working_memory.insert_item(connection, home.workspace, new)
        await skip_list.insert_entry(connection, home.workspace, SkipEntry(ids[1], secret, secret, secret, None, now))
        await identity.insert_crystal(connection, home.workspace, Crystal(ids[2], secret, 1, now))
    return things


async def homes(db):
    """The workspaces that still have rows in each of the tables."""
    async with db.read() as connection:
        return [
            sorted((await connection.execute(sa.select(each.c.workspace_id))).scalars(), key=str) for each in TABLES
        ]


async def whole_record(db):
    """All that the tables of a workspace and the journal hold, as text."""
    async with db.read() as connection:
        return str([(await connection.execute(sa.select(each))).all() for each in (*TABLES, journal)])


async def delete(home):
    async with home.db.write() as connection:
        await workspaces.delete_workspace(connection, home.workspace, home.now())


async def test_what_is_no_memory_is_erased_with_its_workspace_and_not_before(ledger, make_ledger, clock):
    bob = await make_ledger(ledger.db, clock, "bob")
    await furnish(ledger, "heliotrope")
    await furnish(bob, "magenta")
    both = await homes(ledger.db)
    await delete(ledger)
    clock.move(days=29, hours=23)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), UNDO) == 0
    assert await homes(ledger.db) == both
    clock.move(hours=1)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), UNDO) == 4
    assert await homes(ledger.db) == [[bob.workspace], [bob.workspace] * 2, [bob.workspace]], (
        "the skip list is among the items"
    )
    record = await whole_record(ledger.db)
    assert "heliotrope" not in record
    assert record.count("magenta") == 12
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), UNDO) == 0


async def test_the_journal_keeps_who_and_when_and_the_ids_of_what_was_erased(ledger, clock):
    _, *things = await furnish(ledger, "heliotrope")
    await delete(ledger)
    clock.move(days=31)
    await erase_due_memories(ledger.db, TOMBSTONES, clock(), UNDO)
    async with ledger.db.read() as connection:
        entries = (await connection.execute(sa.select(journal).order_by(journal.c.id))).all()
    assert [entry.after for entry in entries] == [None, *things]
    assert {(entry.user_id, entry.operation, entry.workspace_id) for entry in entries} == {
        ("user", "test", ledger.workspace)
    }


async def test_everything_goes_at_once_where_nothing_can_be_undone(ledger, clock):
    (memory_id,) = await ledger.store("a memory")
    await furnish(ledger, "heliotrope")
    await delete(ledger)
    assert await erase_due_memories(ledger.db, TOMBSTONES, clock(), timedelta(0)) == 5
    assert await homes(ledger.db) == [[]] * len(TABLES)
    assert (await ledger.get(memory_id)).content == ""
