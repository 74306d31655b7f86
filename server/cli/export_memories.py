"""`export`: everything of a workspace or of an account as lines of JSON, also while the server runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TextIO

import typer

from server import __version__
from server.cli.common import fail, find_user, open_record, print_line, run_command
from server.cli.places import find_workspace
from server.clock import utc_now
from server.config import Settings
from server.store.db import Database
from server.store.record import workspaces
from server.store.record.workspaces import Workspace
from tools.exports.lines import write_lines


def export_memories(
    *,
    user: Annotated[str, typer.Option("--user", help="The user whose memories these are.")],
    workspace: Annotated[
        str | None, typer.Option(help="Its name, or account/name. Default: all workspaces of the user's account.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new file to write. Default: standard output.")] = None,
) -> None:
    """Write everything of a workspace or an account, for `loci import`. Works while the server runs.

    That is: memories with their history, links and pictures, working memory, the skip list, the identity, settings and
    golden cases. docs/export.md describes the lines.
    """
    if out is not None and out.exists():
        fail(f"{out} exists already. Name another file.")

    async def write(settings: Settings) -> tuple[int, str]:
        async with open_record(settings) as db:
            places = await _find_places(db, user, workspace)
            return await _write_all(db, places, out), ", ".join(repr(each.name) for each in places)

    count, names = run_command(write)
    print_line(f"{count} memories of {names or 'no workspace'} were written.")


async def _find_places(db: Database, user: str, asked: str | None) -> list[Workspace]:
    async with db.read() as connection:
        if asked is not None:
            return [await find_workspace(connection, user, asked)]
        owner = await find_user(connection, user)
        return await workspaces.list_workspaces(connection, owner.account_id)


async def _write_all(db: Database, places: Sequence[Workspace], out: Path | None) -> int:
    """Write the lines, and return the number of memories. A file that is not complete does not stay."""
    if out is None:
        return await _write_lines(db, places, sys.stdout)
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            count = await _write_lines(db, places, file)
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


async def _write_lines(db: Database, places: Sequence[Workspace], file: TextIO) -> int:
    count = 0
    async for text, written in write_lines(db, places, __version__, utc_now()):
        file.write(text)
        count += written
    return count
