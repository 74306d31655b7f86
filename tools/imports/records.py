"""The records in a JSON file, in lines of JSON and in a SQLite database, one after the other."""

import codecs
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

import ijson  # pyright: ignore[reportMissingTypeStubs] - it has none

from server.memory.imports.formats import find_format
from server.memory.imports.item import Record, Refusal
from server.storable import load_json

#: A longer line is told and passed over. A line of an export has a memory of 32 KiB at most.
MOST_LINE = 16 << 20
#: A JSON object up to this size is read as a whole; of a larger one, its lists are read one record after the other.
WHOLE = 32 << 20
#: How deep the JSON of a file may be nested.
DEEPEST = 200
#: The tables of databases of other programs.
TABLES = ("observations", "session_summaries", "user_prompts", "memories")
_PIECE = 1 << 20


def read_lines(name: str, file: IO[bytes]) -> Iterator[Record | Refusal]:
    """Yield the object of each line. A line that cannot be read is told, and the others are read."""
    number = 0
    while line := file.readline(MOST_LINE):
        number += 1
        place = f"{name}, line {number}"
        if len(line) == MOST_LINE and not line.endswith(b"\n"):
            size = len(line)
            while (rest := file.readline(_PIECE)) and not rest.endswith(b"\n"):
                size += len(rest)
            yield Refusal(place, f"has {size} bytes or more; a line may have {MOST_LINE}")
        elif line.strip():
            yield _read_line(name, place, line)


