"""`migrate`: the schema of the record."""

from server.cli.common import open_record, run_command, stderr
from server.config import Settings


def migrate() -> None:
    """Bring the record's schema up to this version. `serve` does it too."""

    async def migrate_record(settings: Settings) -> None:
        async with open_record(settings):
            stderr.print("The record's schema is current.")

    run_command(migrate_record)
