"""`kill -9` in the middle of a consolidation, or of its undo, leaves either the before or the after."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.config import Settings
from server.memory.recall.question import Question
from server.store.consolidation.runs import list_runs
from server.store.db import Database
from server.store.migrate import migrate
from server.store.search.seam import Query, SparseVector
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table
from server.wiring.stores import open_projection
from tests.helpers.ledger import open_ledger

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]

#: Does the work on the folder it is given, and stops for good at the place it is given, saying so.
CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from server.config import Settings
from server.store.consolidation import carry_out, runs as consolidation_runs
from server.store.record import memories
from server.store.consolidation.carry_out import ConsolidationDeps, consolidate_workspace
from server.store.db import Database
from server.store.record.journal import Actor
from server.store.projection.projection import Projection
from server.wiring.stores import open_projection

folder, workspace, where, run_id = sys.argv[1:]
owner, name = {
    "the merged are written": (memories, "insert_memories"),
    "the sources are marked": (consolidation_runs, "mark_sources"),
    "it is committed": (Projection, "project"),
}[where]
original = getattr(owner, name)

async def stuck(*args, **how):
    if where != "it is committed":
        await original(*args, **how)
    print("here", flush=True)
    await asyncio.sleep(600)

async def main():
    settings = Settings(data_dir=Path(folder), embedding_model="none")
    db = Database(settings.sqlalchemy_url)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    async with open_projection(settings, db) as projection:
        setattr(owner, name, stuck)
        actor = Actor("user", "key", "test", "request")
        if run_id == "none":
            await consolidate_workspace(ConsolidationDeps(db, projection), workspace, actor, now, share=1.0)
        else:
            await consolidation_runs.undo_run(db, workspace, run_id, actor, now)
            await projection.project(workspace)

asyncio.run(main())
"""


@asynccontextmanager
async def open_folder(folder):
    """The record and the search store of a folder."""
    settings = Settings(data_dir=folder, embedding_model="none")
    async with AsyncExitStack() as stack:
        db = Database(settings.sqlalchemy_url)
        stack.push_async_callback(db.close)
        await migrate(db)
        yield db, await stack.enter_async_context(open_projection(settings, db))


async def kill_work(folder, workspace, where, run_id="none"):
    """Kill the work when it is at this place."""
    command = (sys.executable, "-c", CHILD, str(folder), workspace, where, run_id)
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    async with asyncio.timeout(60):
        assert await child.stdout.readline() == b"here\n"
        child.send_signal(signal.SIGKILL)
        await child.wait()


async def state(folder, workspace):
    """(active and merged texts, runs, how much is journaled, what is found) and that all of it fits together."""
    async with open_folder(folder) as (db, projection):
        async with db.read() as connection:
            rows = (await connection.execute(sa.select(table).where(table.c.deleted_at.is_(None)))).all()
            runs = [each.state for each in await list_runs(connection, workspace, 10)]
            entries = (await connection.execute(sa.select(sa.func.count()).select_from(journal))).scalar_one()
        query = Query(None, SparseVector(Question("heron").term_ids, [1.0]), 100)
        found = {point.id for point in (await projection.search_points(workspace, query)).text}
    assert found == {row.id for row in rows if not row.consolidated}
    assert all(bool(row.consolidated) == (row.consolidated_into is not None) for row in rows)
    return sorted(row.content for row in rows if not row.consolidated), runs, entries


@pytest.fixture
async def workspace(tmp_path, clock):
    """A folder's workspace with four groups of three."""
    async with open_folder(tmp_path) as (db, projection):
        ledger = await open_ledger(db, clock)
        for n in range(4):
            await ledger.store(*(f"heron {n} {m}" for m in range(3)), tags=[f"tag{n}"])
        await projection.project(ledger.workspace)
        return ledger.workspace


@pytest.mark.parametrize("where", ["the merged are written", "the sources are marked", "it is committed"])
async def test_a_kill_in_the_middle_leaves_the_before_or_the_after(tmp_path, workspace, where):
    before = await state(tmp_path, workspace)
    assert (len(before[0]), before[1:]) == (12, ([], 12))
    await kill_work(tmp_path, workspace, where)
    after = await state(tmp_path, workspace)
    if where != "it is committed":
        assert after == before
        return
    assert (len(after[0]), after[1:]) == (4, (["done"], 12 + 16))


@pytest.mark.parametrize("where", ["the sources are marked", "it is committed"])
async def test_a_kill_in_the_middle_of_an_undo_leaves_the_before_or_the_after(tmp_path, workspace, where):
    before = await state(tmp_path, workspace)
    await kill_work(tmp_path, workspace, "it is committed")
    merged = await state(tmp_path, workspace)
    async with open_folder(tmp_path) as (db, _), db.read() as connection:
        (run,) = await list_runs(connection, workspace, 10)
    await kill_work(tmp_path, workspace, where, run.id)
    after = await state(tmp_path, workspace)
    if where != "it is committed":
        assert after == merged
        return
    assert (after[0], after[1]) == (before[0], ["undone"])
