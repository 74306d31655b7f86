"""Rows of proposals: memories that are proposed to another workspace. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId, new_id
from server.memory.models import Memory
from server.store.db import insert_into
from server.store.record.memories import FIELDS, memory_from_row
from server.store.tables.accounts import users, workspaces
from server.store.tables.memories import memories
from server.store.tables.promotion import proposals

Decision = Literal["keep_new", "keep_old", "keep_both", "reject"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A memory that is proposed to a workspace. `person` is the name of the proposer, `user_id` their id."""

    id: str
    source_workspace_id: str
    user_id: UserId
    memory: Memory
    against: Sequence[str]
    person: str | None
    proposed_at: datetime
    decision: Decision | None
    decided_at: datetime | None
    stored_id: str | None


# The memory is read from its own workspace: without it there is no proposal.
_PROPOSAL = (
    sa.select(
        proposals.c.id,
        proposals.c.source_workspace_id,
        proposals.c.proposed_by,
        proposals.c.against,
        users.c.name,
        proposals.c.proposed_at,
        proposals.c.decision,
        proposals.c.decided_at,
        proposals.c.stored_id,
        *(memories.c[name] for name in FIELDS),
    )
    .select_from(proposals)
    .join(
        memories,
        sa.and_(memories.c.id == proposals.c.memory_id, memories.c.workspace_id == proposals.c.source_workspace_id),
    )
    .join(workspaces, workspaces.c.id == memories.c.workspace_id)
    .outerjoin(users, users.c.id == proposals.c.proposed_by)
    .where(memories.c.deleted_at.is_(None), workspaces.c.deleted_at.is_(None))
)
_OWN = 9


def _from_row(row: Sequence[object]) -> Proposal:
    proposal_id, source, user_id, against, person, proposed_at, decision, decided_at, stored_id = row[:_OWN]
    memory = memory_from_row(row[_OWN:])
    return Proposal(proposal_id, source, user_id, memory, against, person, proposed_at, decision, decided_at, stored_id)  # pyright: ignore[reportArgumentType] - the columns' types


async def put_proposal(
    connection: AsyncConnection,
    workspace_id: str,
    source_workspace_id: str,
    memory_id: str,
    against: Sequence[str],
    user_id: str,
    now: datetime,
) -> str:
    """Store a proposal, and return its id. One of the same memory that is open stays, as the latest one proposes it."""
    statement = insert_into(connection, proposals).values(
        id=new_id(now),
        workspace_id=workspace_id,
        source_workspace_id=source_workspace_id,
        memory_id=memory_id,
        against=list(against),
        proposed_by=user_id,
        proposed_at=now,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["workspace_id", "memory_id"],
        index_where=proposals.c.decision.is_(None),
        set_={"against": statement.excluded.against, "proposed_by": statement.excluded.proposed_by},
    ).returning(proposals.c.id)
    return (await connection.execute(statement)).scalar_one()


async def list_proposals(connection: AsyncConnection, workspace_id: str, limit: int) -> list[Proposal]:
    """Return the open proposals to a workspace, oldest first."""
    query = _PROPOSAL.where(proposals.c.workspace_id == workspace_id, proposals.c.decision.is_(None))
    rows = await connection.execute(query.order_by(proposals.c.proposed_at, proposals.c.id).limit(limit))
    return [_from_row(row) for row in rows]


async def get_proposal(connection: AsyncConnection, workspace_id: str, proposal_id: str) -> Proposal | None:
    """Return a proposal to a workspace; None if there is none, or if its memory was deleted."""
    query = _PROPOSAL.where(proposals.c.workspace_id == workspace_id, proposals.c.id == proposal_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _from_row(row)


async def decide_proposal(
    connection: AsyncConnection,
    proposal_id: str,
    decision: Decision,
    user_id: str,
    now: datetime,
    stored_id: str | None,
) -> bool:
    """Note what was decided about an open proposal. Return False if somebody else was faster."""
    query = sa.update(proposals).where(proposals.c.id == proposal_id, proposals.c.decision.is_(None))
    values = {"decision": decision, "decided_by": user_id, "decided_at": now, "stored_id": stored_id}
    return (await connection.execute(query.values(values))).rowcount == 1
