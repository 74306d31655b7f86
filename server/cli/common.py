"""What the commands share: the settings, the record, and refusals on stderr."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import NoReturn, TypeVar

import typer
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from server.config import Settings, load
from server.errors import Failure
from server.store.db import Database
from server.store.migrate import SchemaTooNew, migrate
from server.store.search.owner import AlreadyOwned

T = TypeVar("T")

#: For tables: wide enough for whole ids, wherever it goes.
stdout = Console(width=max(Console().width, 140))
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
    """Run a command; whatever stops it is one sentence on stderr and exit code 1."""
    settings = load()

    async def awaited() -> T:
        return await command(settings)

    with sentences(settings):
        return asyncio.run(awaited())


@contextmanager
def sentences(settings: Settings) -> Generator[None]:
    """Tell what stops a command in a sentence that says what to do, instead of where in the code it happened."""
    try:
        yield
    except (Failure, SchemaTooNew) as error:
        fail(str(error))
    except AlreadyOwned as error:
        owner = f"Process {error.pid}" if error.pid else "Another process"
        folder = settings.data_dir.absolute()
        fail(f"{owner} already serves {folder}. Stop it, or set LOCI_DATA_DIR to another folder.")
    except (DBAPIError, OSError) as error:
        fail(why(error))


def why(error: DBAPIError | OSError) -> str:
    """What a store that cannot be opened means, and which setting to look at."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Set LOCI_DATA_DIR to a folder that you may write to."
    reason = getattr(error, "orig", error)
    return f"The record cannot be reached: {reason}. Check LOCI_DATABASE_URL, and that the database runs."


def fail(message: str) -> NoReturn:
    """Say what is wrong, and end with exit code 1."""
    stderr.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)
