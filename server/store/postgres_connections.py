"""The pool of connections to Postgres, and the check of a connection before it is used again."""

import time
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from server.store.postgres_url import read_words

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The connections that are kept, and how many more there may be for a while.
CONNECTIONS, MORE_CONNECTIONS = 10, 10
LONG_REST_SECONDS = 30
_RESTS_SINCE = "rests_since"


def connect_to_postgres(url: sa.URL, **options: Any) -> AsyncEngine:
    """Return an engine of SQLAlchemy with these options. The URL may have the words of libpq, such as `sslmode`."""
    url, arguments = read_words(url)
    return create_async_engine(url, connect_args=arguments, **options)


def make_postgres_engine(url: sa.URL, **options: Any) -> AsyncEngine:
    """Return an engine whose connections are checked before they are used again.

    A connection that Postgres has closed is known to the driver, so to see that costs no round trip. Only one that
    nobody has used for half a minute is asked, as a network may drop it without a word. SQLAlchemy's own check asks
    each time, which takes three round trips, and a recall reads three times.
    """
    if url.query.get("channel_binding") == "require":
        log.warning("record.channel_not_bound")
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
