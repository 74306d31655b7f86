"""Shared by the commands: the settings, the record, and error messages on stderr."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO, TypeVar, cast
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress, ProgressColumn
from rich.table import Table
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.cli import OWN_PROCESS
from server.config import Settings, load_settings
from server.errors import Failure
from server.logs import Stderr
from server.store.data_folder import OWNER_ONLY, close_to_others, find_exposed_paths, keep_temporary_files
from server.store.db import Database
from server.store.migrate import MigrationFailed, SchemaTooNew, migrate
from server.store.outage import find_outage
from server.store.record.people import accounts
from server.store.search.folder_ownership import AlreadyOwned

T = TypeVar("T")

DRIVERS = frozenset({"sqlite+aiosqlite", "postgresql+asyncpg"})

#: The option of every command that prints a list.
AsJson = Annotated[bool, typer.Option("--json", help="Print the list as JSON, for scripts.")]

CURE_OF_DAMAGE = (
    "Stop the server, keep a copy of the database, and restore a backup. Without one, `.recover` of the program "
    "sqlite3 saves the rest."
)

#: For tables. It is wide enough for whole ids, even if the output goes to a pipe.
stdout = Console(width=max(Console().width, 140))
#: For people. Results that a script reads go to stdout, and nothing else does.
stderr = Console(file=cast("TextIO", Stderr()))


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
        raise Failure(
            "not_found", f"There is no user named {name!r}. `loci user list` shows them; `loci user add` makes one."
        )
    return user


def ask_new_password(question: str, option: str) -> str:
    """Ask the person at the terminal for a password, twice. `option` is the way for a script.

    Raises:
        Failure: `invalid`, there is no terminal.
    """
    if not sys.stdin.isatty():
        raise Failure("invalid", f"There is no terminal to ask for the password. Give the password with {option}.")
    return typer.prompt(question, hide_input=True, confirmation_prompt=True, err=True)


def begin_command() -> Settings:
    """Read the settings, and let nobody but the owner read the files that this process makes from now on."""
    settings = load_settings()
    os.umask(OWNER_ONLY)
    return settings


def give_way(context: typer.Context) -> None:
    """Let others on this machine go first, from now on. Nothing changes in a process that has other work."""
    if context.obj == OWN_PROCESS:
        os.nice(10)


def list_exposed_paths(settings: Settings) -> list[Path]:
    """Return the folders and files of the data folder and of the record that other users may use."""
    try:
        url = make_url(settings.sqlalchemy_url)
    except (ArgumentError, ValueError):
        url = None  # `check_database_url` has the message for it
    files: list[Path] = []
    if url is not None and url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)  # it may lie outside the data folder
        files = [*path.parent.glob(f"{path.name}*"), *path.parent.glob(f"{path.stem}.before-*.db")]
    return list(dict.fromkeys(find_exposed_paths(settings.data_dir.resolve(), files)))


def close_data_folder(settings: Settings) -> None:
    """Take other users' permissions from what an earlier version or a copy has left. A refusal is a warning."""
    with explain_errors(settings):
        refused = close_to_others(list_exposed_paths(settings))
    if refused:
        warning = f"Other users of this machine may use {len(refused)} folders and files, like {refused[0]}. "
        cure = "Their owner must run: chmod go= on each."
        print_line(warning + cure, "yellow")


def run_command(command: Callable[[Settings], Awaitable[T]]) -> T:
    """Run a command and return its result. An error ends the process with one sentence on stderr and exit code 1."""
    settings = begin_command()
    keep_temporary_files(settings.data_dir)

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
    except (Failure, SchemaTooNew, MigrationFailed) as error:
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


def check_port_known(settings: Settings) -> None:
    """Raise Failure if the port of the public URL is chosen at each start of the server."""
    if settings.public_url.endswith(":0"):
        raise Failure("invalid", "LOCI_PORT is 0, so only the running server knows its URL. Set LOCI_PORT to a number.")


def find_store_outage(error: BaseException | None) -> str | None:
    """Return the outage of a store that an error tells of, or None if the error has another cause."""
    from server.store.search.seam import EngineDown  # noqa: PLC0415 - with numpy, which few commands need

    return "search store down" if isinstance(error, EngineDown) else find_outage(error)


def explain_store_error(error: DBAPIError | OSError, settings: Settings) -> str:
    """Return a sentence about a store that cannot be opened, with the setting to check."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Set LOCI_DATA_DIR to a folder that you may write to."
    match find_outage(error):
        case "full":
            return f"The disk under {settings.data_dir.absolute()} is full. Make room there."
        case "damaged":
            return f"The record is damaged: {error.orig if isinstance(error, DBAPIError) else error}. {CURE_OF_DAMAGE}"
        case _:
            pass
    reason = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    if settings.database_url.get_secret_value():
        return f"The record cannot be reached: {reason}. Check LOCI_DATABASE_URL, and that the database runs."
    return f"{settings.data_dir.absolute()}: {reason}. Check LOCI_DATA_DIR, and that you may write there."


def make_bar(*columns: ProgressColumn) -> Progress:
    """Return a progress bar that is gone at its end. If nobody watches, because of a pipe or a log, there is none."""
    return Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal)


def print_table(table: Table, empty: str) -> None:
    """Print a list as a table; one without rows as a sentence, which says how the first row comes."""
    if table.row_count:
        stdout.print(table)
    else:
        print_line(empty)


def print_json(rows: list[dict[str, Any]]) -> None:
    """Print a list as JSON, for scripts. Dates are in ISO 8601."""
    print(json.dumps(rows, ensure_ascii=False, indent=2, default=datetime.isoformat))


def print_line(line: str, style: str | None = None) -> None:
    """Print a line for a person, as it is: nothing in it is markup, and it is not broken."""
    stderr.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Print an error message and end the command with exit code 1."""
    print_line(message, "red")
    raise typer.Exit(1)
