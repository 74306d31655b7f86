"""Checks around the server: variables of another program, the port and the clock."""

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import sqlalchemy as sa

from server.checks.finding import Finding
from server.cli.common import open_record
from server.clock import utc_now
from server.config import Settings
from server.network.http import open_http_client
from server.settings.checks import find_loopback
from server.store.tables.accounts import users
from server.store.tables.memories import memories

#: The variables of Context Memory: for each the settings that take its place, and what to set.
EQUIVALENTS: dict[str, tuple[tuple[str, ...], str]] = {
    "OPENAI_API_KEY": (
        ("embedding_provider", "embedding_url", "embedding_api_key", "llm_api_key"),
        "set LOCI_EMBEDDING_PROVIDER=openai and LOCI_EMBEDDING_API_KEY if texts shall be embedded there",
    ),
    "API_KEY_SALT": (("secret_key",), "none is needed; LOCI_SECRET_KEY encrypts the signing keys"),
    "DATABASE_URL": (("database_url",), "set LOCI_DATABASE_URL"),
    "PORT": (("port",), "set LOCI_PORT"),
    "HOST": (("host",), "set LOCI_HOST"),
    "STRIPE_SECRET_KEY": (("webhook_url",), "set LOCI_WEBHOOK_URL, which gets what billing needs"),
    "STRIPE_WEBHOOK_SECRET": (("webhook_url",), "set LOCI_WEBHOOK_SECRET and LOCI_WEBHOOK_URL"),
    "EMBEDDING_PROVIDER": (("embedding_provider", "embedding_url"), "set LOCI_EMBEDDING_PROVIDER"),
    "EMBEDDING_MODEL": (("embedding_model",), "set LOCI_EMBEDDING_MODEL"),
}
#: The clocks of two machines differ by less.
CLOCK_TOLERANCE = timedelta(minutes=2)


async def check_foreign_variables(settings: Settings, environ: Mapping[str, str] = os.environ) -> Finding:
    """Look for variables of Context Memory that Loci does not read, and whose own setting is not set."""
    found = [
        f"{name}: {advice}"
        for name, (ours, advice) in EQUIVALENTS.items()
        if environ.get(name) and not settings.model_fields_set & set(ours)
    ]
    if not found:
        return Finding("other variables", is_ok=True, detail="none of another program's stands in for a setting")
    names = ", ".join(each.partition(":")[0] for each in found)
    detail = f"{names}: set, and not read by Loci"
    cure = f"If it was meant for Loci: {'; '.join(found)}. docs/configuration.md has the table."
    return Finding("other variables", is_ok=False, is_warning=True, detail=detail, cure=cure)


async def check_port(settings: Settings) -> Finding:
    """Look whether the port is free, or served by Loci already."""
    place = f"{settings.host}:{settings.port}"
    if settings.port == 0:
        return Finding("port", is_ok=True, detail="each start takes a free one")
    refusal = await asyncio.to_thread(_try_listening, settings.host, settings.port)
    match refusal:
        case None:
            return Finding("port", is_ok=True, detail=f"{place} is free")
        case errno.EADDRINUSE:
            if await _is_loci(settings):
                return Finding("port", is_ok=True, detail=f"a Loci server listens on {place}")
            cure = "Stop that program, or set LOCI_PORT to another number."
            return Finding("port", is_ok=False, detail=f"another program listens on {place}", cure=cure)
        case errno.EACCES:
            cure = "Set LOCI_PORT to 1024 or more, and let a proxy listen on the port below."
            return Finding("port", is_ok=False, detail=f"this user may not listen on {place}", cure=cure)
        case _:
            detail = f"nobody can listen on {place} ({os.strerror(refusal)})"
            return Finding("port", is_ok=False, detail=detail, cure="Set LOCI_HOST to an address of this machine.")


async def check_clock(settings: Settings) -> Finding:
    """Compare the clock of this machine with the newest row of the record, and with the database's own clock."""
    async with open_record(settings) as db, db.read() as connection:
        newest = [(await connection.execute(sa.select(sa.func.max(each)))).scalar_one() for each in _IDS]
        theirs = None if db.is_sqlite else (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    now = utc_now()
    times = [_read_time(each) for each in newest if each is not None]
    if times and (ahead := max(times) - now) > CLOCK_TOLERANCE:
        detail = f"{now:%Y-%m-%d %H:%M} UTC is {_count_minutes(ahead)} minutes before the newest row of the record"
        return Finding("clock", is_ok=False, detail=detail, cure=_SET_CLOCK)
    if theirs is not None and abs(difference := theirs - now) > CLOCK_TOLERANCE:
        detail = f"{now:%Y-%m-%d %H:%M} UTC differs by {_count_minutes(difference)} minutes from the database's clock"
        return Finding("clock", is_ok=False, detail=detail, cure=_SET_CLOCK)
    return Finding("clock", is_ok=True, detail=f"{now:%Y-%m-%d %H:%M} UTC, not before the newest row of the record")


_IDS = (memories.c.id, users.c.id)
_SET_CLOCK = (
    "Set the clock, best by NTP (`timedatectl set-ntp true`). A wrong one ends logins and memories at wrong times."
)


def _read_time(row_id: str) -> datetime:
    """Return the time at which an id was made: its first 48 bits are milliseconds."""
    return datetime.fromtimestamp((UUID(row_id).int >> 80) / 1000, UTC)


def _count_minutes(difference: timedelta) -> int:
    return round(abs(difference) / timedelta(minutes=1))


def _try_listening(host: str, port: int) -> int | None:
    """Return the number of the error with which the system refuses to listen; None if it does not refuse."""
    try:
        family = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0][0]  # noqa: S104 - tried only
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen()
    except OSError as error:
        return error.errno or errno.EADDRNOTAVAIL
    return None


async def _is_loci(settings: Settings) -> bool:
    try:
        url = f"http://{find_loopback(settings.host)}:{settings.port}/health"
        async with open_http_client(url, None, timeout=5) as client:
            answer = await client.get(url)
        return answer.is_success and {"status", "version", "timestamp"} <= set(answer.json())
    except (httpx.HTTPError, ValueError, TypeError):
        return False
