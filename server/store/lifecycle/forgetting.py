"""Erasures that stay: with the tombstones that keep what was erased from coming back, and with a receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.lifecycle.erasure import Erasure, erase_memories
from server.store.lifecycle.purge import list_what_goes, purge_workspace
from server.store.record.erasure.receipts import ReceiptKind, insert_receipt
from server.store.record.erasure.tombstones import Tombstones
from server.store.record.journal import Actor


@dataclass(frozen=True, slots=True)
class Place:
    """The workspace in which something is erased, and its account."""

    account_id: str
    workspace_id: str


async def forget_memories(
    connection: AsyncConnection,
    tombstones: Tombstones,
    place: Place,
    ids: Sequence[str],
    actor: Actor,
    now: datetime,
    kind: ReceiptKind = "memory",
) -> tuple[Erasure, str]:
    """Erase memories as `erase_memories` does, keep their texts and reports out, and return the receipt's id, too."""
    done = await erase_memories(connection, place.workspace_id, ids, actor, now)
    counts = done.count_rows()
    receipt_id = await insert_receipt(
        connection, place.account_id, place.workspace_id, kind, actor, now, counts, done.erased
    )
    await tombstones.put(connection, place.workspace_id, receipt_id, done.texts, done.origins, now)
    return done, receipt_id


async def forget_workspace(
    connection: AsyncConnection,
    tombstones: Tombstones,
    place: Place,
    actor: Actor,
    now: datetime,
    kind: ReceiptKind = "workspace",
) -> tuple[dict[str, int], str]:
    """Erase all memories of a workspace and all that agents reported in it; return the counts and the receipt's id.

    The counts are rows by table, and `shown`: how many of the memories were not deleted before.
    """
    texts, origins, ids = await list_what_goes(connection, place.workspace_id)
    counts = await purge_workspace(connection, place.workspace_id, actor, now)
    told = {name: count for name, count in counts.items() if name != "shown"}
    receipt_id = await insert_receipt(connection, place.account_id, place.workspace_id, kind, actor, now, told, ids)
    await tombstones.put(connection, place.workspace_id, receipt_id, texts, origins, now)
    return counts, receipt_id
