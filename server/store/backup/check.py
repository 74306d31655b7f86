"""Reading a backup to its end, to see whether it is whole."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from server.progress import Progress
from server.store.backup.container import END, MANIFEST, BackupReader, Part, read_head
from server.store.backup.manifest import Ending, Manifest
from server.store.backup.refusals import DamagedBackup
from server.store.backup.rows import unpack_rows


def is_encrypted(path: Path) -> bool:
    """Whether a backup is encrypted.

    Raises:
        UnusableBackup: it is no backup, or a newer one.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return read_head(file).encryption is not None


async def check_file(path: Path, password: str | None, progress: Progress) -> tuple[Manifest, bytes]:
    """Read a backup to its end, every row of it, and return its manifest and its digest.

    Raises:
        UnusableBackup: the file is not as it was written, or cannot be decrypted.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        reader = BackupReader.open(file, password)
        parts = reader.read_parts()
        manifest = read_manifest(parts)
        counts = [0] * len(manifest.tables)
        ending: Ending | None = None
        for part in parts:
            if part.kind == END:
                ending = _parse_ending(part)
                continue
            if part.kind == MANIFEST:
                raise DamagedBackup("a second manifest")
            number, rows = unpack_rows(part.data, manifest.tables)
            counts[number] += len(rows)
            await progress(sum(counts), manifest.row_count)
    wanted = [table.rows for table in manifest.tables]
    if ending is None or not counts == wanted == list(ending.rows):
        raise DamagedBackup("the number of its rows")
    return manifest, reader.digest


def read_manifest(parts: Iterator[Part]) -> Manifest:
    """Read the first part of a backup.

    Raises:
        UnusableBackup: it is no manifest.
    """
    first = next(parts)
    try:
        if first.kind == MANIFEST:
            return Manifest.model_validate_json(first.data)
    except ValidationError:
        pass
    raise DamagedBackup("its manifest")


def _parse_ending(part: Part) -> Ending:
    try:
        return Ending.model_validate_json(part.data)
    except ValidationError:
        raise DamagedBackup("its end") from None
