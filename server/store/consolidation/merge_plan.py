"""The merge plan of a workspace: the memories that belong together, and the memory that would replace each group.

Planning changes nothing. A plan keeps the revision at which each source was read, so that `carry_out` can leave a group
alone if one of its sources has changed.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from server.ids import new_id
from server.memory.merging import grouping
from server.memory.merging.grouping import GroupCandidate
from server.memory.merging.merged_memory import (
    are_repeats,
    expand_repeats,
    find_merged_repeats,
    may_be_repeats,
    merge_memories,
    render_summary,
    split_group,
)
from server.memory.merging.repeat_key import make_repeat_key
from server.memory.models import Memory
from server.store.consolidation import runs
from server.store.consolidation.closeness import read_vectors
from server.store.consolidation.runs import Method
from server.store.consolidation.steps import split_into_steps
from server.store.db import Database
from server.store.record import memory_lists
from server.store.record.leaves import read_leaves
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.relations.current import IN_RECALL
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories as table

#: The number of candidates that are read at a time; between two pages, others have their turn.
PAGE = 200
#: By night, memories that share a tag are merged only if they have been there for so long.
SETTLED = timedelta(days=7)

#: The memories that belong together: those that repeat one another; with these, those that share a tag and are close in
#: meaning; or all that share a tag.
Rule = Literal["duplicates", "close", "tags"]


@dataclass(frozen=True, slots=True)
class Merge:
    """Several memories, the revision at which each was read, and the memory that replaces them."""

    sources: Sequence[Memory]
    revisions: Sequence[int]
    result: Memory
    method: Method
    template_summary: str | None = None
    #: Whether the sources repeat one another: then no language model can say it better.
    is_repeat: bool = False


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


async def plan_merges(db: Database, workspace_id: str, now: datetime, rule: Rule = "tags") -> MergePlan:
    """Return the merges of the memories that belong together in a workspace, each with a summary by template."""
    async with db.read() as connection:
        active = (await memory_lists.count_memories(connection, workspace_id, now))["active"]
    candidates, said = await _list_candidates(db, workspace_id)
    find = grouping.find_groups if rule == "tags" else grouping.find_repeats
    groups = await asyncio.to_thread(find, candidates)
    if rule == "close":
        groups += await _find_close_groups(db, workspace_id, candidates, groups, now)
    sources = await read_sources(db, workspace_id, [memory_id for ids in groups for memory_id in ids], now)
    merges: list[Merge] = []
    for ids in groups:
        await asyncio.sleep(0)
        if all(memory_id in sources.memories for memory_id in ids):  # else a source changed after it was listed
            group = [sources.memories[memory_id] for memory_id in ids]
            pieces = await asyncio.to_thread(split_group, group, said)
            merges += [_plan_merge(piece, sources.revisions, said, now) for piece in pieces]
    return MergePlan(active, merges)


def _plan_merge(
    sources: Sequence[Memory], revisions: Mapping[str, int], said: Mapping[str, Sequence[Memory]], now: datetime
) -> Merge:
    """Return the merge of these memories, with a summary by template."""
    told = expand_repeats(sources, said)
    result = merge_memories(sources, new_id(now), now, render_summary(told))
    at = [revisions[memory.id] for memory in sources]
    return Merge(sources, at, result, "template", is_repeat=are_repeats(told))


async def _find_close_groups(
    db: Database, workspace_id: str, candidates: Sequence[GroupCandidate], repeats: Sequence[list[str]], now: datetime
) -> list[list[str]]:
    """Return the groups of memories that share a tag, are close in meaning, and have been there for long enough."""
    repeated = {memory_id for ids in repeats for memory_id in ids}
    tagged = [each for each in candidates if each.subjects and each.id not in repeated]
    vectors = await read_vectors(db, workspace_id, [each.id for each in tagged])
    found = grouping.find_close_groups(tagged, vectors, now - SETTLED)
    return await asyncio.to_thread(list, found)


async def read_sources(db: Database, workspace_id: str, ids: Sequence[str], now: datetime) -> SourceMemories:
    """Return those of the memories that are active in the workspace and not pinned, read in steps."""
    sources = SourceMemories()
    columns = [*(table.c[name] for name in FIELDS), table.c.revision, table.c.workspace_id]
    active = sa.select(*columns).where(
        table.c.deleted_at.is_(None),
        IN_RECALL,
        table.c.pinned_at.is_(None),
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


async def _list_candidates(db: Database, workspace_id: str) -> tuple[list[GroupCandidate], dict[str, Sequence[Memory]]]:
    """Return the memories that may be merged although nobody named them, oldest first; and what merged repeats said.

    Five kinds are left out. A pinned memory stays as it is. One that expires would live on in the merged one. A
    superseded or buried one would come back in it. A memory that an undo brought back would be merged again against the
    user's will. A merged memory would make texts grow inside texts, unless it is one of repeats: of such a one, the
    repeats are said once again.
    """
    query = (
        sa.select(*(table.c[name] for name in FIELDS), table.c.position, table.c.revision, consolidations.c.source_ids)
        .outerjoin_from(table, consolidations, consolidations.c.memory_id == table.c.id)
        .where(table.c.workspace_id == workspace_id, table.c.deleted_at.is_(None), IN_RECALL)
        .where(table.c.expires_at.is_(None), table.c.pinned_at.is_(None))
        .order_by(table.c.revision)
        .limit(PAGE)
    )
    async with db.read() as connection:
        undone_ids = await runs.read_undone_ids(connection, workspace_id)
    candidates: list[tuple[int, GroupCandidate]] = []
    merged: list[tuple[int, Memory]] = []
    after = 0
    while True:
        async with db.read() as connection:
            rows = (await connection.execute(query.where(table.c.revision > after))).all()
        plain, of_page = await asyncio.to_thread(_read_page, [row for row in rows if row.id not in undone_ids])
        candidates += plain
        merged += of_page
        if len(rows) < PAGE:
            break
        after = rows[-1].revision
    async with db.read() as connection:
        leaves = await read_leaves(connection, [memory.id for _, memory in merged])
    said = await asyncio.to_thread(find_merged_repeats, [memory for _, memory in merged], leaves)
    for position, memory in merged:
        if memory.id in said:
            key = make_repeat_key(said[memory.id][0])
            candidates.append((position, _make_candidate(memory.model_copy(update={"tags": []}), key)))
    return [candidate for _, candidate in sorted(candidates, key=lambda pair: pair[0])], said


def _read_page(rows: Sequence[sa.Row[Any]]) -> tuple[list[tuple[int, GroupCandidate]], list[tuple[int, Memory]]]:
    """Return the plain memories of some rows as candidates, and the merged ones that may be of repeats."""
    plain: list[tuple[int, GroupCandidate]] = []
    merged: list[tuple[int, Memory]] = []
    for row in rows:
        memory = memory_from_row(row[: len(FIELDS)])
        if row.source_ids is None:
            plain.append((row.position, _make_candidate(memory, make_repeat_key(memory))))
        elif may_be_repeats(memory.content):
            merged.append((row.position, memory))
    return plain, merged


def _make_candidate(memory: Memory, repeat_key: Hashable | None) -> GroupCandidate:
    place = memory.scope, memory.project, memory.task
    return GroupCandidate(memory.id, memory.tags, *place, memory.type, memory.created_at, repeat_key)
