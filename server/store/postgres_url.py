"""The words in a URL of Postgres, as hosts of databases and other drivers write them, for the driver that we use."""

import inspect
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import sqlalchemy as sa

_OF_SQLALCHEMY = {"prepared_statement_cache_size", "prepared_statement_name_func"}
#: Words that the driver knows, some by another name, and whose values it wants as numbers.
_NAMES = {"connect_timeout": "timeout"}
_NUMBERS: dict[str, Callable[[str], float | None]] = {
    "connect_timeout": lambda text: int(text) or None,
    "timeout": float,
    "command_timeout": float,
    "statement_cache_size": int,
    "max_cached_statement_lifetime": int,
    "max_cacheable_statement_size": int,
}
#: Words of libpq about what our driver does not have (its TCP connections, Kerberos, channel binding), and words of
#: other drivers about their own pools. Postgres would refuse them as unknown settings.
_LEFT_OUT = {
    "channel_binding",
    "connection_limit",
    "gssdelegation",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "pgbouncer",
    "pool_timeout",
    "requirepeer",
    "sslcertmode",
    "sslcompression",
    "sslsni",
    "tcp_user_timeout",
}
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def read_words(url: sa.URL) -> tuple[sa.URL, dict[str, Any]]:
    """Return a URL without the words that SQLAlchemy and the driver do not know, and the arguments for the driver.

    A word that nobody knows stays: Postgres takes it for one of its settings, and names it if it is none.
    """
    words = {name: value for name, value in url.query.items() if name not in _LEFT_OUT}
    arguments: dict[str, Any] = {}
    if words.get("ssl") in _TRUE + _FALSE:
        words.setdefault("sslmode", "require" if words.pop("ssl") in _TRUE else "disable")
    if words.get("sslrootcert") == "system":
        del words["sslrootcert"]
        words.pop("sslmode", None)  # it can only be verify-full with that
        arguments["ssl"] = ssl.create_default_context()
    for name in _NUMBERS.keys() & words.keys():
        with suppress(ValueError):  # then Postgres names the word
            arguments[_NAMES.get(name, name)] = _NUMBERS[name](str(words[name]))
            del words[name]
    driver: Any = asyncpg
    known = _OF_SQLALCHEMY.union(inspect.signature(driver.connect).parameters) - _NUMBERS.keys()
    rest = {name: value for name, value in words.items() if name not in known}
    if rest:
        arguments["dsn"] = f"postgresql://?{urlencode(rest, doseq=True)}"
    return url.set(query={name: value for name, value in words.items() if name in known}), arguments
