"""`consolidation`: what was merged in a workspace, by night or because somebody asked, and the way back."""

from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Column, Table

from server.cli.common import AsJson, open_record, print_json, print_line, print_table, run_command
from server.cli.memories.places import find_workspace
from server.cli.notes import note_workspace_command
from server.config import Settings
from server.errors import Failure
from server.store.consolidation import runs
from server.store.consolidation.runs import ConsolidationRun

app = typer.Typer(help="The merges of a workspace, and the way back.", no_args_is_help=True, add_completion=False)

SHOWN = 100

UserName = Annotated[str, typer.Option("--user", help="The user whose workspace it is.")]
WorkspaceName = Annotated[
    str | None,
    typer.Option("--workspace", help="The workspace: its name, or account/name. Default: the user's default one."),
]


@app.command("list")
def list_runs(user: UserName, workspace: WorkspaceName = None, *, as_json: AsJson = False) -> None:
    """List the newest runs in a workspace, with the ids that `undo` takes."""

    async def print_runs(settings: Settings) -> None:
        async with open_record(settings) as db:
            async with db.read() as connection:
                place = await find_workspace(connection, user, workspace)
                found = await runs.list_runs(connection, place.id, SHOWN)
            await note_workspace_command(settings, db, place, "list_consolidations", "read", len(found))
        if as_json:
            print_json([_describe_run(each) for each in found])
            return
        table = Table(Column("id", no_wrap=True, min_width=36), "kind", "state", "at", "memories", "merged into")
        for each in found:
            at = f"{each.at:%Y-%m-%d %H:%M}"
            table.add_row(each.id, each.kind, each.state, at, str(each.sources), str(each.merged))
        print_table(table, f"Nothing was merged in the workspace {place.name} yet.")

    run_command(print_runs)


@app.command("undo")
def undo_run(
    run: Annotated[str, typer.Argument(help="The run's id, as `loci consolidation list` shows it.")],
    user: UserName,
    workspace: WorkspaceName = None,
) -> None:
    """Bring back the memories that a run merged, and remove the merged ones.

    A merged memory that was changed since then stays. If a server runs on the data folder, the server does the work.
    """

    async def undo(settings: Settings) -> None:
        from server.background.undoing import name_argument  # noqa: PLC0415 - with the works, a second of imports
        from server.cli.runs import do_work_with_bar  # noqa: PLC0415 - the same imports

        async with open_record(settings) as db:
            async with db.read() as connection:
                place = await find_workspace(connection, user, workspace)
            run_id = _read_run_id(run)
            outcome = await do_work_with_bar(settings, db, "undo", "Undoing", name_argument(place.id, run_id))
            await note_workspace_command(settings, db, place, "undo_consolidation", "update")
        report = outcome.report or {}
        print_line(f"{report['restored']} memories are back, and {report['removed']} merged ones are gone.")
        for merged, reason in report["kept"].items():
            print_line(f"{merged} was left as it is: {reason}.", "yellow")

    run_command(undo)


def _read_run_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        advice = "`loci consolidation list` shows the ids."
        raise Failure("invalid", f"RUN: must be the id of a run; you sent {text[:40]!r}. {advice}") from None


def _describe_run(run: ConsolidationRun) -> dict[str, Any]:
    names = ("id", "kind", "state", "at", "active", "sources", "merged", "undone", "by_ai")
    return {name: getattr(run, name) for name in names}
