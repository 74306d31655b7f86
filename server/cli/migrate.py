"""`migrate`: the schema of the record."""

from server.cli.common import record, run, stderr
from server.config import Settings


def migrate() -> None:
    """Bring the record's schema up to this version. `serve` does it too."""

    async def command(settings: Settings) -> None:
        async with record(settings):
            stderr.print("The record's schema is current.")

    run(command)
