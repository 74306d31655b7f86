"""The backups that this installation knows of: the data folder has a list of those that were written from it."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from server.small_files import UnusableFile, read_small_file

#: The list, one path in a line of JSON.
_NAME = "backups.list"
_MOST_BYTES = 1 << 20


def list_known_backups(data_dir: Path) -> list[Path]:
    """Return the backups of the list that are still where they were written."""
    try:
        lines = read_small_file(data_dir / _NAME, _MOST_BYTES).decode(errors="replace").splitlines()
    except UnusableFile:
        return []
    return [path for each in lines if (path := _read_path(each)) is not None and path.is_file()]


def _read_path(line: str) -> Path | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return Path(value) if isinstance(value, str) else None


def note_backup(data_dir: Path, path: Path) -> None:
    """Add a backup to the list, and take out those that are gone.

    Raises:
        OSError: the list cannot be written.
    """
    _write(data_dir, dict.fromkeys([*list_known_backups(data_dir), path.absolute()]))


def _write(data_dir: Path, paths: Iterable[Path]) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    partial = data_dir / f"{_NAME}.{os.getpid()}.partial"
    partial.write_text("".join(f"{json.dumps(str(each))}\n" for each in paths), encoding="utf-8")
    partial.replace(data_dir / _NAME)
