"""`export`: everything of a workspace or of an account, also while the server runs; `verify-export`: its check."""

import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from server import __version__
from server.cli.common import fail, find_user, open_record, print_line, run_command
from server.cli.memories.places import find_workspace
from server.cli.notes import note_workspace_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.store.db import Database
from server.store.record import workspaces
from server.store.record.workspaces import Workspace
from server.wiring.exports import build_export_key
from tools.exports.lines import write_lines
from tools.exports.markdown import write_folder
from tools.exports.pam import Signer, write_pam
from tools.exports.verifying import read_key, verify_document


def export_memories(
    *,
    user: Annotated[str, typer.Option("--user", help="The user whose memories these are.")],
    workspace: Annotated[
        str | None, typer.Option(help="Its name, or account/name. Default: all workspaces of the user's account.")
    ] = None,
    form: Annotated[
        Literal["jsonl", "pam", "markdown"],
        typer.Option(
            "--format",
            help="jsonl: lines of JSON. pam: a signed document of Portable AI Memory 1.0. "
            "markdown: a folder for people.",
        ),
    ] = "jsonl",
    out: Annotated[
        Path | None, typer.Option(help="A new file, or with markdown a new folder. Default: standard output.")
    ] = None,
) -> None:
    """Write everything of a workspace or an account, for `loci import`. Works while the server runs.

    That is: memories with their history, links and pictures, working memory, the skip list, the identity, settings and
    golden cases. docs/export.md describes the formats.
    """
    if out is not None and out.exists():
        fail(f"{out} exists already. Name another one.")
    if out is None and form == "markdown":
        fail("Name the folder to write with --out.")

    async def write(settings: Settings) -> tuple[int, str]:
        async with open_record(settings) as db:
            places = await _find_places(db, user, workspace)
            names = ", ".join(repr(each.name) for each in places)
            for each in places:
                await note_workspace_command(settings, db, each, "export_everything", "read")
            if form == "markdown" and out is not None:
                return await write_folder(db, places, out, __version__, utc_now()), names
            pieces = await _open_pieces(settings, db, user, places, form)
            return await _write_all(pieces, out), names

    count, names = run_command(write)
    print_line(f"{count} memories of {names or 'no workspace'} were written.")


async def _find_places(db: Database, user: str, asked: str | None) -> list[Workspace]:
    async with db.read() as connection:
        if asked is not None:
            return [await find_workspace(connection, user, asked)]
        owner = await find_user(connection, user)
        return await workspaces.list_workspaces(connection, owner.account_id)


async def _open_pieces(
    settings: Settings, db: Database, user: str, places: Sequence[Workspace], form: str
) -> AsyncGenerator[tuple[str, int]]:
    """Return the text of the export in pieces, each with the number of its memories."""
    if form == "jsonl":
        return write_lines(db, places, __version__, utc_now())
    async with db.read() as connection:
        owner = await find_user(connection, user)
    return write_pam(db, places, Signer(owner.id, __version__, build_export_key(settings)), utc_now())


async def _write_all(pieces: AsyncGenerator[tuple[str, int]], out: Path | None) -> int:
    """Write the pieces, and return the number of memories. A file that is not complete does not stay."""
    if out is None:
        return await _write_pieces(pieces, sys.stdout)
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            count = await _write_pieces(pieces, file)
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


async def _write_pieces(pieces: AsyncGenerator[tuple[str, int]], file: TextIO) -> int:
    count = 0
    async for text, written in pieces:
        file.write(text)
        count += written
    return count


def verify_export(
    file: Annotated[Path, typer.Argument(help="The document, as `loci export --format pam` wrote it.")],
    key: Annotated[str | None, typer.Option(help="The key that must have signed it, from somebody you trust.")] = None,
) -> None:
    """Check a document of Portable AI Memory: its digests and its signature. Needs no server and no network.

    The exit code is 1 if it is not as it was signed.
    """
    try:
        faults = verify_document(file, key)
    except Failure as failure:
        fail(str(failure))
    for each in faults:
        print_line(each, "red")
    if faults:
        raise typer.Exit(1)
    trusted = "" if key else " Compare the key with that of the server which you trust, or give it with --key."
    print_line(f"It is as it was signed, by the key {read_key(file)}.{trusted}")
