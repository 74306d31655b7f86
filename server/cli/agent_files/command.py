"""`memory`: Claude Code's own notes and CLAUDE.md of a project, to a server and back, and the marks of one memory."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.agent_files import marks
from server.cli.agent_files.checkout import find_checkout
from server.cli.agent_files.exchange import Exchange, Report
from server.cli.agent_files.folders import Folders
from server.cli.agent_files.remote import Remote
from server.cli.agent_files.server_choice import Key, Url, choose_key, choose_url
from server.cli.agent_files.state import State
from server.cli.common import begin_command, explain_errors
from server.errors import Failure
from server.network.http import open_http_client

app = typer.Typer(
    help="The notes that Claude Code keeps about a project, on every machine; and burying and pinning of one memory.",
    no_args_is_help=True,
    add_completion=False,
)
for _name, _command in marks.COMMANDS.items():
    app.command(_name)(_command)

Folder = Annotated[Path, typer.Argument(help="A folder of the project.")]
Project = Annotated[str | None, typer.Option(help="The project's name. Default: the one of its repository or folder.")]
Notes = Annotated[
    Path | None, typer.Option("--notes", help="The folder of Claude Code's notes. Default: where it keeps them.")
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Way = Callable[[Exchange], Coroutine[Any, Any, Report]]
_SECONDS = 30


@app.command("push")
def push_files(
    folder: Folder = Path(),
    *,
    project: Project = None,
    notes: Notes = None,
    url: Url = None,
    key: Key = None,
    dry_run: Dry = False,
) -> None:
    """Send the files that have changed here. Private parts and credentials stay here."""
    _exchange(Exchange.push, folder, project, notes, url, key, is_dry=dry_run)


@app.command("pull")
def pull_files(
    folder: Folder = Path(),
    *,
    project: Project = None,
    notes: Notes = None,
    url: Url = None,
    key: Key = None,
    dry_run: Dry = False,
) -> None:
    """Write the files that have changed on the server. If both have changed, both are kept."""
    _exchange(Exchange.pull, folder, project, notes, url, key, is_dry=dry_run)


@dataclass(frozen=True, slots=True)
class Wish:
    """The wish of a person: the folder of the project, and the server with the key for it."""

    folder: Path
    server: str
    key: str
    project: str | None = None
    notes: Path | None = None
    is_dry: bool = False
    ca_file: Path | None = None


async def exchange_files(way: Way, wish: Wish) -> Report:
    """Push or pull the files of a project.

    Raises:
        Failure: the server refuses, or cannot be reached.
    """
    checkout = find_checkout(wish.folder)
    headers = {"authorization": f"Bearer {wish.key}"}
    async with open_http_client(
        wish.server, wish.ca_file, base_url=wish.server, headers=headers, timeout=_SECONDS
    ) as client:
        remote = Remote(client)
        name = await remote.find_project(checkout, wish.project, may_make=not wish.is_dry)
        state = State(wish.server, name or "", checkout.top)
        folders = Folders(checkout, wish.notes or checkout.notes_folder)
        return await way(Exchange(folders, remote, state, is_dry=wish.is_dry))


def _exchange(
    way: Way, folder: Path, project: str | None, notes: Path | None, url: str | None, key: str | None, *, is_dry: bool
) -> None:
    settings = begin_command()
    with explain_errors(settings):
        if not folder.is_dir():
            raise Failure("invalid", f"{folder} is no folder.", field="folder")
        wish = Wish(folder, choose_url(url, settings), choose_key(key), project, notes, is_dry, settings.ca_file)
        report = asyncio.run(exchange_files(way, wish))
    for line in report.lines:
        print(line)
    print(report.sum_up())
    if report.open:
        raise typer.Exit(1)
