"""`upgrade-check`: what an upgrade to this version would do with the record. It changes nothing."""

import asyncio
import shutil
from pathlib import Path

import typer

from server import __version__
from server.cli.common import print_line, run_command
from server.config import Settings
from server.store.db import Database
from server.store.migrate import HEAD, list_steps, read_step
from server.store.projection.placement import count_outdated_collections

#: The room for what the steps themselves write, in parts of the record.
_MARGIN = 1.2


def check_upgrade() -> None:
    """Say what the next start of this version would do with the record. Nothing is changed.

    The exit code is 1 if the record is newer than this version, or if the disk has no room for the copy.
    """

    async def describe_upgrade(settings: Settings) -> bool:
        db = Database(settings.sqlalchemy_url)
        try:
            return await _describe(db)
        finally:
            await db.close()

    if not run_command(describe_upgrade):
        raise typer.Exit(1)


async def _describe(db: Database) -> bool:
    """Print what would happen, and return whether it can."""
    step = await read_step(db)
    if step is None:
        print_line("There is no record yet. The first start makes it.")
        return True
    steps = list_steps(step)
    print_line(f"The record is at step {step} of the schema. Loci {__version__} needs step {HEAD}.")
    if not steps:
        print_line("The schema stays as it is.")
    for each in steps:
        print_line(f"  {each.number}  {each.title}")
    has_room = not steps or await _describe_copy(db)
    await _describe_rebuilds(db)
    print_line("Nothing was changed.")
    return has_room


async def _describe_copy(db: Database) -> bool:
    """Print where the copy of the record goes, and return whether there is room for it."""
    if not db.is_sqlite:
        print_line("Postgres is migrated in one transaction, without a copy. Make a backup first.")
        return True
    path = Path(db.url.database or "")
    size, free = await asyncio.to_thread(_measure, path)
    needed = int(size * (1 + _MARGIN))
    name = path.with_suffix(f".before-{HEAD}.db").name
    print_line(f"The record is copied to {name} first: {size / 1e6:.1f} MB.")
    print_line(f"That and the steps need about {needed / 1e6:.1f} MB. {free / 1e6:,.0f} MB are free.")
    if free < needed:
        print_line("That is not enough. Make room first.")
    return free >= needed


def _measure(path: Path) -> tuple[int, int]:
    """Return the size of the record with its log, and the bytes that are free on its disk."""
    files = [each for each in (path, path.with_name(f"{path.name}-wal")) if each.exists()]
    return sum(each.stat().st_size for each in files), shutil.disk_usage(path.parent).free


async def _describe_rebuilds(db: Database) -> None:
    outdated, total = await count_outdated_collections(db)
    if outdated:
        print_line(
            f"The collections of {outdated} of {total} workspaces are built anew in the background, from the record. "
            "The old ones serve meanwhile."
        )
    else:
        print_line("No collection of the search store has to be built anew.")