def _read_line(name: str, place: str, line: bytes) -> Record | Refusal:
    try:
        value = load_json(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Refusal(place, f"is not UTF-8 text (at byte {error.start})")
    except RecursionError:
        return Refusal(place, "is nested too deep")
    except ValueError as error:
        return Refusal(place, f"is not JSON ({_shorten(error)})")
    if not isinstance(value, dict):
        return Refusal(place, "is not a JSON object")
    return Record(name, place, "", cast("dict[str, Any]", value))


class BrokenJson(Exception):  # noqa: N818 - it says what the file is
    """A file is no JSON from some place on. `section` is the field of its outermost object, `reason` says why."""

    def __init__(self, section: str, reason: str) -> None:
        super().__init__(reason)
        self.section = section
        self.reason = reason


def read_list(name: str, file: IO[bytes]) -> Iterator[Record | Refusal]:
    """Yield the objects of a JSON list, which is not read as a whole."""
    number = 0
    try:
        for _, value in _parse(file, 1):
            number += 1
            yield _to_record(name, "", number, value)
    except BrokenJson as broken:
        yield Refusal(name, f"cannot be read after record {number} ({broken.reason}); the rest of it is not imported")


def _parse(file: Any, level: int) -> Iterator[tuple[str, Any]]:
    """Yield the values inside the containers of one level, 1 for the outermost, each with the field of the outermost.

    Each value is read as a whole, and all others are passed over.

    Raises:
        BrokenJson: it is no JSON, or nested too deep. A parser that names the place of a value would take forever.
    """
    section, depth, builder = "", 0, cast("Any", None)
    try:
        for event, value in ijson.basic_parse(file, use_float=True):
            is_end = event in {"end_map", "end_array"}
            depth -= is_end
            if event == "map_key" and depth == 1 < level:
                section = value
            elif depth == level and not is_end and event != "map_key":
                builder = cast("Any", ijson.ObjectBuilder())
            if builder is not None:
                builder.event(event, value)
            depth += event in {"start_map", "start_array"}
            if depth > DEEPEST:
                raise BrokenJson(section, "it is nested too deep")
            if depth == level and builder is not None:
                yield section, builder.value
                builder = None
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        raise BrokenJson(section, _shorten(error)) from None


def read_object(name: str, file: IO[bytes]) -> Iterator[Record | Refusal]:
    """Yield a JSON object if its format is known, else the objects of its lists."""
    text = file.read(WHOLE + 1)
    if len(text) > WHOLE:
        yield from _read_large_object(name, file, text)
        return
    try:
        value = load_json(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        yield Refusal(name, f"is not UTF-8 text (at byte {error.start})")
        return
    except RecursionError:
        yield Refusal(name, "is nested too deep")
        return
    except ValueError as error:
        yield Refusal(name, f"is not JSON ({_shorten(error)})")
        return
    record = Record(name, name, "", value)
    lists = {section: each for section, each in _list_parts(value) if _is_list_of_objects(each)}
    if find_format(record) or not lists:
        yield record
        return
    for section, each in lists.items():
        for number, one in enumerate(each, 1):
            yield _to_record(name, section, number, one)


def _list_parts(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an object, and those of the objects in it: Qdrant answers `result.points`."""
    for name, each in value.items():
        yield name, each
        if isinstance(each, dict):
            yield from cast("dict[str, Any]", each).items()


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in cast("list[Any]", value))


def _read_large_object(name: str, file: IO[bytes], begin: bytes) -> Iterator[Record | Refusal]:
    """Yield the objects of the lists of a large object, as they come."""
    section, number = "", 0
    try:
        for found, value in _parse(_Joined(begin, file), 2):
            section, number = found, number + 1 if found == section else 1
            if isinstance(value, dict):
                yield _to_record(name, section, number, cast("dict[str, Any]", value))
    except BrokenJson as broken:
        place = f"{name}, {broken.section}" if broken.section else name
        number = number if broken.section == section else 0
        yield Refusal(place, f"cannot be read after record {number} ({broken.reason}); the rest of it is not imported")


class _Joined:
    """A file whose beginning was read already."""

    def __init__(self, begin: bytes, file: IO[bytes]) -> None:
        self._begin = begin
        self._file = file

    def read(self, size: int) -> bytes:
        """Return the next bytes; none at the end, and none if none are asked for."""
        if not self._begin:
            return self._file.read(size)
        piece, self._begin = self._begin[:size], self._begin[size:]
        return piece


def _to_record(name: str, section: str, number: int, value: Any) -> Record | Refusal:
    place = f"{name}, {section} {number}" if section else f"{name}, record {number}"
    if not isinstance(value, dict):
        return Refusal(place, "is not a JSON object")
    return Record(name, place, section, cast("dict[str, Any]", value))


def read_database(name: str, path: Path) -> Iterator[Record | Refusal]:
    """Yield the rows of the tables that hold memories in databases of other programs."""
    try:
        url = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(url, uri=True, check_same_thread=False)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = _read_bytes
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in (each for each in TABLES if each in names):
                for number, row in enumerate(connection.execute(f'SELECT * FROM "{table}"'), 1):  # noqa: S608 - ours
                    values = {key: each for key, each in dict(row).items() if not isinstance(each, bytes)}
                    yield Record(name, f"{name}, {table} {number}", table, values)
    except sqlite3.Error as error:
        yield Refusal(name, f"is a SQLite database that cannot be read ({_shorten(error)})")


def _read_bytes(text: bytes) -> str:
    return text.decode(errors="replace")


def decode(file: IO[bytes]) -> IO[bytes]:
    """Return a file in UTF-16 as one in UTF-8, and any other file as it is. It stands at its beginning."""
    begin = file.read(2)
    file.seek(0)
    if begin in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return cast("IO[bytes]", codecs.EncodedFile(file, "utf-8", "utf-16", errors="strict"))
    return file


def is_lines(begin: bytes, *, is_whole: bool) -> bool:
    """Whether a file that begins like this has an object in each line, and not one object or text in several."""
    first, separator, rest = begin.lstrip().partition(b"\n")
    if not separator and not is_whole:
        return False  # one line that is longer than the beginning
    second = rest.lstrip().partition(b"\n")[0]
    if _is_object(first):
        return second.startswith(b"{")
    return not first.startswith(b"[") and _is_object(second)


def is_list(begin: bytes) -> bool:
    """Whether a file that begins like this is a JSON list of objects. A note may begin with a link in brackets."""
    first = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    return first.startswith(b"[") and first[1:].lstrip()[:1] in {b"{", b"]", b""}


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:150]
