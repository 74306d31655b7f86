"""The proofs that need a SQLite file: erased text is gone from its bytes, and the way of a query through it."""

import random
import re
import time
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from server.memory.embedding_model import Model
from server.memory.notes.working import Section
from server.store.lifecycle.due import erase_due_memories
from server.store.projection.projection import Projection
from server.store.record import journal, memory_lists, vectors, workspaces
from server.store.record.memory_lists import Listing
from server.store.record.notes import identity, working_memory
from server.store.record.notes.identity import Crystal
from server.store.record.works import generations
from tests.helpers.erasures import TOMBSTONES

pytestmark = pytest.mark.anyio

MARK = re.compile(rb"secret-(\d+)-")


def marks_in(path):
    """The numbers of the marked texts that the files of the record hold."""
    return {int(number) for file in path.parent.glob("loci.db*") for number in MARK.findall(file.read_bytes())}


@pytest.mark.parametrize("seed", range(3))
async def test_erased_text_is_not_in_the_bytes_of_the_file(book, sqlite_path, clock, seed):
    chance = random.Random(seed)  # noqa: S311 - the same walk every time is what it is for
    ids = {}
    for number in range(200):
        text = f"secret-{number}-" + "x" * chance.choice([10, 300, 3000, 9000])
        (ids[number],) = await book.store(text, tags=[f"secret-{number}-tag"], metadata={"k": f"secret-{number}-"})
        if chance.random() < 0.3:
            other = chance.choice(list(ids))
            await book.change(ids[other], content=f"secret-{other}-" + "y" * chance.choice([10, 5000]))
    erased = chance.sample(sorted(ids), 60)
    assert set(erased) <= marks_in(sqlite_path)
    for number in erased:
        await book.delete(ids[number])
    await erase_due_memories(book.db, TOMBSTONES, clock(), timedelta(0))
    left = marks_in(sqlite_path)
    assert left == set(ids) - set(erased)


async def test_the_vectors_of_an_erased_memory_are_gone_too(book, sqlite_path, clock):
    async with book.db.write() as connection:
        generation = await generations.ensure_generation(connection, Model("m", "0" * 64, 6, 256, "x"), clock())
    window = np.frombuffer(b"secret-7-abc", dtype="<f2").astype(np.float32).reshape(1, 6)
    (memory_id,) = await book.store("text", generation=generation, windows=[window])
    assert marks_in(sqlite_path) == {7}
    await book.delete(memory_id)
    await erase_due_memories(book.db, TOMBSTONES, clock(), timedelta(0))
    assert marks_in(sqlite_path) == set()


async def test_what_lay_on_the_desk_of_an_erased_workspace_is_not_in_the_bytes_of_the_file(book, sqlite_path, clock):
    async with book.db.write() as connection:
        section = Section(name="secret-1-", heading="secret-2-", content="secret-3-" + "x" * 9000)
        await journal.journal_change(connection, book.workspace, book.actor, clock(), {"section": section.name})
        await working_memory.put_section(connection, book.workspace, section, clock())
        await identity.insert_crystal(connection, book.workspace, Crystal("i", "secret-4-" + "y" * 200_000, 1, clock()))
    assert marks_in(sqlite_path) == {1, 2, 3, 4}
    async with book.db.write() as connection:
        await workspaces.delete_workspace(connection, book.workspace, clock())
    await erase_due_memories(book.db, TOMBSTONES, clock(), timedelta(0))
    assert marks_in(sqlite_path) == set()


@pytest.fixture
def plans(book):
    """The query plan of every statement on the book's record from here on, as SQLite explains it."""
    found = []

    def explain(connection, cursor, statement, parameters, _context, _many):
        # What an earlier test left running may still use a record of its own.
        if connection.engine.url.database == book.db.url.database and statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.extend(row[3] for row in cursor.fetchall())

    event.listen(sa.Engine, "before_cursor_execute", explain)
    yield found
    event.remove(sa.Engine, "before_cursor_execute", explain)


async def test_a_page_of_the_newest_is_read_off_an_index(book, clock, plans):
    async with book.db.read() as connection:
        await memory_lists.list_page(connection, book.workspace, Listing(), clock())
    page, count = plans
    assert "USING INDEX ix_memories_workspace_id_created_at_live (workspace_id=?)" in page
    assert "USING COVERING INDEX ix_memories_workspace_id_created_at_live (workspace_id=?)" in count


async def test_counting_reads_no_rows(book, clock, plans):
    async with book.db.read() as connection:
        await memory_lists.count_memories(connection, book.workspace, clock())
    (count,) = plans
    assert "USING COVERING INDEX" in count


async def test_what_changed_is_found_by_its_revision(book, engine, plans):
    await book.store("a")
    projection = Projection(book.db, engine, shared=False)
    plans.clear()
    await projection.project(book.workspace)
    assert any("uq_memories_workspace_id_revision (workspace_id=? AND revision>?)" in plan for plan in plans)
    assert not [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan]


async def test_missing_vectors_are_looked_for_in_the_order_of_ids(book, plans):
    async with book.db.read() as connection:
        await vectors.list_gaps(connection, 1, "", 64)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    assert plans[0].startswith("SEARCH memories USING INDEX sqlite_autoindex_memories_1 (id>?)")
    assert any("vectors USING" in plan and "(memory_id=? AND generation=?)" in plan for plan in plans)


async def test_what_is_due_for_erasure_is_found_without_a_look_at_what_lives(book, clock, plans):
    await erase_due_memories(book.db, TOMBSTONES, clock(), timedelta(days=30))
    assert "ix_memories_deleted_at_due" in plans[0]
    assert not [plan for plan in plans if "SCAN memories" in plan]


async def test_on_sqlite_case_is_that_of_every_alphabet(book, clock):
    await book.store("x", tags=["Ärger"])
    async with book.db.read() as connection:
        _, total = await memory_lists.list_page(connection, book.workspace, Listing(tags=["äRGER"]), clock())
    assert total == 1


async def test_a_long_read_does_not_keep_writers_waiting_behind_an_erasure(book, clock):
    async with book.db.read() as connection:
        await connection.execute(sa.text("SELECT count(*) FROM memories"))
        (memory_id,) = await book.store("text")
        await book.delete(memory_id)
        before = time.monotonic()
        await erase_due_memories(book.db, TOMBSTONES, clock(), timedelta(0))
        await book.store("another")
        assert time.monotonic() - before < 10  # a lock that somebody has is waited for 15
