"""`export`: all memories of a workspace as lines of JSON, also while the server runs."""

import json
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from server import __version__
from server.cli.common import fail, find_user, open_record, print_line, run_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.memory.imports.loci_lines import HEAD
from server.memory.models import to_iso
from server.store.db import Database
from server.store.directory import Directory
from server.store.epoch import Epoch
from server.store.record import memories
from server.store.record.people.plans import Plans
from server.store.record.workspaces import Workspace
from tools.core.store_refusals import refusals_as_failures

#: The memories that are read in one transaction.
STEP = 500


def export_memories(
    *,
    user: Annotated[str, typer.Option("--user", help="The user whose memories these are.")],
    workspace: Annotated[str | None, typer.Option(help="Its name, or account/name. Default: the user's.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new file to write. Default: standard output.")] = None,
) -> None:
    """Write all memories of a workspace as lines of JSON, which `loci import` reads. Works while the server runs.

    The first line says what this is. Each other line is a memory with all its fields, merged and replaced ones as well.
    """
    if out is not None and out.exists():
        fail(f"{out} exists already. Name another file.")

    async def write_lines(settings: Settings) -> tuple[int, str]:
        async with open_record(settings) as db:
            place = await _find_workspace(settings, db, user, workspace)
            return await _write_all(db, place, out), place.name

    count, name = run_command(write_lines)
    print_line(f"{count} memories of {name!r} were written.")


async def _find_workspace(settings: Settings, db: Database, user: str, asked: str | None) -> Workspace:
    directory = Directory(db, utc_now, Epoch(db, utc_now), Plans(settings.plans, settings.default_plan))
    async with db.read() as connection:
        owner = await find_user(connection, user)
    with refusals_as_failures():
        account_id, name = await directory.locate_workspace(owner.id, owner.account_id, asked)
    found = await directory.find_workspace(account_id, name)
    if found is None:
        raise Failure("not_found", f"{user} has no workspace {name!r}.", field="workspace")
    return found


async def _write_all(db: Database, workspace: Workspace, out: Path | None) -> int:
    """Write the lines, and return the number of memories. A file that is not complete does not stay."""
    if out is None:
        return await _write_lines(db, workspace, sys.stdout)
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            count = await _write_lines(db, workspace, file)
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


async def _write_lines(db: Database, workspace: Workspace, file: TextIO) -> int:
    """Write the first line and the memories, oldest first, and return their number."""
    about = {"loci": __version__, "workspace": workspace.name, "exported_at": to_iso(utc_now())}
    head = {"kind": HEAD, "version": 1} | about
    file.write(json.dumps(head, ensure_ascii=False) + "\n")
    count, position = 0, -1
    while True:
        async with db.read() as connection:
            page = await memories.list_after(connection, workspace.id, position, STEP)
        for position, memory in page:  # noqa: B007 - the last position is where the next page begins
            line = {"kind": "memory"} | memory.model_dump(mode="json")
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        count += len(page)
        if len(page) < STEP:
            return count
