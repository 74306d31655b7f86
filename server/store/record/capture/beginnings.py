"""The memories that a session begins with: what holds, and what was done last. The caller owns the transaction."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.relations.current import IN_RECALL
from server.store.tables.capture import sessions
from server.store.tables.memories import IS_STANDING, memories

#: How many earlier sessions of a project are looked at.
_LOOKED_AT = 5
_MEMORY = sa.select(*(memories.c[name] for name in FIELDS))
_DONE_TYPES = ("summary", "observation")


def _holds(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        memories.c.deleted_at.is_(None),
        IN_RECALL,
        sa.or_(memories.c.expires_at.is_(None), memories.c.expires_at > now),
    )


async def list_standing_memories(
    connection: AsyncConnection, workspace_id: str, now: datetime, limit: int
) -> list[Memory]:
    """Return the newest decisions, instructions and preferences that hold and are not pinned."""
    query = (
        _MEMORY.where(memories.c.workspace_id == workspace_id, sa.text(IS_STANDING), _holds(now))
        .where(memories.c.pinned_at.is_(None))
        .order_by(memories.c.created_at.desc(), memories.c.position.desc())
        .limit(limit)
    )
    return [memory_from_row(row) for row in await connection.execute(query)]


async def list_last_done(
    connection: AsyncConnection, workspace_id: str, place_key: str, but: str | None, now: datetime, limit: int
) -> list[Memory]:
    """Return what was done in the last session of a place that left something: its summary, else what it did last.

    `but` is the id of the session that begins now.
    """
    query = sa.select(sessions.c.id).where(sessions.c.workspace_id == workspace_id, sessions.c.place_key == place_key)
    if but is not None:
        query = query.where(sessions.c.id != but)
    query = query.order_by(sessions.c.started_at.desc()).limit(_LOOKED_AT)
    for session_id in (await connection.execute(query)).scalars().all():
        done = _MEMORY.where(
            memories.c.workspace_id == workspace_id,
            memories.c.session == session_id,
            memories.c.type.in_(_DONE_TYPES),
            _holds(now),
        )
        newest_first = done.order_by(memories.c.position.desc()).limit(limit)
        found = [memory_from_row(row) for row in await connection.execute(newest_first)]
        if summaries := [each for each in found if each.type == "summary"]:
            return summaries[:1]
        if found:
            return found
    return []
