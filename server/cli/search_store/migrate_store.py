"""`migrate-store`: the search store, moved to where the settings say."""

from server.cli.common import open_record, print_line, run_command
from server.config import Settings


def migrate_store() -> None:
    """Move the search store to LOCI_QDRANT_URL and LOCI_LAYOUT, from the record, and compare it with that.

    Nothing is embedded. If it is stopped, the next call goes on. If a server runs on the data folder, the server does
    the work, and this command shows its progress.
    """

    async def move_points(settings: Settings) -> None:
        from server.cli.runs import do_work_with_bar  # noqa: PLC0415 - with the works, a second of imports

        async with open_record(settings) as db:
            outcome = await do_work_with_bar(settings, db, "move", "Moving")
        place = "the Qdrant server" if settings.qdrant_url else "the embedded engine"
        whose = "shared collections" if settings.layout == "shared" else "a collection for each workspace"
        repaired = (outcome.report or {}).get("repaired", 0)
        again = f" {repaired} had to be made again." if repaired else ""
        print_line(f"{outcome.workspaces} workspace(s) are in {place}, with {whose}, as in the record.{again}")

    run_command(move_points)
