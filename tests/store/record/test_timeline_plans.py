"""The timeline of a project finds its memories in an index, also if there are few or none among many."""

import pytest
import sqlalchemy as sa

from server.store.record.memory_lists import Listing
from server.store.record.recall.timeline import Line
from server.store.tables.memories import memories

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("axis", ["happened", "stored"])
async def test_the_timeline_of_a_project_is_read_in_an_index_of_projects(book, clock, axis):
    await book.store("The kettle is in the attic")
    line = Line("w", Listing(equal={"project": "webshop"}), axis, clock())
    async with book.db.read() as connection:
        for column, conditions in line.list_parts(connection):
            query = sa.select(memories.c.content).where(*conditions, column < clock())
            query = query.order_by(column.desc(), memories.c.position.desc()).limit(5)
            text = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
            found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")
            plan = " ".join(row[3] for row in found)
            assert f"ix_memories_workspace_id_project_{column.name}" in plan
            assert "TEMP B-TREE" not in plan
