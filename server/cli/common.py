"""What the commands share: the settings, the record, and refusals on stderr."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import typer
from rich.console import Console

from server.config import Settings, load
from server.errors import Failure
from server.store.db import Database
from server.store.migrate import SchemaTooNew, migrate

T = TypeVar("T")

#: For what people read; the answer that a script wants goes to stdout by itself.
stderr = Console(stderr=True)


@asynccontextmanager
async def record(settings: Settings) -> AsyncGenerator[Database]:
    """The record, with its schema current. Works while a server runs on it."""
    db = Database(settings.sqlalchemy_url)
    try:
        await migrate(db)
        yield db
    finally:
        await db.close()


def run(command: Callable[[Settings], Awaitable[T]]) -> T:
    """Run a command; a refusal is one line on stderr and exit code 1."""

    async def awaited() -> T:
        return await command(load())

    try:
        return asyncio.run(awaited())
    except (Failure, SchemaTooNew) as error:
        stderr.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None
