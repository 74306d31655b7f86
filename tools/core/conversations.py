"""The memories that each conversation was told, so that none is told twice.

They are kept in this process's memory alone. After a restart, or by another process of the same server, a memory may be
told once more.
"""

from collections.abc import Iterable

from cachetools import LRUCache

from server.store.record.recall.recalled import RecalledMemory

CONVERSATIONS = 1_000
"""The conversations that are remembered: those that were asked in last."""
MEMORIES = 1_000
"""The memories that are remembered of each: those that were told last."""


class Conversation:
    """The memories that one conversation was told, each with Python's hash of its text: nothing of the text is kept."""

    def __init__(self) -> None:
        self._told: LRUCache[str, int] = LRUCache(MEMORIES)

    def knows(self, memory: RecalledMemory) -> bool:
        """Whether it was told the memory as it is now."""
        return self._told.get(memory.id) == hash(memory.content)

    def note(self, memories: Iterable[RecalledMemory]) -> None:
        """Remember that it is told these memories."""
        self._told.update((each.id, hash(each.content)) for each in memories)


class Conversations:
    """The conversations of all connections."""

    def __init__(self) -> None:
        self._conversations: LRUCache[tuple[str, str], Conversation] = LRUCache(CONVERSATIONS)

    def get_conversation(self, subject: str, name: str) -> Conversation:
        """Return what a conversation was told, by whose it is and by the name that its agent gave it."""
        return self._conversations.setdefault((subject, name), Conversation())
