"""A database of its own on a server of Postgres."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg


@contextmanager
def make_database(server_url: str) -> Iterator[str]:
    """Make a database on the server that the URL of another database names; yield its URL, and drop it at the end."""
    name = f"loci_bench_{uuid4().hex}"
    asyncio.run(_run_statement(server_url, f"CREATE DATABASE {name}"))
    try:
        yield f"{server_url.rpartition('/')[0]}/{name}"
    finally:
        asyncio.run(_run_statement(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _run_statement(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
