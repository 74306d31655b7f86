"""`migrate` and `reindex`: the record's schema, and the search store made of it."""

from typing import Annotated

import typer
from rich.progress import track

from server.app import projection_alone
from server.cli.common import record, run, stderr
from server.config import Settings
from server.errors import Failure
from server.store import workspaces
from server.store.search.owner import AlreadyOwned


def migrate() -> None:
    """Bring the record's schema up to this version. `serve` does it too."""

    async def command(settings: Settings) -> None:
        async with record(settings):
            stderr.print("The record's schema is current.")

    run(command)


def reindex(
    workspace: Annotated[str | None, typer.Option(help="Only the workspace with this id.")] = None,
) -> None:
    """Build the search store anew from the record, without embedding anything again."""

    async def command(settings: Settings) -> None:
        try:
            async with record(settings) as db, projection_alone(settings, db) as projection:
                async with db.read() as connection:
                    every = await workspaces.all_ids(connection)
                wanted = [each for each in every if workspace in {None, each}]
                if not wanted:
                    raise Failure("not_found", f"There is no workspace {workspace}.")
                for workspace_id in track(wanted, "Reindexing", console=stderr):
                    await projection.forget(workspace_id)
                    if not await projection.project(workspace_id):
                        raise Failure("unavailable", "The search store is down; run this again when it is up.")
                await projection.flush()
        except AlreadyOwned as error:
            raise Failure(
                "conflict", f"Process {error.pid} serves this data folder. Stop it, then run this again."
            ) from None
        stderr.print(f"{len(wanted)} workspace(s) reindexed.")

    run(command)
