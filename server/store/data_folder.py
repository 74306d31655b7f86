"""The data folder: only its owner may read it, as it holds every memory and the secret key."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Generator, Iterable
from pathlib import Path

OWNER_ONLY = 0o077
"""The umask of every process that writes into the folder: new folders get 0700 and new files 0600."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def find_exposed_paths(folder: Path, files: Iterable[Path] = ()) -> Generator[Path]:
    """Yield the folders and files that other users of this machine may read, write or enter.

    Args:
        folder: the data folder, which is searched to its bottom. Symbolic links are not followed.
        files: further files, which may be missing.
    """
    for path in (folder, *files):
        if _is_exposed(path):
            yield path
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            if _is_exposed(path):
                yield path


def close_to_others(paths: Iterable[Path]) -> list[Path]:
    """Take the permissions of all users but the owner from folders and files, and return those that refuse it."""
    refused: list[Path] = []
    for path in paths:
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
        except FileNotFoundError:
            continue  # it is gone, so nobody can read it
        except OSError:
            refused.append(path)
    return refused


def keep_temporary_files(folder: Path, *, is_emptied: bool = False) -> None:
    """Have this process make its temporary files in `tmp` of the data folder: files to import hold memories.

    If it may not write there, they stay where the system has them.

    Args:
        folder: the data folder.
        is_emptied: whether to delete what a process that was killed has left there.
    """
    own = folder.absolute() / "tmp"
    if is_emptied:
        shutil.rmtree(own, ignore_errors=True)
    with contextlib.suppress(OSError):
        own.mkdir(exist_ok=True)
        tempfile.tempdir = str(own)


def _is_exposed(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISLNK(mode) and bool(mode & _OTHERS)
