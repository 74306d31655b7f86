"""The tricks of the fast path by which writes, and what agents report, cost less.

Not a benchmark by itself: see `fast_path.py`.
"""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from helpers.ab import INGEST, Trick, compare_async_ways
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from server.store.db import Database
from server.store.sql_engines import prepare_sqlite
from server.store.tables.accounts import epoch

AT_ONCE = 8


async def measure_capture(folder: Path) -> list[Trick]:
    """Every trick of capture, in a record of its own."""
    url = f"sqlite+aiosqlite:///{folder / 'capture.db'}"
    db = Database(url)
    plain = prepare_sqlite(create_async_engine(url, pool_size=1, max_overflow=0), "BEGIN IMMEDIATE")
    async with db.write() as connection:
        await connection.run_sync(epoch.metadata.create_all, tables=[epoch])
    numbers = count()

    async def insert(connection: AsyncConnection) -> None:
        new = sa.insert(epoch).values(id=next(numbers), value=1).returning(epoch.c.id)
        (await connection.execute(new)).scalar_one()

    async def write_quickly() -> None:
        async with db.write() as connection:
            await insert(connection)

    async def write_plainly() -> None:
        async with plain.begin() as connection:
            await insert(connection)

    async def insert_all(connection: AsyncConnection, rows: Sequence[dict[str, int]]) -> Sequence[None]:
        await connection.execute(sa.insert(epoch), list(rows))
        return [None] * len(rows)

    async def write_together() -> None:
        new = [{"id": next(numbers), "value": 1} for _ in range(AT_ONCE)]
        await asyncio.gather(*(db.write_together(insert_all, each) for each in new))

    async def write_alone() -> None:
        await asyncio.gather(*(write_quickly() for _ in range(AT_ONCE)))

    tricks = [
        await compare_async_ways(
            "a statement is one call of SQLite's thread", "a write", write_quickly, write_plainly, whole=INGEST
        ),
        await compare_async_ways(
            "writes that wait are one transaction", f"{AT_ONCE} writes at once", write_together, write_alone, times=2.0
        ),
    ]
    await plain.dispose()
    await db.close()
    return tricks
