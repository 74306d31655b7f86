"""Shared by the commands: the settings, the record, and error messages on stderr."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

import typer
from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.config import Settings, load_settings
from server.errors import Failure
from server.store.db import Database
from server.store.migrate import SchemaTooNew, migrate
from server.store.record.people import accounts
from server.store.search.owner import AlreadyOwned

T = TypeVar("T")

DRIVERS = frozenset({"sqlite+aiosqlite", "postgresql+asyncpg"})

#: For tables. It is wide enough for whole ids, even if the output goes to a pipe.
stdout = Console(width=max(Console().width, 140))
#: For people. Results that a script reads go to stdout, and nothing else does.
stderr = Console(stderr=True)


@asynccontextmanager
async def open_record(settings: Settings) -> AsyncGenerator[Database]:
    """Open the record and bring its schema up to date. Works while a server runs on it, too."""
    db = Database(settings.sqlalchemy_url)
    try:
        await migrate(db)
        yield db
    finally:
        await db.close()


async def find_user(connection: AsyncConnection, name: str) -> accounts.User:
    """Return the user of this name. Raises Failure `not_found`."""
    user = await accounts.find_user(connection, name)
    if user is None:
        raise Failure("not_found", f"There is no user named {name!r}. `user list` shows them; `user add` makes one.")
    return user


def run_command(command: Callable[[Settings], Awaitable[T]]) -> T:
    """Run a command and return its result. An error ends the process with one sentence on stderr and exit code 1."""
    settings = load_settings()

    async def await_command() -> T:
        return await command(settings)

    with explain_errors(settings):
        return asyncio.run(await_command())


@contextmanager
def explain_errors(settings: Settings) -> Generator[None]:
    """Replace the traceback of an expected error by a sentence that says what to do."""
    try:
        check_database_url(settings)
        check_qdrant_url(settings)
        yield
    except (Failure, SchemaTooNew) as error:
        fail(str(error))
    except AlreadyOwned as error:
        owner = f"Process {error.pid}" if error.pid else "Another process"
        folder = settings.data_dir.absolute()
        fail(f"{owner} already serves {folder}. Stop it, or set LOCI_DATA_DIR to another folder.")
    except (DBAPIError, OSError) as error:
        fail(explain_store_error(error, settings))


def check_database_url(settings: Settings) -> None:
    """Raise Failure if LOCI_DATABASE_URL is not valid. The URL is not shown: the wrong part may be a password."""
    try:
        driver = make_url(settings.sqlalchemy_url).drivername
    except (ArgumentError, ValueError):
        driver = ""
    if driver not in DRIVERS:
        raise Failure(
            "invalid",
            "LOCI_DATABASE_URL is not the URL of a database that Loci can use. "
            "It looks like postgresql://user:password@host:5432/loci, or sqlite:////folder/loci.db.",
        )


def check_qdrant_url(settings: Settings) -> None:
    """Raise Failure if LOCI_QDRANT_URL is not valid. The URL is not shown: it may hold a password."""
    address = settings.qdrant_url
    try:
        _ = urlsplit(address if "://" in address else f"//{address}").port
    except ValueError:
        raise Failure("invalid", "LOCI_QDRANT_URL is not a URL. It looks like http://127.0.0.1:6333.") from None


def explain_store_error(error: DBAPIError | OSError, settings: Settings) -> str:
    """Return a sentence about a store that cannot be opened, with the setting to check."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Set LOCI_DATA_DIR to a folder that you may write to."
    reason = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    if settings.database_url.get_secret_value():
        return f"The record cannot be reached: {reason}. Check LOCI_DATABASE_URL, and that the database runs."
    return f"{settings.data_dir.absolute()}: {reason}. Check LOCI_DATA_DIR, and that you may write there."


def fail(message: str) -> NoReturn:
    """Print an error message and end the command with exit code 1."""
    stderr.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)
