"""The newest calls of an account, for people who watch: entries of the audit, with the memories that they wrote."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.audit import ENTRY
from server.store.tables.audit import audit_chains, audit_entries
from server.store.tables.memories import journal, memories

#: How many of the journal's newest entries are looked through: a call that is watched has just ended.
_LOOKED_THROUGH = 2_000


@dataclass(frozen=True, slots=True)
class Watched:
    """The calls that somebody may watch: those of an account; of them those of one user or workspace, if given.

    `hidden` are operations that are left out. Reads in the console are, too.
    """

    account_id: str
    user_id: str | None = None
    workspace_id: str | None = None
    hidden: Collection[str] = ()

    def list_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions for a statement."""
        c = audit_entries.c
        conditions: list[sa.ColumnElement[bool]] = [
            c.account_id == self.account_id,
            c.operation.not_in(self.hidden),
            sa.or_(c.door != "console", c.effect != "read"),
        ]
        if self.user_id is not None:
            conditions.append(c.user_id == self.user_id)
        if self.workspace_id is not None:
            conditions.append(c.workspace_id == self.workspace_id)
        return conditions


async def find_newest_number(connection: AsyncConnection, account_id: str) -> int:
    """Return the number of the newest entry of an account's audit; 0 if there is none."""
    query = sa.select(audit_chains.c.number).where(audit_chains.c.account_id == account_id)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def list_activity(
    connection: AsyncConnection, watched: Watched, after: int, newest: int, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return the calls with numbers above `after`, up to `newest`, the newest first: at most `limit`."""
    number = audit_entries.c.number
    query = ENTRY.where(number > after, number <= newest, *watched.list_conditions())
    return (await connection.execute(query.order_by(number.desc()).limit(limit))).all()


async def find_written_memories(
    connection: AsyncConnection, requests: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the first memory that each of these requests has just written: its id and its text.

    A request is the id of its workspace and its own id, which its client may have chosen: another account may have a
    request of the same id. Requests that wrote none, and those whose memory is deleted, are left out.
    """
    if not requests:
        return {}
    places, ids = ({each[part] for each in requests} for part in (0, 1))
    newest = sa.select(sa.func.max(journal.c.id)).scalar_subquery()
    query = (
        sa.select(journal.c.workspace_id, journal.c.request_id, memories.c.id, memories.c.content)
        .join(memories, memories.c.id == journal.c.memory_id)
        .where(journal.c.id > newest - _LOOKED_THROUGH, journal.c.request_id.in_(ids))
        .where(journal.c.workspace_id.in_(places), memories.c.deleted_at.is_(None))
        .order_by(journal.c.id.desc())
    )
    rows = await connection.execute(query)
    return {(row.workspace_id, row.request_id): (row.id, row.content) for row in rows}
