"""The merge plan of a workspace: the memories that belong together, and the memory that would replace each group.

Planning changes nothing. A plan keeps the revision at which each source was read, so that `carry_out` can leave a group
alone if one of its sources has changed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from server.ids import new_id
from server.memory import grouping
from server.memory.grouping import GroupCandidate
from server.memory.merged_memory import merge_memories, render_template, split_group
from server.memory.models import Memory
from server.store.consolidation import runs
from server.store.consolidation.near_duplicates import find_near_duplicates
from server.store.consolidation.runs import Method
from server.store.consolidation.steps import split_into_steps
from server.store.db import Database
from server.store.record import memories
from server.store.record.memories import FIELDS, memory_from_row
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories as table

#: The number of candidates that are read at a time; between two pages, others have their turn.
PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Merge:
    """Several memories, the revision at which each was read, and the memory that replaces them."""

    sources: Sequence[Memory]
    revisions: Sequence[int]
    result: Memory
    method: Method
    template_summary: str | None = None


@dataclass(frozen=True, slots=True)
class MergePlan:
    """The merges that a consolidation would carry out in a workspace with `active` active memories."""

    active: int
    merges: Sequence[Merge] = ()

    @property
    def sources(self) -> int:
        """The number of memories that would be merged into others."""
        return sum(len(merge.sources) for merge in self.merges)


@dataclass(slots=True)
class SourceMemories:
    """The memories that a merge starts from, and their revisions, both by memory id."""

    memories: dict[str, Memory] = field(default_factory=dict[str, Memory])
    revisions: dict[str, int] = field(default_factory=dict[str, int])


async def plan_merges(db: Database, workspace_id: str, now: datetime) -> MergePlan:
    """Return the merges of the memories that belong together in a workspace, each with a summary by template."""
    async with db.read() as connection:
        active = (await memories.count_memories(connection, workspace_id, now))["active"]
    candidates = await _list_candidates(db, workspace_id)
    near = await find_near_duplicates(db, workspace_id, [candidate.id for candidate in candidates])
    groups = await asyncio.to_thread(grouping.find_groups, candidates, near)
    sources = await read_sources(db, workspace_id, [memory_id for ids in groups for memory_id in ids], now)
    merges: list[Merge] = []
    for ids in groups:
        await asyncio.sleep(0)
        if all(memory_id in sources.memories for memory_id in ids):  # else a source changed after it was listed
            pieces = split_group([sources.memories[memory_id] for memory_id in ids])
            merges += [plan_merge(piece, [sources.revisions[memory.id] for memory in piece], now) for piece in pieces]
    return MergePlan(active, merges)


def plan_merge(sources: Sequence[Memory], revisions: Sequence[int], now: datetime) -> Merge:
    """Return the merge of these memories, with a summary by template."""
    result = merge_memories(sources, new_id(now), now, render_template(sources))
    return Merge(sources, revisions, result, "template")


async def read_sources(db: Database, workspace_id: str, ids: Sequence[str], now: datetime) -> SourceMemories:
    """Return those of the memories that are active in the workspace, read in steps."""
    sources = SourceMemories()
    columns = [*(table.c[name] for name in FIELDS), table.c.revision, table.c.workspace_id]
    active = sa.select(*columns).where(
        table.c.deleted_at.is_(None),
        table.c.consolidated.is_(False),
        sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now),
    )
    for step in split_into_steps(ids):
        async with db.read() as connection:
            rows = (await connection.execute(active.where(table.c.id.in_(step)))).all()
        for row in rows:
            # The query does not name the workspace: with it, SQLite reads the whole workspace and not only these ids.
            if row.workspace_id == workspace_id:
                sources.memories[row.id] = memory_from_row(row[: len(FIELDS)])
                sources.revisions[row.id] = row.revision
    return sources


async def _list_candidates(db: Database, workspace_id: str) -> list[GroupCandidate]:
    """Return the memories that may be merged although nobody named them, oldest first.

    Three kinds are left out. A memory that expires would live on in the merged one. A merged memory would make texts
    grow inside texts. A memory that an undo brought back would be merged again against the user's will.
    """
    columns = (table.c.id, table.c.tags, table.c.scope, table.c.project, table.c.task, table.c.position)
    is_merged = sa.exists().where(consolidations.c.memory_id == table.c.id)
    query = (
        sa.select(*columns, table.c.revision)
        .where(table.c.workspace_id == workspace_id, table.c.deleted_at.is_(None), table.c.consolidated.is_(False))
        .where(table.c.expires_at.is_(None), ~is_merged)
        .order_by(table.c.revision)
        .limit(PAGE)
    )
    async with db.read() as connection:
        undone_ids = await runs.read_undone_ids(connection, workspace_id)
    candidates: list[tuple[int, GroupCandidate]] = []
    after = 0
    while True:
        async with db.read() as connection:
            rows = (await connection.execute(query.where(table.c.revision > after))).all()
        candidates += [(row.position, GroupCandidate(*row[:5])) for row in rows if row.id not in undone_ids]
        if len(rows) < PAGE:
            return [candidate for _, candidate in sorted(candidates, key=lambda pair: pair[0])]
        after = rows[-1].revision
