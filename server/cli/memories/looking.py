"""The places that `erasure verify` searches, and what it says about each."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from server.cli.common import print_line
from server.config import Settings
from server.store.backup.looking import find_in_backup, list_backups
from server.store.backup.refusals import UnusableBackup
from server.store.db import Database
from server.store.lifecycle.proof import (
    find_ids_with_content,
    find_in_collection,
    find_words_in_files,
    find_words_in_tables,
    list_searched_files,
)
from server.store.projection.placement import find_placement
from server.store.record.erasure.receipts import Receipt
from server.store.record_copies import list_copies_beside, tell_end
from server.store.search.seam import EngineDown
from server.wiring.stores import build_engine


@dataclass(slots=True)
class Look:
    """A look for what should be gone.

    Attributes:
        receipt: what was erased.
        words: the words to look for; empty: only the memories of the receipt.
        found: the places that still have something.
        unread: the places that could not be searched.
    """

    receipt: Receipt
    words: str
    found: list[str] = field(default_factory=list[str])
    unread: list[str] = field(default_factory=list[str])

    def miss(self, place: str, reason: str) -> None:
        """Note that a place could not be searched."""
        self.unread.append(place)
        print_line(f"{place}: not searched: {reason}", "yellow")


async def look_into_record(look: Look, settings: Settings, db: Database) -> None:
    """Look into the record, and with words into every file of the data folder: its log, its copies and the shards."""
    ids = look.receipt.memory_ids
    async with db.read() as connection:
        left = await find_ids_with_content(connection, ids)
    print_line(f"record: {len(ids)} memories looked up, {len(left)} with content")
    look.found += left
    if not look.words:
        return
    record = Path(db.url.database or "") if db.is_sqlite else None
    files = await asyncio.to_thread(list_searched_files, settings.data_dir, record)
    ends = {} if record is None else {each.name: tell_end(each) for each in list_copies_beside(record)}
    for path in await asyncio.to_thread(find_words_in_files, files, look.words):
        look.found.append(": ".join(filter(None, (f"file {path}", ends.get(path.name)))))
    print_line(f"files: {len(files)} were read, everything under {settings.data_dir} and the record")
    if not db.is_sqlite:
        async with db.read() as connection:
            look.found += await find_words_in_tables(connection, look.words)
        print_line("record: every table was searched")


async def look_into_search_store(look: Look, settings: Settings, db: Database) -> None:
    """Ask a Qdrant server for the points of the workspace. The shards of the embedded engine are files, read before."""
    place = None if look.receipt.workspace_id is None else await find_placement(db, look.receipt.workspace_id)
    if not settings.qdrant_url or place is None:
        return
    engine = build_engine(settings)
    try:
        count, found = await find_in_collection(engine, place.target.collection, look.receipt.memory_ids, look.words)
    except EngineDown as error:
        look.miss("Qdrant", str(error))
        return
    finally:
        await engine.close()
    look.found += found
    print_line(f"Qdrant: {count} points of the workspace were read; its own log and snapshots keep what they held")


def look_into_backups(look: Look, paths: Iterable[Path], password: str | None) -> None:
    """Look into backups: files, and those in folders."""
    try:
        files = [each.absolute() for path in paths for each in list_backups(path)]
    except OSError as error:
        look.miss(f"backups in {error.filename}", error.strerror or "it cannot be read")
        return
    searched = 0
    for each in dict.fromkeys(files):
        try:
            look.found += find_in_backup(each, password, look.receipt.memory_ids, look.words)
            searched += 1
        except UnusableBackup as error:
            look.miss(f"backup {each}", f"it {error}")
        except OSError as error:
            look.miss(f"backup {each}", error.strerror or "it cannot be read")
    print_line(f"backups: {searched} were read. Copies that were taken elsewhere are not known")
