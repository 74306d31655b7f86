"""The files of an import: one file, those of a folder, or the members of a zip. Nothing is unpacked onto the disk."""

import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from server.errors import Failure
from server.memory.imports.item import Refusal

#: Folders that hold no memories, but many files.
PASSED_OVER = frozenset({".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".obsidian", ".trash"})
#: The most files of a folder or a zip, and the most bytes that a zip may have when it is unpacked.
MOST_FILES = 100_000
MOST_BYTES = 4 << 30
#: A member of a zip that is larger than this may be so many times as large as it is packed. JSON is some 20 times.
LARGE_MEMBER, MOST_TIMES = 32 << 20, 200
_ENCRYPTED = 1


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file that is read.

    Attributes:
        name: its path in its folder or zip; of a single file its name.
        open: opens it for reading.
        is_named: whether the caller named this very file. Of others, those of no known format are passed over.
    """

    name: str
    open: Callable[[], IO[bytes]]
    is_named: bool


def list_files(path: Path, name: str | None = None) -> Iterator[ImportFile | Refusal]:
    """Yield the files to read, in the order of their names. A single file is called `name` if that is given.

    Raises:
        Failure: `not_found`, there is no such file; `invalid`, it is neither a file nor a folder.
    """
    if path.is_dir():
        yield from _list_folder(path)
    elif path.is_file():
        yield ImportFile(name or path.name, lambda: path.open("rb"), is_named=True)
    elif path.exists():
        raise Failure("invalid", f"{path} is neither a file nor a folder.")
    else:
        raise Failure("not_found", f"There is no file {path}.")


def _list_folder(folder: Path) -> Iterator[ImportFile | Refusal]:
    count = 0
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        for each in sorted(folders):
            if (here / each).is_symlink():
                reason = "is a link to a folder, which is not followed; import that folder"
                yield Refusal(_name(here / each, folder), reason)
        folders[:] = sorted(set(folders) - PASSED_OVER)
        for each in sorted(names):
            path = here / each
            if path.is_symlink():
                yield Refusal(_name(path, folder), "is a link to a file, which is not followed; import that file")
            elif path.is_file():
                count += 1
                if count > MOST_FILES:
                    reason = f"only {MOST_FILES} files are read; import the folders one by one"
                    yield Refusal(_name(path, folder), reason)
                    return
                yield ImportFile(_name(path, folder), _make_opener(path), is_named=False)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _make_opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def list_members(name: str, file: IO[bytes]) -> Iterator[ImportFile | Refusal]:
    """Yield the members of an open zip, which stays open meanwhile.

    Raises:
        zipfile.BadZipFile: it is damaged, or was cut off.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_FILES or sum(each.file_size for each in members) > MOST_BYTES:
            reason = f"has more than {MOST_FILES} files, or more than {MOST_BYTES >> 30} GiB when it is unpacked"
            yield Refusal(name, reason)
            return
        for member in members:
            if member.is_dir():
                continue
            if fault := _find_fault(member):
                yield Refusal(f"{name}/{member.filename}", fault)
            else:
                yield ImportFile(member.filename, _make_member_opener(archive, member), is_named=False)


def _make_member_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(member)


def _find_fault(member: zipfile.ZipInfo) -> str | None:
    """Return why a member is not read; None if it is."""
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted; unpack the zip, and import the folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link, which is not followed"
    if member.filename.startswith("/") or ".." in member.filename.replace("\\", "/").split("/"):
        return "has a path that leads out of the zip"
    if member.file_size > LARGE_MEMBER and member.file_size > MOST_TIMES * max(member.compress_size, 1):
        return f"is more than {MOST_TIMES} times as large as it is packed, as no file of memories is"
    return None


def copy_to_disk(file: IO[bytes]) -> IO[bytes]:
    """Return a copy of a file in a temporary one, which is gone when it is closed. For files that must be sought in."""
    copy = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the caller closes it
    while piece := file.read(1 << 20):
        copy.write(piece)
    copy.flush()
    copy.seek(0)
    return copy
