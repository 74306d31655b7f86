"""`import`: memories from files of this and of other programs, also while the server runs."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from server.cli.common import fail, find_user, make_bar, open_record, print_json, print_line, run_command
from server.cli.memories.places import find_place
from server.cli.notes import note_account_command, note_workspace_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.ids import new_id
from server.store.audit.entry import EffectName
from server.store.db import Database
from server.store.record import workspaces
from server.store.record.journal import Actor
from server.store.record.people.accounts import User
from server.store.record.people.plans import Plans
from server.store.record.works import generations, runs
from server.store.record.workspaces import MissingWorkspace
from server.wiring.erasure import build_tombstones
from tools.core.store_refusals import refusals_as_failures
from tools.imports.importing import import_by_workspace
from tools.imports.reading import read_entries
from tools.imports.report import ImportReport
from tools.imports.target import ImportTarget
from tools.imports.undoing import undo_import

UserName = Annotated[str, typer.Option("--user", help="The user whose memories these are.")]
Into = Annotated[
    str | None,
    typer.Option("--into", help="The workspace: its name, or account/name. Default: the file's, or the user's."),
]


def import_files(
    path: Annotated[Path | None, typer.Argument(help="A file or a folder. docs/import.md lists the formats.")] = None,
    *,
    user: UserName,
    into: Into = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")] = False,
    undo: Annotated[str | None, typer.Option("--undo", help="Delete what the import with this id brought.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for scripts.")] = False,
) -> None:
    """Import memories from files of other programs, or undo an import. Works while the server runs.

    A second import of the same file adds nothing. The exit code is 1 if all memories were refused.
    """
    if undo is not None:
        count = run_command(lambda settings: _undo(settings, user, into, undo))
        print_line(f"{count} memories were deleted. Another import of the file brings them again.")
        return
    if path is None:
        fail("Name the file or the folder to import, or the import to undo with --undo.")

    source = path.resolve().name

    async def import_path(settings: Settings) -> list[ImportReport]:
        return await _import(settings, path, source, user, into, dry_run=dry_run)

    reports = run_command(import_path)
    if as_json:
        print_json([each.model_dump(mode="json") for each in reports])
    else:
        for each in reports:
            _print_report(each, user, into)
    if any(each.refused for each in reports) and all(each.refused == each.total for each in reports):
        raise typer.Exit(1)


async def _import(
    settings: Settings, path: Path, source: str, user: str, into: str | None, *, dry_run: bool
) -> list[ImportReport]:
    async with open_record(settings) as db:
        async with db.read() as connection:
            owner = await find_user(connection, user)

        targets: list[ImportTarget] = []
        reports: list[ImportReport] = []

        async def find_target(name: str | None) -> ImportTarget:
            """Return the place of what is in a file under the name of a workspace, or under none."""
            asked = into if into or name is None else name
            targets.append(await _open_target(settings, db, owner, asked, "import_memories"))
            return targets[-1]

        try:
            with make_bar() as bar, refusals_as_failures():
                bar.add_task("Importing", total=None)
                reports = await import_by_workspace(find_target, source, read_entries(path), dry_run=dry_run)
        finally:  # an import that breaks off has brought something
            await _note_imports(settings, db, targets, sum(each.imported for each in reports), dry_run=dry_run)
        if not dry_run and any(each.imported for each in reports):
            async with db.write() as connection:
                await _ask_for_vectors(connection)
    return reports


async def _note_imports(
    settings: Settings, db: Database, targets: Sequence[ImportTarget], count: int, *, dry_run: bool
) -> None:
    """Note in the audit each workspace that an import came into. A dry run has read it."""
    for account_id, name in dict.fromkeys((each.workspace.account_id, each.workspace.name) for each in targets):
        async with db.read() as connection:
            found = await workspaces.find_workspace(connection, account_id, name)
        effect: EffectName = "read" if dry_run else "create"
        workspace_id = None if found is None else found.id
        await note_account_command(settings, db, account_id, "import_memories", effect, workspace_id, count)


async def _undo(settings: Settings, user: str, into: str | None, run_id: str) -> int:
    async with open_record(settings) as db:
        async with db.read() as connection:
            owner = await find_user(connection, user)
        target = await _open_target(settings, db, owner, into, "undo_import")
        if isinstance(target.workspace, MissingWorkspace):
            raise Failure("not_found", f"There is no workspace {target.workspace.name!r}; name it with --into.")
        with refusals_as_failures():
            count = await undo_import(db, utc_now, target.actor, target.workspace.id, run_id)
        await note_workspace_command(settings, db, target.workspace, "undo_import", "delete", count)
        return count


async def _open_target(
    settings: Settings, db: Database, owner: User, asked: str | None, operation: str
) -> ImportTarget:
    """Return a workspace of a user, and the user as the one who changes it.

    Raises:
        Failure: `not_found`, the user is in no such account.
    """
    async with db.read() as connection:
        place = await find_place(connection, owner, asked)
        generation = await generations.find_newest_generation(connection)
    plans = Plans(settings.plans, settings.default_plan)
    actor = Actor(owner.id, "loci", operation, new_id(utc_now()))
    return ImportTarget(
        db=db,
        plans=plans,
        now=utc_now,
        actor=actor,
        workspace=place,
        generation=generation,
        tombstones=build_tombstones(settings),
    )


async def _ask_for_vectors(connection: AsyncConnection) -> None:
    """Have a running server, or the next one that starts, embed what was imported."""
    if not await runs.is_any_filed(connection, ["backfill"], utc_now()):
        await runs.file_run(connection, "backfill", None, utc_now())


def _print_report(report: ImportReport, user: str, into: str | None) -> None:
    verb = "would be imported" if report.dry_run else "imported"
    print_line(
        f"{report.source} into {report.workspace!r}: {report.imported} {verb}, {report.skipped} skipped "
        f"(imported before), {report.refused} refused; {report.total} in all."
    )
    for each in report.refusals:
        print_line(f"  refused: {each.place}: {each.reason}", "yellow")
    if report.refused > len(report.refusals):
        print_line(f"  and {report.refused - len(report.refusals)} more.", "yellow")
    for notice in report.notices:
        print_line(notice, "yellow")
    if report.run is not None and report.imported:
        named = into or (None if report.workspace == "default" else report.workspace)
        place = f" --into {shlex.quote(named)}" if named else ""
        print_line(f"To undo it: loci import --undo {report.run} --user {user}{place}")
