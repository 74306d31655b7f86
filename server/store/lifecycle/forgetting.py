"""Erasures that stay: with the tombstones that keep what was erased from coming back, and with a receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.lifecycle.erasure import Erasure, erase_memories, list_ids_of_project
from server.store.lifecycle.purge import list_what_goes, purge_workspace
from server.store.record.capture.erasing import delete_reports_in_project
from server.store.record.erasure.receipts import ReceiptKind, insert_receipt
from server.store.record.erasure.tombstones import Tombstones
from server.store.record.journal import Actor, journal_change


@dataclass(frozen=True, slots=True)
class ErasedWorkspace:
    """The workspace in which something is erased, and its account."""

    account_id: str
    workspace_id: str


async def forget_memories(
    connection: AsyncConnection,
    tombstones: Tombstones,
    place: ErasedWorkspace,
    ids: Sequence[str],
    actor: Actor,
    now: datetime,
    kind: ReceiptKind = "memory",
    *,
    project: str | None = None,
) -> tuple[Erasure, dict[str, int], str]:
    """Erase memories as `erase_memories` does, and keep their texts and reports out.

    If they are those of a project, what agents reported in their sessions there is erased as well.

    Returns:
        What was erased, the rows by table, and the receipt's id.
    """
    workspace_id = place.workspace_id
    done = await erase_memories(connection, workspace_id, ids, actor, now)
    counts, origins = done.count_rows(), done.origins
    if project is not None:
        reports, more = await delete_reports_in_project(connection, workspace_id, project)
        counts |= {name: counts.get(name, 0) + count for name, count in reports.items()}
        origins = [*origins, *more]
    receipt_id = await insert_receipt(connection, place.account_id, workspace_id, kind, actor, now, counts, done.erased)
    await tombstones.put(connection, workspace_id, receipt_id, done.texts, origins, now)
    return done, counts, receipt_id


async def forget_workspace(
    connection: AsyncConnection,
    tombstones: Tombstones,
    place: ErasedWorkspace,
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


async def purge_place(
    connection: AsyncConnection,
    tombstones: Tombstones,
    place: ErasedWorkspace,
    project: str | None,
    actor: Actor,
    now: datetime,
    *,
    dry_run: bool = False,
) -> tuple[dict[str, int], str]:
    """Forget everything of a workspace, or of a project in it; return the counts and the receipt's id.

    The counts are rows by table, and of a workspace `shown`, as `forget_workspace` has them. A dry run does the same
    and undoes it within the caller's transaction, so that its counts are exact; its receipt is "".
    """
    kind: ReceiptKind = "workspace" if project is None else "project"
    async with connection.begin_nested() as step:
        if project is None:
            counts, receipt = await forget_workspace(connection, tombstones, place, actor, now)
        else:
            ids = await list_ids_of_project(connection, place.workspace_id, project)
            _, counts, receipt = await forget_memories(
                connection, tombstones, place, ids, actor, now, kind, project=project
            )
        await journal_change(connection, place.workspace_id, actor, now, {"purged": kind, "receipt": receipt})
        if dry_run:
            await step.rollback()
    return counts, "" if dry_run else receipt


def tell_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a purge as people are told them: the tables that lost rows, by name."""
    return {name: count for name, count in sorted(counts.items()) if count and name != "shown"}
