"""Memento's sentences about stored, deleted and recalled memories."""

from tools.compat import memento_recall
from tools.memories import operations as memories


def describe_stored_memory(answer: memories.StoredMemory) -> str:
    """Name the stored memory, with its type, its tags and the number of its pictures."""
    tags = f" [{', '.join(answer.memory.tags)}]" if answer.memory.tags else ""
    count = len(answer.memory.images)
    pictures = f" ({count} image{'s' if count > 1 else ''})" if count else ""
    return f"Stored memory {answer.id} ({answer.memory.type}){tags}{pictures}"


def describe_deleted_memory(answer: memories.DeletedMemory) -> str:
    """Name the deleted memory."""
    return f"Memory {answer.id} deleted."


def describe_recalled_memories(answer: memento_recall.RecalledInWords | memento_recall.RecalledMemories) -> str | None:
    """Return the blocks of text; None for `format=json`, whose answer has its text in a field of its own."""
    if isinstance(answer, memento_recall.RecalledMemories):
        return None
    return memento_recall.join_blocks(answer.memories, answer.query, answer.withheld)
