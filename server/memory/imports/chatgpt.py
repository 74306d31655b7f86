"""ChatGPT's export: conversations as a graph of messages. Each message with a text becomes a memory of its session.

All branches are taken. Messages of tools and of the system, hidden ones and nodes without a message are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from server.memory.imports.item import Entry, Record, Refusal
from server.memory.imports.texts import make_items
from server.memory.imports.values import drop_empty, read_list, read_name, read_object, read_text, read_time

_ROLES = frozenset({"user", "assistant"})


def is_conversation(record: Record) -> bool:
    """Whether a record is a conversation."""
    return isinstance(record.value.get("mapping"), dict)


def convert_conversation(record: Record) -> Iterator[Entry]:
    """Yield a memory for each message, in the order of the conversation."""
    conversation = record.value
    session = read_name(conversation, "conversation_id", "id")
    if session is None:
        yield Refusal(record.place, "is a conversation without an id")
        return
    began = read_time(conversation.get("create_time"))
    title = read_text(conversation, "title")
    for node_id, message in _walk(read_object(conversation.get("mapping"))):
        author = read_text(read_object(message.get("author")), "role")
        text = _read_message(message)
        if author not in _ROLES or not text:
            continue
        yield from make_items(
            f"{record.place}, message {node_id}",
            f"chatgpt {session} {read_text(message, 'id') or node_id}",
            text,
            author=author,
            session=session,
            occurred_at=read_time(message.get("create_time")) or began,
            source="chatgpt",
            metadata=drop_empty({"conversation": title}),
        )


def _walk(nodes: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the messages: from each root down, the children of a node in their order. A circle is walked once."""
    waiting = [each for each, node in nodes.items() if read_object(node).get("parent") not in nodes]
    seen: set[str] = set()
    waiting = [*reversed(waiting or [*nodes])]
    while waiting:
        node_id = waiting.pop()
        if node_id in seen or node_id not in nodes:
            continue
        seen.add(node_id)
        node = read_object(nodes[node_id])
        if message := read_object(node.get("message")):
            yield node_id, message
        waiting.extend(each for each in reversed(read_list(node.get("children"))) if isinstance(each, str))


def _read_message(message: Mapping[str, Any]) -> str:
    """Return the text of a message that the person saw; "" if it has none."""
    if read_object(message.get("metadata")).get("is_visually_hidden_from_conversation"):
        return ""
    content = read_object(message.get("content"))
    parts = (_read_part(each) for each in read_list(content.get("parts")))
    return "\n\n".join(each for each in parts if each) or read_text(content, "text")


def _read_part(part: Any) -> str:
    return part.strip() if isinstance(part, str) else read_text(read_object(part), "text", "transcript")
