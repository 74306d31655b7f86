"""The copies of the record that upgrades and restores leave beside it: their names, and their end."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from server.store.db import Database

#: For how long the copy from before an upgrade is kept: that is the time to go back to the earlier version.
KEPT = timedelta(days=7)

_REPLACED = sa.text(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before\_restore\_%' ORDER BY nspname")


@dataclass(frozen=True, slots=True)
class RecordCopy:
    """A file beside SQLite's file, or a schema of the Postgres database, that holds the record as it was.

    Attributes:
        name: its name.
        ends_at: when the server removes it; None for the record that a restore replaced, which a person removes.
    """

    name: str
    ends_at: datetime | None


async def list_record_copies(db: Database) -> list[RecordCopy]:
    """Return the copies of the record."""
    if not db.is_sqlite:
        async with db.read() as connection:
            return [RecordCopy(name, None) for name in (await connection.execute(_REPLACED)).scalars()]
    return await asyncio.to_thread(list_copies_beside, Path(db.url.database or ""))


def list_copies_beside(path: Path) -> list[RecordCopy]:
    """Return the copies of the record beside SQLite's file, by their names."""
    names = sorted(each.name for each in path.parent.iterdir() if each.name.startswith(f"{path.stem}.before-"))
    copies = [_describe(path, name) for name in names if name.endswith((".db", ".db-wal"))]
    return [each for each in copies if each is not None]


def _describe(path: Path, name: str) -> RecordCopy | None:
    if name.startswith(f"{path.stem}.before-restore-"):
        return RecordCopy(name, None)
    try:
        made = path.with_name(name).stat().st_mtime
    except FileNotFoundError:
        return None
    return RecordCopy(name, datetime.fromtimestamp(made, UTC) + KEPT)


async def remove_old_copies(db: Database, now: datetime) -> list[str]:
    """Remove the copies from before upgrades whose time is over, and return their names."""
    old = [each.name for each in await list_record_copies(db) if each.ends_at is not None and each.ends_at <= now]
    folder = Path(db.url.database or "").parent
    for name in old:
        await asyncio.to_thread((folder / name).unlink, missing_ok=True)
    return old


def tell_end(copy: RecordCopy) -> str:
    """Return what ends a copy, as a sentence."""
    if copy.ends_at is None:
        return f"{copy.name} is the record that a restore replaced: whoever runs the server deletes it."
    return (
        f"{copy.name} is the record from before an upgrade: the server deletes it on {copy.ends_at:%Y-%m-%d}, and "
        "whoever runs the server can do so now."
    )
