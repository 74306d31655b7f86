"""Rows of the receipts of erasures. The caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.record.journal import Actor
from server.store.tables.accounts import users, workspaces
from server.store.tables.erasure import erasure_receipts

ReceiptKind = Literal["memory", "project", "workspace", "account"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The extent of one erasure: the number of rows of each table, and the ids of the memories. No content.

    `person` and `workspace` are the names of now; None if there is no such person or workspace any more.
    """

    id: str
    account_id: str
    workspace_id: str | None
    kind: ReceiptKind
    erased_at: datetime
    user_id: str
    credential_id: str
    request_id: str
    counts: dict[str, int]
    memory_ids: list[str]
    person: str | None = None
    workspace: str | None = None


_STORED = [name for name in Receipt.__slots__ if name not in {"person", "workspace"}]
_RECEIPT = (
    sa.select(*(erasure_receipts.c[name] for name in _STORED), users.c.name, workspaces.c.name)
    .select_from(erasure_receipts)
    .outerjoin(users, users.c.id == erasure_receipts.c.user_id)
    .outerjoin(workspaces, workspaces.c.id == erasure_receipts.c.workspace_id)
)


async def insert_receipt(
    connection: AsyncConnection,
    account_id: str,
    workspace_id: str | None,
    kind: ReceiptKind,
    actor: Actor,
    now: datetime,
    counts: Mapping[str, int],
    memory_ids: Collection[str],
) -> str:
    """Store the receipt of an erasure, in the transaction that erases; return its id."""
    receipt_id = new_id(now)
    values = {
        "id": receipt_id,
        "account_id": account_id,
        "workspace_id": workspace_id,
        "kind": kind,
        "erased_at": now,
        "user_id": actor.user_id,
        "credential_id": actor.credential_id,
        "request_id": actor.request_id,
        "counts": {name: count for name, count in counts.items() if count},
        "memory_ids": [*memory_ids],
    }
    await connection.execute(sa.insert(erasure_receipts).values(values))
    return receipt_id


async def find_receipt(connection: AsyncConnection, receipt_id: str) -> Receipt | None:
    """Return a receipt by its id."""
    row = (await connection.execute(_RECEIPT.where(erasure_receipts.c.id == receipt_id))).one_or_none()
    return None if row is None else Receipt(*row)


async def list_receipts(
    connection: AsyncConnection, account_id: str, workspace_id: str | None, before: str | None, limit: int
) -> Sequence[Receipt]:
    """Return the receipts of an account, or of one workspace, newest first, with ids below `before`."""
    query = _RECEIPT.where(erasure_receipts.c.account_id == account_id)
    if workspace_id is not None:
        query = query.where(erasure_receipts.c.workspace_id == workspace_id)
    if before is not None:
        query = query.where(erasure_receipts.c.id < before)
    rows = await connection.execute(query.order_by(erasure_receipts.c.id.desc()).limit(limit))
    return [Receipt(*row) for row in rows]
