"""Emptying a project: all its memories are erased, and all that agents reported in it, in one transaction."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record import golden, memories
from server.store.record.capture.erasing import delete_reports
from server.store.record.capture.events import list_origins
from server.store.record.entities.changes import delete_entities_of_workspaces
from server.store.record.journal import Actor, journal_memories
from server.store.tables.accounts import workspaces
from server.store.tables.capture import events
from server.store.tables.lifecycle import consolidations
from server.store.tables.links import links
from server.store.tables.memories import images, journal, token_vectors, vectors
from server.store.tables.memories import memories as table
from server.store.tables.working import identity_crystals


async def purge_workspace(
    connection: AsyncConnection, workspace_id: str, actor: Actor, now: datetime
) -> dict[str, int]:
    """Erase all memories of a workspace for good, with the copies that Loci made, and all that agents reported in it.

    Its entities go with them. Working memory, the skip list, and crystals that somebody wrote are no memories; they
    stay. The caller projects the workspace and empties the log.

    Returns:
        The number of rows by table, and `shown`: how many of the memories were not deleted before.
    """
    await memories.advance_revision(connection, workspace_id, 0, now)  # holds the workspace
    await delete_entities_of_workspaces(connection, sa.select(workspaces.c.id).where(workspaces.c.id == workspace_id))
    reports = await delete_reports(connection, [workspace_id])
    visible = sa.select(sa.func.count()).where(table.c.workspace_id == workspace_id, table.c.deleted_at.is_(None))
    shown = (await connection.execute(visible)).scalar_one()
    left = sa.select(table.c.id).where(table.c.workspace_id == workspace_id, table.c.erased_at.is_(None))
    ids = list((await connection.execute(left.order_by(table.c.position))).scalars())
    copies: dict[str, int] = {}
    if ids:
        copies = await _erase_copies(connection, workspace_id)
        first = await memories.advance_revision(connection, workspace_id, len(ids), now)
        await connection.execute(_blank(now), [{"memory": each, "step": first + step} for step, each in enumerate(ids)])
        await journal_memories(connection, workspace_id, actor, now, first, [(each, None, None) for each in ids])
        erased = sa.update(workspaces).where(workspaces.c.id == workspace_id)
        await connection.execute(erased.values(erasures=workspaces.c.erasures + len(ids)))
    return {"shown": shown, "memories": len(ids), **copies, **reports}


async def list_what_goes(connection: AsyncConnection, workspace_id: str) -> tuple[list[str], list[str], list[str]]:
    """Return what a purge of the workspace would erase now: texts, the origins of reports, and ids of memories."""
    rows = await connection.execute(
        sa.select(table.c.id, table.c.content).where(table.c.workspace_id == workspace_id, table.c.erased_at.is_(None))
    )
    there = rows.all()
    text = journal.c.before["content"].as_string()
    earlier = sa.select(text).where(
        journal.c.workspace_id == workspace_id, journal.c.memory_id.is_not(None), text.is_not(None)
    )
    texts = [*(row.content for row in there), *(await connection.execute(earlier.distinct())).scalars()]
    origins = await list_origins(connection, events.c.workspace_id == workspace_id)
    return texts, origins, [row.id for row in there]


def _blank(now: datetime) -> sa.Update:
    """Return the statement that overwrites the text of one memory, and gives it a revision."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("project", "task", "entity", "author", "session", "occurred_at", "source", "expires_at", "text_digest"), None
    )
    return (
        sa.update(table)
        .where(table.c.id == sa.bindparam("memory"))
        .values(
            **nothing,
            content="",
            type="",
            tags=[],
            linkages=[],
            metadata={},
            images=None,
            inferred=None,
            deleted_at=sa.func.coalesce(table.c.deleted_at, sa.literal(now, table.c.deleted_at.type)),
            erased_at=now,
            revision=sa.bindparam("step"),
        )
    )


async def _erase_copies(connection: AsyncConnection, workspace_id: str) -> dict[str, int]:
    """Delete what was made of the workspace's memories, and overwrite their texts in the journal.

    Return the number of rows by table.
    """
    counts: dict[str, int] = {}
    here = sa.select(table.c.id).where(table.c.workspace_id == workspace_id)
    for each in (vectors, token_vectors):
        counts[each.name] = (await connection.execute(sa.delete(each).where(each.c.memory_id.in_(here)))).rowcount
    for each in (images, links):
        own = sa.delete(each).where(each.c.workspace_id == workspace_id)
        counts[each.name] = (await connection.execute(own)).rowcount
    merged = sa.update(consolidations).where(consolidations.c.memory_id.in_(here))
    await connection.execute(merged.values(template_summary=None))
    composed = sa.delete(identity_crystals).where(identity_crystals.c.workspace_id == workspace_id)
    deleted = await connection.execute(composed.where(identity_crystals.c.is_composed))
    counts[identity_crystals.name] = deleted.rowcount
    here_alone = sa.select(sa.literal(workspace_id))
    counts["golden_cases"] = await golden.delete_cases_of_workspaces(connection, here_alone)
    told = sa.update(journal).where(journal.c.workspace_id == workspace_id, journal.c.memory_id.is_not(None))
    told = told.where(sa.or_(journal.c.before.is_not(None), journal.c.after.is_not(None)))
    counts[journal.name] = (await connection.execute(told.values(before=sa.null(), after=sa.null()))).rowcount
    return counts
