"""Memories' rows. The caller owns the transaction and journals the changes."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.memory.repetition import digest_text
from server.store.db import Database, fetch_rows
from server.store.record import images
from server.store.record.entities import mentions
from server.store.record.journal import Actor, blank_memory_entries
from server.store.record.relations import links, superseding
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import workspaces
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories

FIELDS = tuple(Memory.model_fields)
#: The columns that `memory_from_row` reads, in their order.
COLUMNS = [memories.c[name] for name in FIELDS]
#: The columns whose change may mark other memories as superseded.
_MARKING = frozenset({"linkages", "deleted_at", "occurred_at"})
_COUNTED = 64  # rows whose accesses are counted in one statement


def memory_from_row(row: Sequence[Any]) -> Memory:
    """Return a row of `FIELDS` as a memory. Its values were validated when it was stored."""
    values = dict(zip(FIELDS, row, strict=True))
    lists: dict[str, Any] = {"images": values["images"] or [], "inferred": values["inferred"] or []}
    return Memory.model_validate(values | lists | {"consolidated": int(values["consolidated"])})


_NOW = sa.func.coalesce(sa.bindparam("now", type_=workspaces.c.updated_at.type), workspaces.c.updated_at)
# Made once: to make a statement takes longer than to run it, and each write has one of these.
_ADVANCE_ANY = (
    sa.update(workspaces)
    .where(workspaces.c.id == sa.bindparam("workspace"))
    .values(revision=workspaces.c.revision + sa.bindparam("steps", type_=sa.BigInteger), updated_at=_NOW)
    .returning(workspaces.c.revision)
)
_ADVANCE_LIVE = _ADVANCE_ANY.where(workspaces.c.deleted_at.is_(None))


async def advance_revision(
    connection: AsyncConnection, workspace_id: str, steps: int, now: datetime | None, *, may_be_deleted: bool = False
) -> int:
    """Take the workspace's next `steps` revisions, and return the first of them.

    The workspace is held until the transaction ends, so no other writer takes the same ones. A deleted workspace has
    revisions only with `may_be_deleted`, for what is erased in it. Without `now`, the time of the workspace's last
    change stays: the transaction has set it already.

    Raises:
        WorkspaceGone: the workspace was deleted.
    """
    statement = _ADVANCE_ANY if may_be_deleted else _ADVANCE_LIVE
    values = {"workspace": workspace_id, "steps": steps, "now": now}
    last = (await connection.execute(statement, values)).scalar_one_or_none()
    if last is None:
        raise WorkspaceGone(workspace_id)
    return last - steps + 1


async def insert_memories(
    connection: AsyncConnection, workspace_id: str, actor: Actor, first: int, new: Sequence[Memory]
) -> None:
    """Store new memories, in their order: the first has the revision `first`, the next one more.

    Each row says who stored it: the actor.
    """
    by = {"user_id": actor.user_id, "credential_id": actor.credential_id, "client_id": actor.client_id}
    rows = [
        memory.model_dump()
        | {"workspace_id": workspace_id, "revision": first + i, "position": first + i}
        | {"text_digest": digest_text(memory.content)}
        # a dump lacks these if they say nothing, and all rows of one statement have the same columns
        | {name: getattr(memory, name) for name in ("buried_at", "pinned_at", "repeats", "repeated_at")}
        for i, memory in enumerate(new)
    ]
    stored = [
        row
        | {
            "consolidated": bool(row["consolidated"]),
            "images": row["images"] or None,
            "inferred": memory.inferred or None,
        }
        | by
        for row, memory in zip(rows, new, strict=True)
    ]
    await connection.execute(sa.insert(memories), stored)
    await links.put_links(connection, workspace_id, {memory.id: memory.linkages for memory in new})
    await renew_superseded(connection, workspace_id, superseding.list_named_ids(new))


async def update_memory(connection: AsyncConnection, memory_id: str, revision: int, changes: dict[str, Any]) -> None:
    """Change columns of one memory, and mark the memories that are superseded by it now, or no longer."""
    if isinstance(changes.get("content"), str):
        changes = changes | {"text_digest": digest_text(changes["content"])}
    may_mark = not changes.keys().isdisjoint(_MARKING)
    named = await superseding.list_superseded_ids(connection, [memory_id]) if may_mark else set[str]()
    statement = sa.update(memories).where(memories.c.id == memory_id).values(revision=revision, **changes)
    await connection.execute(statement)
    if "linkages" in changes:
        await links.replace_links(connection, memory_id, changes["linkages"])
        named |= await superseding.list_superseded_ids(connection, [memory_id])
    if named:
        home = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id)
        await renew_superseded(connection, (await connection.execute(home)).scalar_one(), named)


async def renew_superseded(connection: AsyncConnection, workspace_id: str, ids: Collection[str]) -> None:
    """Mark these memories as superseded, or as not superseded, as the links say now. The caller holds the workspace.

    A memory whose mark changes gets a new revision, so that the projection hides or shows it.
    """
    marks = await superseding.find_changed_marks(connection, workspace_id, ids) if ids else {}
    if marks:
        first = await advance_revision(connection, workspace_id, len(marks), None, may_be_deleted=True)
        for step, (memory_id, mark) in enumerate(marks.items()):
            statement = sa.update(memories).where(memories.c.id == memory_id)
            await connection.execute(statement.values(revision=first + step, **mark))


_EVER = sa.select(*COLUMNS).where(
    memories.c.id == sa.bindparam("memory"), memories.c.workspace_id == sa.bindparam("workspace")
)
_BY_ID = _EVER.where(memories.c.deleted_at.is_(None))
_UNERASED = _EVER.where(memories.c.erased_at.is_(None))


async def get_memory(
    source: AsyncConnection | Database, workspace_id: str, memory_id: str, *, may_be_deleted: bool = False
) -> Memory | None:
    """Return one memory of the workspace, or None if there is none. With a `Database` it is a cached read.

    A deleted memory is returned only with `may_be_deleted`, and only until it is erased.
    """
    query = _UNERASED if may_be_deleted else _BY_ID
    rows = await fetch_rows(source, query, {"memory": memory_id, "workspace": workspace_id})
    return memory_from_row(rows[0]) if rows else None


async def get_memories(
    connection: AsyncConnection, workspace_id: str, memory_ids: Collection[str]
) -> dict[str, Memory]:
    """Return those of the memories that the workspace has and that are not deleted, by id. At most some hundreds."""
    # The workspace is compared here: asked for beside a list of ids, SQLite reads all of the workspace.
    query = sa.select(*COLUMNS, memories.c.workspace_id).where(
        memories.c.id.in_(set(memory_ids)), memories.c.deleted_at.is_(None)
    )
    rows = await connection.execute(query)
    return {row.id: memory_from_row(row[:-1]) for row in rows if row.workspace_id == workspace_id}


async def find_deletion(connection: AsyncConnection, workspace_id: str, memory_id: str) -> datetime | None:
    """Return when a memory was deleted whose text is still kept; None if it is not deleted, or not there."""
    query = sa.select(memories.c.deleted_at).where(
        memories.c.id == memory_id, memories.c.workspace_id == workspace_id, memories.c.erased_at.is_(None)
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def find_workspace_id(connection: AsyncConnection, memory_id: str) -> str | None:
    """Return the id of the workspace that a memory is in; None if there is no such memory, or if it was deleted."""
    query = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id, memories.c.deleted_at.is_(None))
    return (await connection.execute(query)).scalar_one_or_none()


async def find_existing_ids(connection: AsyncConnection, workspace_id: str, ids: Iterable[str]) -> set[str]:
    """Return the ids, of these, that belong to memories of the workspace which are not deleted."""
    # The workspace is compared here: asked for beside a list of ids, SQLite reads all of the workspace.
    query = sa.select(memories.c.id, memories.c.workspace_id).where(
        memories.c.id.in_(set(ids)), memories.c.deleted_at.is_(None)
    )
    return {row.id for row in await connection.execute(query) if row.workspace_id == workspace_id}


async def erase_content(connection: AsyncConnection, memory_id: str, now: datetime) -> None:
    """Overwrite the content of a memory in its row and its journal entries.

    The rows stay: they say that it existed, when, and by whom.
    """
    blank: dict[str, Any] = dict.fromkeys(
        ("project", "task", "entity", "author", "session", "occurred_at", "source", "expires_at", "text_digest"), None
    )
    await connection.execute(
        sa.update(memories)
        .where(memories.c.id == memory_id)
        .values(
            content="", type="", tags=[], linkages=[], metadata={}, images=None, inferred=None, erased_at=now, **blank
        )
    )
    await links.replace_links(connection, memory_id, [])
    await mentions.erase_mentions(connection, memory_id)
    await images.erase_pictures(connection, memory_id)
    merged_into = sa.select(memories.c.consolidated_into).where(memories.c.id == memory_id).scalar_subquery()
    told = sa.or_(consolidations.c.memory_id == memory_id, consolidations.c.memory_id == merged_into)
    await connection.execute(sa.update(consolidations).where(told).values(template_summary=None))
    home = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id).scalar_subquery()
    await connection.execute(
        sa.update(workspaces).where(workspaces.c.id == home).values(erasures=workspaces.c.erasures + 1)
    )
    await blank_memory_entries(connection, memory_id)


async def count_accesses(connection: AsyncConnection, accesses: dict[str, tuple[int, datetime]]) -> dict[str, int]:
    """Add to access counts: memory id → (number of accesses, time of the last one). Return the counts after it, by id.

    Access counts are no part of a memory's revision.
    """
    query = (
        sa.update(memories)
        .where(memories.c.id == sa.bindparam("memory"))
        .values(access_count=memories.c.access_count + sa.bindparam("times"), last_accessed_at=sa.bindparam("at"))
    )
    # In one order everywhere, so that two servers never wait for each other's rows.
    rows = [{"memory": m, "times": n, "at": at} for m, (n, at) in sorted(accesses.items())]
    counts: dict[str, int] = {}
    for start in range(0, len(rows), _COUNTED):  # a round of the loop for each portion: recalls go on meanwhile
        portion = rows[start : start + _COUNTED]
        await connection.execute(query, portion)
        ids = [row["memory"] for row in portion]
        after = sa.select(memories.c.id, memories.c.access_count).where(memories.c.id.in_(ids))
        counts.update((row.id, row.access_count) for row in await connection.execute(after))
    return counts
