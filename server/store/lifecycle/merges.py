"""Merged memories whose sources are erased: found by the journal, and written again from the sources that are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.merging.merged_memory import (
    MOST_BYTES,
    SHARED,
    expand_repeats,
    find_common_type,
    find_merged_repeats,
    join_tags,
    merge_memories,
    render_summary,
)
from server.memory.models import INFERABLE, Memory
from server.store.consolidation.runs import Method
from server.store.record.leaves import read_leaves
from server.store.record.memories import FIELDS, memory_from_row
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """A merged memory as it is now, and the record of its merge.

    Attributes:
        memory: the merged memory.
        position: its place in the order in which memories were stored: a merge comes after its sources.
        source_ids: the memories that it was made from.
        is_deleted: whether it was deleted, or removed by an undo.
        is_undone: whether the merge was undone, so that its sources are memories of their own again.
        is_changed: whether somebody has changed its text since the merge.
        is_generated: whether its text is still the one that the template or a language model wrote.
    """

    memory: Memory
    position: int
    source_ids: Sequence[str]
    is_deleted: bool
    is_undone: bool
    is_changed: bool
    is_generated: bool


async def list_merged_sources(connection: AsyncConnection, memory_id: str) -> list[str]:
    """Return the ids of the memories that are merged into this one and are not erased; none for a plain memory."""
    merge = sa.select(consolidations.c.source_ids).where(consolidations.c.memory_id == memory_id)
    ids: list[str] | None = (await connection.execute(merge)).scalar_one_or_none()
    query = sa.select(table.c.id).where(table.c.id.in_(ids or []), table.c.consolidated_into == memory_id)
    return list(
        (await connection.execute(query.where(table.c.erased_at.is_(None)).order_by(table.c.position))).scalars()
    )


async def find_merges_with(connection: AsyncConnection, memory_id: str) -> set[str]:
    """Return the ids of the merged memories that were made from this one; those of undone merges, too.

    The journal knows them until the memory is erased.
    """
    into = journal.c.after["consolidated_into"].as_string()
    query = sa.select(into).where(journal.c.memory_id == memory_id, into.is_not(None)).distinct()
    now = sa.select(table.c.consolidated_into).where(table.c.id == memory_id, table.c.consolidated_into.is_not(None))
    return set((await connection.execute(query)).scalars()) | set((await connection.execute(now)).scalars())


async def list_visible_merges(connection: AsyncConnection, memory_id: str) -> list[str]:
    """Return the ids of the merged memories that were made from this one, directly or not, and are not deleted."""
    visible: dict[str, bool] = {}
    waiting = [memory_id]
    while waiting:
        above = await find_merges_with(connection, waiting.pop(0)) - visible.keys()
        for each in sorted(above):
            merge = await read_merge(connection, each)
            visible[each] = merge is not None and not merge.is_deleted
            waiting.append(each)
    return [each for each, is_visible in visible.items() if is_visible]


async def read_merge(connection: AsyncConnection, memory_id: str) -> MergeRecord | None:
    """Return a merged memory and the record of its merge; None if it is erased."""
    merge = consolidations.c
    query = (
        sa.select(
            *(table.c[name] for name in FIELDS),
            *(table.c.position, table.c.deleted_at),
            *(merge.source_ids, merge.method, merge.revision, merge.undone_at),
        )
        .join(consolidations, merge.memory_id == table.c.id)
        .where(table.c.id == memory_id, table.c.erased_at.is_(None))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    memory = memory_from_row(row[: len(FIELDS)])
    first = sa.select(journal.c.after["content"].as_string()).where(
        journal.c.memory_id == memory_id, journal.c.revision == row.revision
    )
    written = (await connection.execute(first)).scalars().first()
    method: Method = row.method
    return MergeRecord(
        memory=memory,
        position=row.position,
        source_ids=row.source_ids,
        is_deleted=row.deleted_at is not None,
        is_undone=row.undone_at is not None,
        is_changed=written != memory.content,
        is_generated=method != "agent" and written == memory.content,
    )


async def read_sources(connection: AsyncConnection, merge: MergeRecord) -> tuple[list[Memory], list[Memory]]:
    """Return the sources of a merge that are left, and those that are deleted but not erased; oldest first."""
    query = (
        sa.select(*(table.c[name] for name in FIELDS), table.c.deleted_at)
        .where(table.c.id.in_(merge.source_ids), table.c.erased_at.is_(None))
        .order_by(table.c.position)
    )
    left: list[Memory] = []
    deleted: list[Memory] = []
    for row in await connection.execute(query):
        (left if row.deleted_at is None else deleted).append(memory_from_row(row[: len(FIELDS)]))
    return left, deleted


def fits_in_one(left: Sequence[Memory]) -> bool:
    """Whether a merged memory can still be written from these sources: several, and not too long."""
    return len(left) > 1 and len(render_summary(left).encode()) <= MOST_BYTES


async def list_told(connection: AsyncConnection, left: Sequence[Memory]) -> list[Memory]:
    """Return the sources of a merge that are left; in the place of one that says repeats once, the repeats."""
    leaves = await read_leaves(connection, [each.id for each in left])
    return expand_repeats(left, find_merged_repeats(left, leaves))


def write_again(
    merge: MergeRecord, left: Sequence[Memory], told: Sequence[Memory], before: dict[str, Memory], now: datetime
) -> Memory:
    """Return the merged memory as the template writes it from the sources that are left.

    A field that somebody has changed since the merge stays as it is.

    Args:
        merge: the merge.
        left: the sources that are left.
        told: the memories whose texts it says.
        before: the memories that are erased, deleted or written again, as they were before.
        now: the time.
    """
    memory = merge.memory
    current = {each.id: each for each in left} | before
    sources = [current[each] for each in merge.source_ids if each in current]
    old = merge_memories(sources, memory.id, now, "")
    added = set(memory.tags).difference(join_tags(sources))
    new = merge_memories(left, memory.id, now, render_summary(told), tags=added)
    own_links = [link for link in memory.linkages if link not in old.linkages]
    changes: dict[str, Any] = {
        name: getattr(new, name) for name in SHARED if getattr(memory, name) == getattr(old, name)
    }
    guessed = {name for name in memory.inferred if name not in changes}
    guessed |= {name for name in new.inferred if name in changes}
    ids_left = {each.id for each in left}
    gone_types = {each.type for each in sources if each.id not in ids_left} - {each.type for each in left}
    return memory.model_copy(
        update=changes
        | {
            "content": new.content,
            "tags": new.tags,
            "type": find_common_type(left) if memory.type in gone_types else memory.type,
            "linkages": [*new.linkages, *own_links],
            "images": new.images,
            "inferred": [name for name in INFERABLE if name in guessed],
            "updated_at": now,
        }
    )


async def note_rewriting(connection: AsyncConnection, memory_id: str, revision: int) -> None:
    """Record that the text of a merged memory was written again by the template, so that the merge can be undone."""
    row = sa.update(consolidations).where(consolidations.c.memory_id == memory_id)
    await connection.execute(row.values(revision=revision, method="template", template_summary=None))


async def note_revision(connection: AsyncConnection, memory_id: str, revision: int) -> None:
    """Record that Loci changed a merged memory, and nobody else, so that the merge can be undone."""
    row = sa.update(consolidations).where(consolidations.c.memory_id == memory_id)
    await connection.execute(row.values(revision=revision))


async def forget_template_summary(connection: AsyncConnection, memory_id: str) -> None:
    """Delete the template's summary that is kept beside the text of a merged memory."""
    row = sa.update(consolidations).where(consolidations.c.memory_id == memory_id)
    await connection.execute(row.values(template_summary=None))
