"""The connections to Postgres: what a read costs, and that an ended connection is replaced before it is used."""

import asyncio

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from server.store import postgres_connections
from server.store.db import Database
from server.store.sql_engines import make_copying_engine
from server.store.tables.accounts import epoch
from tests.helpers.databases import create_postgres_database, run_admin_statement

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

QUERY = sa.select(epoch.c.value)


@pytest.fixture
def drivers():
    """The connections of the driver that are made during the test."""
    made: list[asyncpg.Connection] = []

    def note(connection, _record):
        made.append(connection.driver_connection)

    event.listen(sa.pool.Pool, "connect", note)
    yield made
    event.remove(sa.pool.Pool, "connect", note)


@pytest.fixture
async def postgres(postgres_template, drivers):  # noqa: ARG001 - `drivers` listens before the first connection
    async with create_postgres_database(postgres_template) as url:
        db = Database(url)
        yield db
        await db.close()


async def test_a_single_read_is_one_round_trip(postgres, drivers):
    await postgres.cached_rows(QUERY)  # connects, and prepares the statement
    (driver,) = drivers
    sent = []
    driver.add_query_logger(lambda record: sent.append(record.query))
    assert await postgres.cached_rows(QUERY) == []
    async with postgres.read() as connection:
        await connection.execute(QUERY)
    # the statement itself is prepared by then, and the logger tells only what is sent as text beside it
    assert [each.partition(" ")[0].rstrip(";") for each in sent] == ["BEGIN", "ROLLBACK"]


async def test_a_connection_that_postgres_ended_is_replaced_and_no_request_fails(postgres, drivers):
    await postgres.cached_rows(QUERY)
    (driver,) = drivers
    await run_admin_statement(f"SELECT pg_terminate_backend({driver.get_server_pid()})")
    async with asyncio.timeout(60):
        while not driver.is_closed():  # noqa: ASYNC110 - the driver has no event for it
            await asyncio.sleep(0.01)
    assert await postgres.cached_rows(QUERY) == []
    assert len(drivers) == 2


async def test_a_connection_that_rested_long_is_asked_before_it_is_used(postgres, drivers, monkeypatch):
    monkeypatch.setattr(postgres_connections, "LONG_REST_SECONDS", -1)
    await postgres.cached_rows(QUERY)
    (driver,) = drivers
    sent = []
    driver.add_query_logger(lambda record: sent.append(record.query))
    await postgres.cached_rows(QUERY)
    assert ";" in sent
    await driver.close()
    await postgres.cached_rows(QUERY)
    assert len(drivers) == 2


async def test_the_words_of_libpq_in_the_url_are_read(postgres_template):
    async with create_postgres_database(postgres_template) as url:
        db = Database(f"{url}?sslmode=disable&application_name=loci-test")
        shown = sa.text("SELECT current_setting('application_name')")
        async with db.read() as connection:
            assert (await connection.execute(shown)).scalar_one() == "loci-test"
        await db.close()
        hosted = "channel_binding=require&connect_timeout=10&keepalives=1&ssl=0&pgbouncer=true&statement_cache_size=0"
        db = Database(f"{url}?{hosted}&options=-c%20application_name%3Dloci-hosted")
        async with db.read() as connection:
            assert (await connection.execute(shown)).scalar_one() == "loci-hosted"
        await db.close()
        db = Database(f"{url}?connect_timeout=soon")
        with pytest.raises(DBAPIError, match="connect_timeout"):
            await db.ping()
        await db.close()
        db = Database(f"{url}?sslmode=verify-full&sslrootcert=system")
        with pytest.raises(ConnectionError, match="rejected SSL"):
            await db.ping()
        await db.close()
        copying = make_copying_engine(sa.make_url(f"{url}?sslmode=require"))
        with pytest.raises(ConnectionError, match="rejected SSL"):
            await copying.connect().start()
        await copying.dispose()
