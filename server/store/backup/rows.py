"""Rows as bytes: compressed JSON, and the binary values behind it, which do not get smaller by compression."""

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, cast

from server.store.backup.container import MOST_PART_BYTES
from server.store.backup.manifest import TableContent
from server.store.backup.refusals import DamagedBackup

#: The bytes of rows from which a part is full.
FULL_BYTES = 1 << 20
#: Twice as fast as the usual level, and the file grows by a hundredth.
_LEVEL = 4
_LENGTH = struct.Struct(">I")


class RowPacker:
    """Gathers rows of one table until they make a part.

    Args:
        number: the number of the table in the manifest.
        table: its columns.
    """

    def __init__(self, number: int, table: TableContent) -> None:
        self._number = number
        self._kinds = [column.kind for column in table.columns]
        self._written = [(place, _TO_TEXT[kind]) for place, kind in enumerate(self._kinds) if kind in _TO_TEXT]
        self._binaries = [place for place, kind in enumerate(self._kinds) if kind == "bytes"]
        self._texts: list[str] = []
        self._blobs: list[bytes] = []
        self._size = 0

    def add_row(self, row: Sequence[Any]) -> None:
        """Add a row, whose values are those of the database's driver; JSON is text."""
        values = list(row)
        for place, write in self._written:
            if values[place] is not None:
                values[place] = write(values[place])
        for place in self._binaries:
            if (value := values[place]) is not None:
                blob = bytes(value)
                self._blobs.append(blob)
                self._size += len(blob)
                values[place] = len(blob)
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        self._texts.append(text)
        self._size += len(text)

    @property
    def is_full(self) -> bool:
        """Whether the rows make a part."""
        return self._size >= FULL_BYTES

    def take_part(self) -> bytes | None:
        """Return the part of the rows that were added since the last one; None if there are none."""
        if not self._texts:
            return None
        text = zlib.compress(f"[{self._number},[{','.join(self._texts)}]]".encode(), _LEVEL)
        part = b"".join([_LENGTH.pack(len(text)), text, *self._blobs])
        self._texts, self._blobs, self._size = [], [], 0
        return part


class UnpackedRows(NamedTuple):
    """Rows of one table: its number in the manifest, and the rows by the names of its columns."""

    number: int
    rows: list[dict[str, Any]]


def unpack_rows(part: bytes, tables: Sequence[TableContent]) -> UnpackedRows:
    """Return the rows of a part. Times are aware, and JSON is text.

    Raises:
        DamagedBackup: the part is not one that `RowPacker` made for these tables.
    """
    try:
        length = _LENGTH.unpack_from(part)[0]
        number, rows = cast("tuple[int, Any]", json.loads(_decompress(part[_LENGTH.size : _LENGTH.size + length])))
        columns = tables[number].columns
        kinds, names = [column.kind for column in columns], [column.name for column in columns]
        blobs = memoryview(part)[_LENGTH.size + length :]
        return UnpackedRows(number, [dict(zip(names, row, strict=True)) for row in _read_rows(rows, kinds, blobs)])
    except (ValueError, TypeError, IndexError, RecursionError, struct.error, zlib.error) as error:
        raise DamagedBackup("its rows") from error


def _read_rows(rows: list[list[Any]], kinds: Sequence[str], blobs: memoryview) -> Iterator[list[Any]]:
    written = [(place, _FROM_TEXT[kind]) for place, kind in enumerate(kinds) if kind in _FROM_TEXT]
    binaries = [place for place, kind in enumerate(kinds) if kind == "bytes"]
    start = 0
    for row in rows:
        if len(row) != len(kinds):
            raise ValueError("a row of another length")
        for place, read in written:
            if row[place] is not None:
                row[place] = read(row[place])
        for place in binaries:
            if row[place] is not None:
                end = start + row[place]
                if not start <= end <= len(blobs):
                    raise ValueError("a binary value beyond the end")
                row[place], start = bytes(blobs[start:end]), end
        yield row
    if start != len(blobs):
        raise ValueError("something follows the rows")


def _decompress(data: bytes) -> bytes:
    """Return the decompressed bytes, but not more than a part may have."""
    stream = zlib.decompressobj()
    text = stream.decompress(data, MOST_PART_BYTES)
    if not stream.eof:
        raise ValueError("too long, or cut off")
    return text


def _time_to_text(value: datetime) -> str:
    """Return a time in UTC and without a zone. SQLite's are in UTC and have none."""
    return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat()


def _time_from_text(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


#: The kinds of values that JSON has not, and is given as text.
_TO_TEXT: dict[str, Callable[[Any], str]] = {"time": _time_to_text, "date": date.isoformat}
_FROM_TEXT: dict[str, Callable[[str], date]] = {"time": _time_from_text, "date": date.fromisoformat}
