"""Which memories of an answer contradict others: those at either end of a link `contradicts`, until it is decided.

It is decided if the link ends, or if recall has one of the two no more: it was deleted, replaced, merged or buried.
"""

from collections.abc import Collection

import sqlalchemy as sa

from server.store.db import Database
from server.store.record.relations.current import IN_RECALL
from server.store.tables.links import IS_CONTRADICTION, links
from server.store.tables.memories import memories

#: The description of the field of an answer.
CONTRADICTED_BY = "Memories that say the opposite, which nobody has decided yet; absent if there are none."


def _select_others(mine: sa.Column[str], others: sa.Column[str]) -> sa.Select[str, str]:
    """Return a query for the memories at the other ends of links. Both ends are in the workspace of the link."""
    near = memories.alias("near")
    here = sa.and_(near.c.id == mine, near.c.workspace_id == links.c.workspace_id)
    there = sa.and_(memories.c.id == others, memories.c.workspace_id == links.c.workspace_id)
    return (
        sa.select(mine.label("memory_id"), others.label("other_id"))
        .select_from(links.join(near, here).join(memories, there))
        .where(mine.in_(sa.bindparam("ids", expanding=True)), IS_CONTRADICTION, links.c.to_kind == "memory")
        .where(memories.c.deleted_at.is_(None), IN_RECALL, mine != others)
    )


_BOTH = sa.union(
    _select_others(links.c.from_id, links.c.to_id), _select_others(links.c.to_id, links.c.from_id)
).subquery()
_OTHERS = sa.select(_BOTH.c.memory_id, _BOTH.c.other_id).order_by(_BOTH.c.other_id)


async def find_contradictions(db: Database, ids: Collection[str]) -> dict[str, list[str]]:
    """Return the memories that each of some dozen memories contradicts, or that contradict it, by its id."""
    found: dict[str, list[str]] = {}
    if ids:
        for row in await db.read_few_rows(_OTHERS, {"ids": list(ids)}):
            found.setdefault(row.memory_id, []).append(row.other_id)
    return found
