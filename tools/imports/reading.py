"""From a file or a folder to items: formats are told apart by what is in the files, never by their names alone."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from server.memory.imports.formats import find_format
from server.memory.imports.item import Entry, Record, Refusal
from server.memory.imports.markdown import convert_markdown
from tools.imports.files import ImportFile, copy_to_disk, list_files, list_members
from tools.imports.records import (
    MOST_LINE,
    decode,
    is_lines,
    is_list,
    read_database,
    read_lines,
    read_list,
    read_object,
)

#: The endings of files with text for people. Others of a folder or a zip, such as programs, are passed over.
TEXTS = (".md", ".markdown", ".mdx", ".mdc", ".txt", ".cursorrules", ".windsurfrules", ".clinerules")
#: How deep zips may lie in zips: Claude's export has one level.
DEPTH = 3
_MOST_TEXT = 16 << 20
_HEAD = 64 << 10
_UNKNOWN = "is of no known format; docs/import.md lists the formats"


def read_entries(path: Path, name: str | None = None) -> Iterator[Entry]:
    """Yield what a file or a folder holds, in its order. A single file is called `name` if that is given.

    Raises:
        Failure: `not_found`, there is no such file; `invalid`, it is neither a file nor a folder.
    """
    yield from _read_files(list_files(path, name), 0)


def _read_files(files: Iterator[ImportFile | Refusal], depth: int) -> Iterator[Entry]:
    for each in files:
        if isinstance(each, Refusal):
            yield each
            continue
        try:
            with each.open() as file:
                yield from _read_file(each, file, depth)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            yield Refusal(each.name, f"is damaged or was cut off ({' '.join(str(error).split())})")
        except UnicodeError as error:
            yield Refusal(each.name, f"is not text in UTF-8 or UTF-16 ({' '.join(str(error).split())[:100]})")
        except OSError as error:
            yield Refusal(each.name, f"cannot be read ({error.strerror or error})")


def _read_file(opened: ImportFile, file: IO[bytes], depth: int) -> Iterator[Entry]:
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        if depth == DEPTH:
            yield Refusal(opened.name, f"is a zip in a zip, more than {DEPTH} deep")
            return
        with copy_to_disk(file) if depth else file as archive:
            yield from _read_files(list_members(opened.name, archive), depth + 1)
    elif head.startswith(b"SQLite format 3\x00"):
        with copy_to_disk(file) if depth or not hasattr(file, "fileno") else file as database:
            yield from _convert(opened, read_database(opened.name, Path(str(database.name))))
    else:
        yield from _read_text(opened, decode(file))


def _read_text(opened: ImportFile, file: IO[bytes]) -> Iterator[Entry]:
    begin = file.read(_HEAD)
    is_whole = len(begin) < _HEAD
    file.seek(0)
    start = begin.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if is_lines(begin.removeprefix(b"\xef\xbb\xbf"), is_whole=is_whole) or (
        start == b"{" and not is_whole and _has_more_lines(file)
    ):
        yield from _convert(opened, read_lines(opened.name, file))
    elif is_list(begin):
        yield from _convert(opened, read_list(opened.name, file))
    elif start == b"{":
        yield from _convert(opened, read_object(opened.name, file))
    elif opened.name.lower().endswith(TEXTS) or (opened.is_named and b"\x00" not in begin):
        yield from _read_markdown(opened.name, file)
    elif opened.is_named:
        yield Refusal(opened.name, _UNKNOWN)


def _has_more_lines(file: IO[bytes]) -> bool:
    """Whether a file that begins with an object has it in a line of its own. It stands at its beginning afterwards."""
    size, is_first = 0, True
    for piece in iter(lambda: file.readline(MOST_LINE), b""):
        if not is_first:
            file.seek(0)
            return piece.startswith(b"{")
        size += len(piece)
        is_first = not piece.endswith(b"\n")
        if not is_first and size < len(b'{"":0}\n'):
            break  # an object that is written over several lines
    file.seek(0)
    return False


def _read_markdown(name: str, file: IO[bytes]) -> Iterator[Entry]:
    text = file.read(_MOST_TEXT + 1)
    if len(text) > _MOST_TEXT:
        yield Refusal(name, f"has more than {_MOST_TEXT} bytes; split it")
    else:
        yield from convert_markdown(name, text.decode("utf-8-sig"))


def _convert(opened: ImportFile, records: Iterator[Record | Refusal]) -> Iterator[Entry]:
    """Yield the items of records. In a folder or a zip, a file of which no record is known yet is passed over."""
    is_known = opened.is_named
    for record in records:
        if isinstance(record, Refusal):
            if is_known or record.place == opened.name:
                yield record
            continue
        found = find_format(record)
        if found is None:
            if is_known:
                yield Refusal(record.place, _UNKNOWN)
            continue
        is_known = True
        if found.convert is not None:
            yield from found.convert(record)
