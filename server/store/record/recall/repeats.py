"""Memories that are told again: not stored twice, but counted. The caller owns the transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.memory.repetition import digest_text
from server.store.record.memories import FIELDS, advance_revision, memory_from_row
from server.store.record.relations.current import NOT_REPLACED
from server.store.tables.memories import memories

#: The fields that make the same text another memory. The first one's type, tags, session and source stay.
_TELLING = ("author", "entity", "scope", "project", "task", "occurred_at", "expires_at")


async def find_repeated(
    connection: AsyncConnection, workspace_id: str, new: Sequence[Memory], now: datetime
) -> dict[str, Memory]:
    """Return the memories that new ones only repeat, by the ids of the new ones: earlier ones of `new`, or stored ones.

    A repeat says the same text as a memory that recall can return, in the same place, and brings neither other facts
    nor metadata nor pictures. Until the transaction ends, nobody else stores in the workspace.
    """
    if connection.dialect.name != "sqlite":  # which has one writer at a time
        await advance_revision(connection, workspace_id, 0, now)
    digests = {memory.id: digest_text(memory.content) for memory in new}
    query = sa.select(*(memories.c[name] for name in FIELDS), memories.c.text_digest).where(
        memories.c.workspace_id == workspace_id,
        memories.c.text_digest.in_(set(digests.values())),
        memories.c.deleted_at.is_(None),
        NOT_REPLACED,
        sa.or_(memories.c.expires_at.is_(None), memories.c.expires_at > now),
    )
    there: dict[str, list[Memory]] = {}
    for row in await connection.execute(query.order_by(memories.c.position)):
        there.setdefault(row.text_digest, []).append(memory_from_row(row[: len(FIELDS)]))
    repeated: dict[str, Memory] = {}
    for memory in new:
        known = there.setdefault(digests[memory.id], [])
        first = next((each for each in known if _is_repeat(memory, each)), None)
        if first is None:
            known.append(memory)
        else:
            repeated[memory.id] = first
    return repeated


def _is_repeat(memory: Memory, first: Memory) -> bool:
    brings_more = memory.images or (memory.metadata and memory.metadata != first.metadata)
    return not brings_more and all(getattr(memory, name) == getattr(first, name) for name in _TELLING)


async def count_repeats(connection: AsyncConnection, ids: Iterable[str], now: datetime) -> None:
    """Count that memories were told again: one more for each time that an id comes. They keep their revision."""
    for memory_id, times in sorted(Counter(ids).items()):
        statement = sa.update(memories).where(memories.c.id == memory_id)
        await connection.execute(statement.values(repeats=memories.c.repeats + times, repeated_at=now))
