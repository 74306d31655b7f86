"""The files of backups: written under another name first, and the old ones of a folder removed."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

_PREFIX, _ENDING, _PARTIAL = "loci-", ".backup", ".partial"


@contextmanager
def open_new_file(path: Path) -> Generator[tuple[BinaryIO, Path]]:
    """Open a new file, only for its owner, that gets its name if the block ends without an error, and is else removed.

    Yields:
        The file, and the path that it has until the block ends.

    Raises:
        FileExistsError: there is a file of this name already.
        OSError: it cannot be written.
    """
    if path.exists():
        raise FileExistsError(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PARTIAL}")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # `remove_leftovers` leaves a file alone as long as it is locked.
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file, partial
            sync_file(file)
            _give_name(partial, path)
        sync_folder(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _give_name(partial: Path, path: Path) -> None:
    """Give a file its name. To rename it would overwrite the file of another backup that took the name meanwhile.

    Raises:
        FileExistsError: there is a file of this name by now.
    """
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:  # not every file system has a second name for a file
        partial.rename(path)
    else:
        partial.unlink()


def sync_file(file: BinaryIO) -> None:
    """Put a file on the disk, and have the system forget its copy in memory, so that the next reader reads the disk."""
    file.flush()
    os.fsync(file.fileno())
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def name_by_time(folder: Path, now: datetime) -> Path:
    """Return the path of a backup in a folder of backups. The order of the names is the order of time."""
    return folder / f"{_PREFIX}{now:%Y-%m-%dT%H%M%S}.{now.microsecond // 1000:03d}Z{_ENDING}"


def find_free_path(folder: Path, stem: str, ending: str) -> Path:
    """Return the path of a file that is not there yet. It has a number behind the stem if others have the name."""
    names = (f"{stem}{number}{ending}" for number in ("", *(f"-{each}" for each in range(2, 10_000))))
    return next(path for path in map(folder.joinpath, names) if not path.exists())


def list_backups(folder: Path) -> list[Path]:
    """Return the backups in a folder whose names are by time, the oldest first."""
    return sorted(folder.glob(f"{_PREFIX}*Z{_ENDING}"))


def remove_oldest(folder: Path, keep: int, new: Path) -> list[Path]:
    """Remove all but the newest backups of a folder, and return those that were removed.

    Args:
        folder: the folder.
        keep: the number of backups to keep, at least 1.
        new: the backup that was just written. It is kept: if the clock was set back, others have later names.
    """
    others = [path for path in list_backups(folder) if path != new]
    old = others[: max(0, len(others) - keep + 1)]
    for path in old:
        path.unlink(missing_ok=True)
    return old


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files in a folder of backups whose writers were killed."""
    for path in folder.glob(f".{_PREFIX}*{_PARTIAL}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
