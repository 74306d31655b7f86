"""Claude.ai's export: conversations, memories and projects, in all layouts of its files."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from server.memory.imports.item import Entry, Item, Record, Refusal
from server.memory.imports.markdown import convert_markdown
from server.memory.imports.texts import make_items
from server.memory.imports.values import drop_empty, read_list, read_name, read_object, read_text, read_time

_AUTHORS = {"human": "user", "user": "user", "assistant": "assistant"}


def is_conversation(record: Record) -> bool:
    """Whether a record is a conversation."""
    return isinstance(record.value.get("chat_messages"), list)


def convert_conversation(record: Record) -> Iterator[Entry]:
    """Yield a memory for each message and for each attached text. Thoughts and calls of tools are left out."""
    conversation = record.value
    session = read_name(conversation, "uuid")
    if session is None:
        yield Refusal(record.place, "is a conversation without a uuid")
        return
    about = drop_empty({"conversation": read_text(conversation, "name")})
    for number, each in enumerate(read_list(conversation.get("chat_messages"))):
        message = read_object(each)
        author = _AUTHORS.get(read_text(message, "sender"))
        if author is None:
            continue
        place = f"{record.place}, message {number + 1}"
        key = f"claude.ai {session} {read_text(message, 'uuid') or number}"
        when = read_time(message.get("created_at")) or read_time(conversation.get("created_at"))
        fields: dict[str, Any] = {"session": session, "occurred_at": when}
        text = _read_message(message)
        yield from make_items(place, key, text, author=author, source="claude.ai", metadata=about, **fields)
        for index, given in enumerate(read_list(message.get("attachments"))):
            yield from _make_attachment(f"{place}, attachment {index + 1}", f"{key} {index}", given, fields)


def _read_message(message: Mapping[str, Any]) -> str:
    blocks = (read_object(each) for each in read_list(message.get("content")))
    texts = (read_text(each, "text") for each in blocks if each.get("type", "text") == "text")
    return "\n\n".join(each for each in texts if each) or read_text(message, "text")


def _make_attachment(place: str, key: str, given: Any, fields: Mapping[str, Any]) -> Iterator[Entry]:
    attachment = read_object(given)
    name = read_name(attachment, "file_name")
    yield from make_items(
        place, key, read_text(attachment, "extracted_content"), source=name, metadata={"attachment": name}, **fields
    )


def are_memories(record: Record) -> bool:
    """Whether a record has what Claude remembers of a person."""
    return bool({"conversations_memory", "project_memories", "memory_files"} & record.value.keys())


def convert_memories(record: Record) -> Iterator[Entry]:
    """Yield a memory for each section of what Claude remembers, with its project."""
    value = record.value
    yield from _convert_text(record.place, read_text(value, "conversations_memory"), None)
    for project, text in read_object(value.get("project_memories")).items():
        yield from _convert_text(f"{record.place}, project {project}", read_text({"text": text}, "text"), project)
    for each in read_list(value.get("memory_files")):
        file = read_object(each)
        text = read_text(file, "content", "text")
        yield from _convert_text(f"{record.place}, {read_text(file, 'path', 'name')}", text, None)


def _convert_text(place: str, text: str, project: str | None) -> Iterator[Entry]:
    for each in convert_markdown(place, text):
        if not isinstance(each, Item):
            yield each
            continue
        content, tags = each.values["content"], each.values.get("tags")
        key = f"claude.ai {hashlib.sha256(f'{project} {content}'.encode()).hexdigest()}"
        yield from make_items(each.place, key, content, project=project, tags=tags, source="claude.ai memory")


def is_project(record: Record) -> bool:
    """Whether a record is a project."""
    return isinstance(record.value.get("docs"), list) and {"uuid", "name"} <= record.value.keys()


def convert_project(record: Record) -> Iterator[Entry]:
    """Yield memories of a project: its description, its instructions and its documents."""
    value = record.value
    project, uuid = read_name(value, "name"), read_text(value, "uuid")
    when = read_time(value.get("created_at"))
    for field, kind in (("description", None), ("prompt_template", "instruction")):
        yield from make_items(
            f"{record.place}, {field}",
            f"claude.ai project {uuid} {field}",
            read_text(value, field),
            type=kind,
            project=project,
            occurred_at=when,
            source="claude.ai project",
        )
    for number, each in enumerate(read_list(value.get("docs"))):
        document = read_object(each)
        yield from make_items(
            f"{record.place}, document {number + 1}",
            f"claude.ai project {uuid} {read_text(document, 'uuid', 'filename') or number}",
            read_text(document, "content"),
            project=project,
            occurred_at=read_time(document.get("created_at")) or when,
            source=read_name(document, "filename"),
        )


def is_about_account(record: Record) -> bool:
    """Whether a record is about the person's account: it holds nothing to remember."""
    return {"uuid", "full_name"} <= record.value.keys() or {"uuid", "email_address"} <= record.value.keys()
