"""Databases for tests: files with the schema in them, and Postgres databases of one's own."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from uuid import uuid4

import asyncpg
from pydantic import SecretStr

from server.config import Settings
from server.store.db import Database
from server.store.migrate import migrate


@cache
def _read_settings():
    """Settings of this process: to read them takes 2 ms, and thousands of tests need one of them."""
    return Settings()


def make_url(url):
    return _read_settings().model_copy(update={"database_url": SecretStr(url)}).sqlalchemy_url


def run_on_own_loop(coroutine):
    """Run it to its end on a loop of its own, wherever we are."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def migrate_database(url):
    db = Database(url)
    await migrate(db)
    await db.close()


async def run_admin_statement(statement):
    """Run a statement on the Postgres server itself."""
    connection = await asyncpg.connect(os.environ["LOCI_TEST_POSTGRES_URL"])
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def make_postgres_url(name):
    return make_url(os.environ["LOCI_TEST_POSTGRES_URL"].rpartition("/")[0] + f"/{name}")


@asynccontextmanager
async def create_postgres_database(template="template1"):
    """A Postgres database of one's own."""
    name = f"loci_{uuid4().hex}"
    # To copy the files takes Postgres less than to log each block, as long as no disk is waited for.
    await run_admin_statement(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield make_postgres_url(name)
    finally:
        await run_admin_statement(f"DROP DATABASE {name} WITH (FORCE)")
