"""Whatever happens in whatever order - writes, crashes, power loss, an engine that is down - in the end they agree."""

import random
import shutil

import pytest
import sqlalchemy as sa
import structlog

from server.store.projection.placement import name_collection
from server.store.projection.points import point_writer
from server.store.projection.points.payload import build_payload
from server.store.projection.projection import Projection
from server.store.record.memories import FIELDS, memory_from_row
from server.store.search.edge.engine import EdgeEngine
from server.store.tables.memories import memories
from tests.helpers.points import list_terms, read_terms

pytestmark = pytest.mark.anyio

STEPS = 60


class Walk:
    """A workspace, what stands for the disk at the last flush, and steps to take at random."""

    def __init__(self, book, folder, watched, chance):
        self.book, self.folder, self.watched, self.chance = book, folder, watched, chance
        self.disk = folder.parent / "disk"
        self.collection = name_collection(book.workspace, 0, 0)
        self.ids = []
        self.boot()

    def boot(self):
        self.engine = self.watched(EdgeEngine(self.folder, max_open=2))
        self.engine.after["flush_collection"] = self.keep
        self.projection = Projection(self.book.db, self.engine, shared=False)

    async def keep(self, *_):
        """The revision that a flush has put on the disk: from here on, the least that a power loss leaves."""
        shutil.rmtree(self.disk, ignore_errors=True)
        if self.folder.exists():
            shutil.copytree(self.folder, self.disk)

    async def store(self):
        self.ids += await self.book.store(*(self.words() for _ in range(self.chance.randint(1, 6))))
        await self.maybe_project()

    async def change(self):
        if self.ids:
            options = [
                {"content": self.words()},
                {"deleted_at": self.book.now()},
                {"deleted_at": None},
                {"consolidated": True},
                {"consolidated": False},
            ]
            await self.book.change(self.chance.choice(self.ids), **self.chance.choice(options))
            await self.maybe_project()

    async def maybe_project(self):
        if self.chance.random() < 0.8:  # else the caller was cut off right after its commit
            await self.projection.project(self.book.workspace)

    async def touch(self):
        if self.ids and not self.engine.is_down:
            await self.projection.patch_points(self.book.workspace, {self.chance.choice(self.ids): {"access_count": 0}})

    async def flush(self):
        await self.projection.flush()

    async def toggle(self):
        self.engine.is_down = not self.engine.is_down

    async def kill(self):
        """kill -9: what was written is still with the operating system."""
        await self.engine.close()
        self.boot()

    async def lose_power(self):
        """Nothing is left but what a flush has put on the disk."""
        await self.engine.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.disk.exists():
            shutil.copytree(self.disk, self.folder)
        self.boot()

    async def lose_index(self):
        await self.engine.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)
        self.boot()

    async def rebuild(self):
        await self.projection.forget(self.book.workspace)
        shutil.rmtree(self.disk, ignore_errors=True)

    def words(self):
        return " ".join(self.chance.choices(["heron", "grebe", "bittern", "crane", "reed"], k=5))

    async def read_expected(self):
        query = sa.select(*(memories.c[name] for name in FIELDS)).where(
            memories.c.deleted_at.is_(None), memories.c.consolidated.is_(False)
        )
        async with self.book.db.read() as connection:
            rows = [memory_from_row(row) for row in await connection.execute(query)]
        return {row.id: (build_payload(row, []), list_terms(row)) for row in rows}

    async def check(self):
        """The engine holds the rows that live, as they are, and nothing else."""
        self.engine.is_down = False
        assert await self.projection.project(self.book.workspace)
        points = await self.engine.read_points(self.collection)
        terms = read_terms(points)
        assert {point.id: (point.payload, terms[point.id]) for point in points} == await self.read_expected()


@pytest.mark.parametrize("seed", range(5))
async def test_the_record_and_the_engine_agree_after_any_walk(book, tmp_path, watch_engine, monkeypatch, seed):
    monkeypatch.setattr(point_writer, "BATCH", 5)
    walk = Walk(book, tmp_path / "walked", watch_engine, random.Random(seed))  # noqa: S311 - the same walk every time
    steps = {
        walk.store: 6,
        walk.change: 8,
        walk.touch: 1,
        walk.flush: 3,
        walk.toggle: 1,
        walk.kill: 1,
        walk.lose_power: 2,
        walk.lose_index: 1,
        walk.rebuild: 1,
        walk.check: 1,
    }
    with structlog.testing.capture_logs():
        for step in walk.chance.choices(list(steps), list(steps.values()), k=STEPS):
            await step()
        await walk.check()
        await walk.lose_power()
        await walk.check()
    await walk.engine.close()
