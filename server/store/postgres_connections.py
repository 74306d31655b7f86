"""The pool of connections to Postgres, and the check of a connection before it is used again."""

import inspect
import time
from typing import Any
from urllib.parse import urlencode

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

#: The connections that are kept, and how many more there may be for a while.
CONNECTIONS, MORE_CONNECTIONS = 10, 10
LONG_REST_SECONDS = 30
_RESTS_SINCE = "rests_since"
_OF_SQLALCHEMY = {"prepared_statement_cache_size", "prepared_statement_name_func"}


def connect_to_postgres(url: sa.URL, **options: Any) -> AsyncEngine:
    """Return an engine of SQLAlchemy with these options.

    The words of libpq in the URL, such as `sslmode`, which hosts of databases write there, are read by the driver.
    SQLAlchemy would pass them on as arguments, which the driver does not have.
    """
    driver: Any = asyncpg
    arguments = _OF_SQLALCHEMY.union(inspect.signature(driver.connect).parameters)
    words = {name: value for name, value in url.query.items() if name not in arguments}
    if words:
        options["connect_args"] = {"dsn": f"postgresql://?{urlencode(words, doseq=True)}"}
    return create_async_engine(url.difference_update_query(words), **options)


def make_postgres_engine(url: sa.URL, **options: Any) -> AsyncEngine:
    """Return an engine whose connections are checked before they are used again.

    A connection that Postgres has closed is known to the driver, so to see that costs no round trip. Only one that
    nobody has used for half a minute is asked, as a network may drop it without a word. SQLAlchemy's own check asks
    each time, which takes three round trips, and a recall reads three times.
    """
    engine = connect_to_postgres(
        url,
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        pool_use_lifo=True,  # so that few connections rest at a time when there is little to do
        **options,
    )
    dialect = engine.sync_engine.dialect

    def on_checkin(_connection: Any, record: Any) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    def on_checkout(connection: Any, record: Any, _proxy: object) -> None:
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        rested = time.monotonic() - record.info.get(_RESTS_SINCE, time.monotonic())
        if rested > LONG_REST_SECONDS:
            try:
                dialect.do_ping(connection)
            except dialect.loaded_dbapi.Error:
                raise InvalidatePoolError from None

    event.listen(engine.sync_engine, "checkin", on_checkin)
    event.listen(engine.sync_engine, "checkout", on_checkout)
    return engine
