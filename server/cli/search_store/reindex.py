"""`reindex`: the search store, built anew from the record."""

from typing import Annotated

import typer

from server.cli.common import open_record, print_line, run_command
from server.config import Settings


def reindex(
    workspace: Annotated[str | None, typer.Option(help="Only the workspace with this id.")] = None,
) -> None:
    """Build the search store anew from the record, without embedding anything again.

    If a server runs on the data folder, the server does the work, and this command shows its progress.
    """

    async def rebuild_points(settings: Settings) -> None:
        from server.cli.runs import do_work_with_bar  # noqa: PLC0415 - with the works, a second of imports

        async with open_record(settings) as db:
            outcome = await do_work_with_bar(settings, db, "reindex", "Reindexing", workspace)
        print_line(f"{outcome.workspaces} workspace(s) reindexed.")

    run_command(rebuild_points)
