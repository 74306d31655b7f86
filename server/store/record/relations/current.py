"""The memories that no other one has taken the place of: now, or as it was at an earlier time."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories


@dataclass(frozen=True, slots=True)
class Past:
    """The part of the past that a caller wants to see.

    Attributes:
        as_of: the time: what was stored or happened by then, and was not replaced yet. None: now.
        has_superseded: whether superseded memories come as well.
    """

    as_of: datetime | None = None
    has_superseded: bool = False


NOT_REPLACED = sa.and_(memories.c.consolidated.is_(False), memories.c.superseded_by.is_(None))
"""Whether a memory is neither merged into another one nor superseded."""
IN_RECALL = sa.and_(NOT_REPLACED, memories.c.buried_at.is_(None))
"""Whether nothing took the place of a memory, and nobody buried it. The search store has these, if not deleted."""


def is_current(past: Past | None) -> sa.ColumnElement[bool]:
    """Whether recall may return a memory that is not deleted: none has taken its place; None asks for now.

    A merged memory is known from the time of its merge on, whenever its sources happened. A buried one is in no past,
    and neither is a source of it.
    """
    if past is None:
        return IN_RECALL
    table = memories.c
    if past.as_of is None:
        return sa.and_(table.consolidated.is_(False), table.buried_at.is_(None))
    merged = memories.alias("merged")
    was_merged_later = sa.exists().where(
        merged.c.id == table.consolidated_into, merged.c.created_at > past.as_of, merged.c.buried_at.is_(None)
    )
    is_merged = sa.exists().where(consolidations.c.memory_id == table.id)
    conditions = [
        table.buried_at.is_(None),
        sa.or_(table.created_at <= past.as_of, sa.and_(table.occurred_at <= past.as_of, ~is_merged)),
        sa.or_(table.consolidated.is_(False), was_merged_later),
    ]
    if not past.has_superseded:
        conditions.append(sa.or_(table.superseded_by.is_(None), table.superseded_at > past.as_of))
    return sa.and_(*conditions)
