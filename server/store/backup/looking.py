"""A look into backups for what should be gone: memories by their ids, and words."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from server.store.backup.check import read_manifest
from server.store.backup.container import MARK, ROWS, BackupReader
from server.store.backup.rows import unpack_rows


def list_backups(path: Path) -> list[Path]:
    """Return the backups in a folder, also deeper in it; of a file that file, whatever it is.

    Raises:
        OSError: it cannot be read.
    """
    if not path.is_dir():
        return [path]
    return [each for each in sorted(path.rglob("*")) if each.is_file() and _has_mark(each)]


def _has_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


def find_in_backup(path: Path, password: str | None, memory_ids: Collection[str], words: str) -> list[str]:
    """Return the tables of a backup that have these memories with content, or these words, each with a number.

    `words` may be empty: then only the memories are looked for.

    Raises:
        UnusableBackup: the file is not as it was written, or cannot be decrypted.
        OSError: it cannot be read.
    """
    wanted, sought = frozenset(memory_ids), words.casefold()
    found: dict[str, int] = {}
    with path.open("rb") as file:
        parts = BackupReader.open(file, password).read_parts()
        manifest = read_manifest(parts)
        for part in parts:
            if part.kind != ROWS:
                continue
            number, rows = unpack_rows(part.data, manifest.tables)
            table = manifest.tables[number].name
            count = sum(_is_left(table, row, wanted) or _has_words(row, sought) for row in rows)
            if count:
                found[table] = found.get(table, 0) + count
    return [f"backup {path}: {count} row(s) of {table}" for table, count in found.items()]


def _is_left(table: str, row: dict[str, Any], memory_ids: frozenset[str]) -> bool:
    """Whether a row is a memory that should be gone, and still has its text."""
    return table == "memories" and row.get("id") in memory_ids and bool(row.get("content"))


def _has_words(row: dict[str, Any], words: str) -> bool:
    return bool(words) and any(isinstance(each, str) and words in each.casefold() for each in row.values())
