"""Memories of mem0, claude-mem, mcp-memory-service and Memlord, in their exports and in their databases."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from server.memory.imports.item import Entry, Record
from server.memory.imports.texts import make_items
from server.memory.imports.values import drop_empty, read_list, read_name, read_object, read_tags, read_text, read_time

_SUMMARY = ("request", "investigated", "learned", "completed", "next_steps", "notes")
#: Keys of mem0's rows that are fields of a memory, or say nothing.
_MEM0_FIELDS = frozenset({"data", "memory", "hash", "created_at", "updated_at", "user_id", "agent_id", "run_id"})


def is_mem0(record: Record) -> bool:
    """Whether a record is a memory of mem0: of its REST list, or a row of its vector store."""
    value = record.value
    if isinstance(value.get("memory"), str) and "id" in value:
        return True
    return "id" in value and isinstance(read_object(value.get("payload")).get("data"), str)


def convert_mem0(record: Record) -> Iterator[Entry]:
    """Yield the memory of a record of mem0."""
    value: dict[str, Any] = {**record.value}
    payload = read_object(value.pop("payload", None))
    value |= payload
    about = {name: each for name, each in payload.items() if name not in _MEM0_FIELDS}
    yield from make_items(
        record.place,
        f"mem0 {record.value['id']}",
        read_text(value, "memory", "data"),
        author=read_name(value, "actor_id", "user_id"),
        session=read_name(value, "run_id"),
        tags=read_tags(value.get("categories")),
        occurred_at=read_time(value.get("created_at")),
        source=read_name(value, "agent_id") or "mem0",
        metadata=drop_empty(about | read_object(value.get("metadata"))),
    )


def is_claude_mem(record: Record) -> bool:
    """Whether a record is an observation, a summary or a prompt of claude-mem."""
    value = record.value
    if "prompt_text" in value:
        return "prompt_number" in value
    is_summary = {"request", "learned"} <= value.keys()
    is_observation = {"title", "narrative"} <= value.keys() or {"title", "facts", "text"} <= value.keys()
    return (is_summary or is_observation) and bool({"project", "sdk_session_id", "memory_session_id"} & value.keys())


def is_claude_mem_session(record: Record) -> bool:
    """Whether a record is a session of claude-mem: its observations have all that is to be remembered of it."""
    return bool({"claude_session_id", "content_session_id"} & record.value.keys()) and "project" in record.value


def convert_claude_mem(record: Record) -> Iterator[Entry]:
    """Yield the memory of a record of claude-mem."""
    value = record.value
    session = read_name(value, "sdk_session_id", "memory_session_id", "claude_session_id", "content_session_id")
    when = value.get("created_at_epoch")
    if "prompt_text" in value:
        kind, text, key = "prompt", read_text(value, "prompt_text"), f"prompt {session} {value.get('prompt_number')}"
    elif "request" in value:
        given = ((name.replace("_", " ").capitalize(), read_text(value, name)) for name in _SUMMARY)
        lines = [f"{name}: {each}" for name, each in given if each]
        kind, text, key = "summary", "\n".join(lines), f"summary {session} {when}"
    else:
        kind, text = read_text(value, "type") or "observation", _describe_observation(value)
        key = f"observation {session} {value.get('title')} {when}"
    files = dict.fromkeys(str(each) for name in ("files_read", "files_modified") for each in read_list(value.get(name)))
    yield from make_items(
        record.place,
        f"claude-mem {key}",
        text,
        type=kind,
        author="user" if kind == "prompt" else None,
        project=read_name(value, "project"),
        session=session,
        tags=read_tags(value.get("concepts")),
        occurred_at=read_time(value.get("created_at")) or read_time(when),
        source="claude-mem",
        metadata=drop_empty({"files": [*files][:50]}),
    )


def _describe_observation(value: Mapping[str, Any]) -> str:
    facts = (f"- {each}" for each in read_list(value.get("facts")) if isinstance(each, str))
    parts = (read_text(value, "title"), read_text(value, "subtitle"), read_text(value, "narrative", "text"))
    return "\n\n".join(each for each in (*parts, "\n".join(facts)) if each)


def is_service_memory(record: Record) -> bool:
    """Whether a record is a memory of mcp-memory-service, or of Memlord, which has no digest of the content."""
    return isinstance(record.value.get("content"), str) and bool({"content_hash", "memory_type"} & record.value.keys())


def convert_service_memory(record: Record) -> Iterator[Entry]:
    """Yield the memory of a record of mcp-memory-service or of Memlord; none if it was deleted there."""
    value = record.value
    if value.get("deleted_at") is not None:
        return
    text = read_text(value, "content")
    digest = read_text(value, "content_hash") or hashlib.sha256(text.encode()).hexdigest()
    yield from make_items(
        record.place,
        f"mcp-memory-service {digest}",
        text,
        type=read_name(value, "memory_type"),
        tags=read_tags(value.get("tags")),
        occurred_at=read_time(value.get("created_at")) or read_time(value.get("created_at_iso")),
        source="mcp-memory-service" if "content_hash" in value else "memlord",
        metadata=drop_empty(read_object(value.get("metadata")) | {"name": read_text(value, "name")}),
    )
