"""How far the collections are behind the record, for those who watch over the server."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from server.store.db import Database
from server.store.tables.accounts import workspaces

#: The number of workspaces in one statement.
ASKED = 500


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the collections are behind: the number of workspaces that are, and of all their missing revisions."""

    workspaces: int = 0
    revisions: int = 0


async def measure_lag(db: Database, projected: Mapping[str, int | None]) -> Lag:
    """Return how far these workspaces' collections are behind the record.

    Args:
        db: the record.
        projected: the revision that each collection has, by workspace; None for that on the disk.
    """
    behind: list[int] = []
    columns = (workspaces.c.id, workspaces.c.revision, workspaces.c.flushed_revision)
    known = list(projected)
    for start in range(0, len(known), ASKED):
        asked = known[start : start + ASKED]
        query = sa.select(*columns).where(workspaces.c.id.in_(asked), workspaces.c.deleted_at.is_(None))
        async with db.read() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            reached = projected[row.id]
            behind.append(row.revision - (row.flushed_revision if reached is None else reached))
    late = [each for each in behind if each > 0]
    return Lag(len(late), sum(late))
