"""The tricks of the fast path by which writes, and what agents report, cost less.

Not a benchmark by itself: see `fast_path.py`.
"""

from itertools import count
from pathlib import Path

import sqlalchemy as sa
from helpers.ab import INGEST, Trick, compare_async_ways
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from server.store.db import Database
from server.store.sql_engines import prepare_sqlite
from server.store.tables.accounts import epoch


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

    tricks = [
        await compare_async_ways(
            "a statement is one call of SQLite's thread", "a write", write_quickly, write_plainly, whole=INGEST
        )
    ]
    await plain.dispose()
    await db.close()
    return tricks
