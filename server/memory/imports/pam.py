"""Portable AI Memory 1.0: memories of any program, and our own exports in this format, which carry their lines.

The relations of a document become links. A document that is too large to be read as a whole comes object by object:
its relations are then left out, but for those of our own exports, whose lines have the links.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from server.memory.imports.item import Entry, Item, Link, Record
from server.memory.imports.loci_lines import convert_line
from server.memory.imports.texts import make_items
from server.memory.imports.values import drop_empty, read_list, read_name, read_object, read_tags, read_text, read_time

_SCHEMA = "portable-ai-memory"
_LABELS = {"extends": "refines", "derived_from": "derived from", "related_to": None}


def is_document(record: Record) -> bool:
    """Whether a record is a whole document."""
    return record.value.get("schema") == _SCHEMA


def is_memory(record: Record) -> bool:
    """Whether a record is a memory of a document."""
    value = record.value
    return {"content", "content_hash", "temporal", "provenance"} <= value.keys()


def is_relation(record: Record) -> bool:
    """Whether a record is a relation of a document."""
    return record.section == "relations" and {"from", "to", "type"} <= record.value.keys()


def convert_document(record: Record) -> Iterator[Entry]:
    """Yield what a document holds."""
    links = dict[str, list[Link]]()
    for each in map(read_object, read_list(record.value.get("relations"))):
        kind = read_text(each, "type")
        link = Link(f"pam {each.get('to')}", _LABELS.get(kind, kind or None))
        links.setdefault(str(each.get("from")), []).append(link)
    for number, each in enumerate(read_list(record.value.get("memories")), 1):
        one = Record(record.file, f"{record.place}, memory {number}", "memories", read_object(each))
        for entry in convert_memory(one):
            is_ours = isinstance(entry, Item) and entry.kept
            mine = [] if is_ours else links.get(str(one.value.get("id")), [])
            yield replace(entry, links=(*entry.links, *mine)) if isinstance(entry, Item) and mine else entry


def convert_memory(record: Record) -> Iterator[Entry]:
    """Yield a memory of a document, or the line of our own export that it carries."""
    value = record.value
    line = read_object(read_object(value.get("metadata")).get("loci"))
    if line.get("kind") == "memory":
        line["content"] = value.get("content")
    if line:
        yield from convert_line(Record(record.file, record.place, "", line))
        return
    times, origin = read_object(value.get("temporal")), read_object(value.get("provenance"))
    about: dict[str, Any] = {"platform": read_text(origin, "platform"), "summary": read_text(value, "summary")}
    yield from make_items(
        record.place,
        f"pam {value.get('id')}",
        read_text(value, "content"),
        names=(f"pam {value.get('id')}",),
        links=(),
        type=read_name(value, "custom_type", "type"),
        tags=read_tags(value.get("tags")),
        session=read_name(origin, "conversation_ref"),
        occurred_at=read_time(times.get("valid_from")) or read_time(times.get("created_at")),
        expires_at=read_time(times.get("valid_until")),
        source=read_name(origin, "platform"),
        metadata=drop_empty(about | {"status": _read_status(value)}),
    )


def _read_status(value: Any) -> str:
    status = read_text(value, "status")
    return "" if status == "active" else status
