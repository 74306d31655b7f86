"""The lines of this program's own export, and memories in its words that somebody wrote by hand."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from server.memory.imports.item import Entry, Item, Link, Note, Record
from server.memory.imports.values import read_list, read_object

#: The kinds of lines beside memories.
NOTE_KINDS = (
    "workspace",
    "setting",
    "entity",
    "change",
    "image",
    "section",
    "item",
    "crystal",
    "golden_case",
    "import_keys",
)
#: Kinds that hold nothing to store: the first line of an export.
HEAD = "loci_export"
#: The fields that only the server sets. An import keeps them.
KEPT = (
    *("id", "created_at", "updated_at", "relevance", "access_count", "last_accessed_at"),
    *("consolidated", "consolidated_into", "repeats", "repeated_at", "inferred"),
    *("buried_at", "pinned_at"),
)
#: The fields that a client may send. `linkages` are links, by the ids of the export.
SENT = (
    *("content", "type", "tags", "scope", "project", "task", "entity", "author", "session", "occurred_at"),
    *("expires_at", "source", "metadata"),
)
#: Other fields of a line: they follow from the links and from other lines, or are told apart.
_DERIVED = ("linkages", "images", "workspace", "superseded_by", "superseded_at")
_IDENTITY = ("content", "author", "session", "occurred_at", "project")


def make_key(memory_id: str) -> str:
    """Return the natural key of a memory's line."""
    return f"loci {memory_id}"


def is_loci_line(record: Record) -> bool:
    """Whether a record is a line of an export, or a memory in our words."""
    kind = record.value.get("kind")
    if kind is not None:
        return kind in {HEAD, "memory", *NOTE_KINDS}
    known = {*SENT, *KEPT, *_DERIVED}
    return isinstance(record.value.get("content"), str) and not record.section and known >= record.value.keys()


def convert_line(record: Record) -> Iterator[Entry]:
    """Yield what a line holds: a memory, or another thing of a workspace."""
    kind = record.value.get("kind", "memory")
    if kind == HEAD:
        return
    if kind != "memory":
        yield Note(record.place, kind, {name: each for name, each in record.value.items() if name != "kind"})
    else:
        yield _make_memory(record)


def _make_memory(record: Record) -> Item:
    value = record.value
    values = {name: value[name] for name in SENT if value.get(name) is not None}
    memory_id = value.get("id")
    if not isinstance(memory_id, str) or not memory_id:
        identity = repr([value.get(name) for name in _IDENTITY])
        return Item(record.place, f"loci {hashlib.sha256(identity.encode()).hexdigest()}", values)
    kept = {name: value[name] for name in KEPT if value.get(name) is not None}
    links = tuple(_read_link(read_object(each)) for each in read_list(value.get("linkages")))
    key = make_key(memory_id)
    return Item(record.place, key, values, (key,), links, kept)


def _read_link(link: Mapping[str, Any]) -> Link:
    label = link.get("label")
    path = link.get("path") if link.get("type") == "file" else None
    return Link(
        name=f"loci {link.get('id')}",
        label=label if isinstance(label, str) else None,
        kind=str(link.get("type", "memory")),
        path=path if isinstance(path, str) else None,
    )
