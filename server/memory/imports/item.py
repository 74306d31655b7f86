"""The values of an import: a record of a file, the items that are made of it, and the refusal of what cannot be."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def digest_key(key: str) -> str:
    """Return the digest of a natural key, by which it is stored."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """One value of a file.

    Attributes:
        file: the file's path, inside its folder or zip if it is in one.
        place: the file and the line or the number of the record, for refusals.
        section: the list of the file, or the table, that the record is in; empty if the file is one list.
        value: the record itself.
    """

    file: str
    place: str
    section: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another item of the same format, by one of its names, or to a file.

    Attributes:
        name: a name of the other item.
        label: what the link means.
        kind: `memory`, `item` (of working memory) or `file`.
        path: the path of a file.
    """

    name: str
    label: str | None
    kind: str = "memory"
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A memory that a file holds.

    Attributes:
        place: the place in the file.
        key: the natural key. Another import of something with the same key adds nothing.
        values: the fields of a new memory, not validated yet.
        names: the names by which the links of other items mean it.
        links: its links to other items.
        kept: fields that only the export of this program has, such as the id and the time of storing.
    """

    place: str
    key: str
    values: dict[str, Any]
    names: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the export of this program holds beside memories, such as a section of working memory."""

    place: str
    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is not imported: the place in the file, and the reason with what to do."""

    place: str
    reason: str


Entry = Item | Note | Refusal


@dataclass(frozen=True, slots=True)
class Format:
    """The records of one program.

    Attributes:
        name: the name of the format, for the report and for the keys.
        recognises: whether a record is of this format, by what is in it.
        convert: makes the items of a record; None if records of this kind hold nothing to remember.
    """

    name: str
    recognises: Callable[[Record], bool]
    convert: Callable[[Record], Iterable[Entry]] | None
