"""`backfill`: the vectors that memories are without."""

from server.cli.common import open_record, print_line, run_command
from server.config import Settings
from server.store.record import vectors
from server.store.record.vectors import VectorCoverage
from server.store.record.works import generations


def backfill() -> None:
    """Embed the memories that have no vectors of the current model yet, and show the progress.

    If a server runs on the data folder, the server does the work, which it also does without this command.
    """

    async def fill_vectors(settings: Settings) -> None:
        from server.cli.runs import do_work_with_bar  # noqa: PLC0415 - with the works, a second of imports

        async with open_record(settings) as db:
            await do_work_with_bar(settings, db, "backfill", "Embedding")
            async with db.read() as connection:
                left = await vectors.count_vectors(connection, await generations.find_newest_generation(connection))
        print_line(_describe_vectors(left))

    run_command(fill_vectors)


def _describe_vectors(left: VectorCoverage) -> str:
    if not left.missing:
        return f"Each of {left.filled} memories has its vectors."
    return f"{left.missing} of {left.filled + left.missing} memories are still without vectors; the log says why."
