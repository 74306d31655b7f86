"""Merging memories that belong together: planned from what is there, written in one transaction, projected once.

Nothing is lost by it: the sources stay in the record, hidden from recall, and `runs.undo_run` brings them
back. A source that changed between plan and transaction is left alone, with all of its group.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory import grouping
from server.memory.grouping import GroupCandidate
from server.memory.merging import MOST_BYTES, merge_memories, render_template, split_group
from server.memory.models import Memory
from server.store.consolidation import runs
from server.store.consolidation.llm import Llm
from server.store.consolidation.near_duplicates import find_near_duplicates
from server.store.consolidation.runs import Kind, Method
from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.projection.projection import Projection
from server.store.record import memories, vectors
from server.store.record.journal import Actor, journal_memories
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories as table

#: How many rows are read or written at a time; between two, others have their turn.
STEP = 200
PAGE = 2_000
#: Of how many merged texts the vectors are made at once; those of more are filled in afterwards.
EMBEDDED = 64
#: How many summaries one run asks a language model for, and after how many failures in a row it asks no more.
SUMMARIES, PATIENCE = 100, 2


class NotActive(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """These ids are not those of active memories of the workspace. `left` is how many of the others are."""

    def __init__(self, ids: Sequence[str], left: int) -> None:
        super().__init__(", ".join(ids))
        self.ids = ids
        self.left = left


class SummaryTooLong(Exception):  # noqa: N818 - as above
    """The summary of a group would have `size` bytes, more than a memory may have."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class ChangedMeanwhile(Exception):  # noqa: N818 - as above
    """A memory of the group changed between the plan and the transaction. Nothing was merged."""


@dataclass(frozen=True, slots=True)
class ConsolidationDeps:
    """What a consolidation works with. Without an encoder vectors are filled in later; without a model, by template."""

    db: Database
    projection: Projection
    encoder: Encoder | None = None
    llm: Llm | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """Some memories, each with the revision at which it was read, and the one that takes their place."""

    sources: Sequence[Memory]
    revisions: Sequence[int]
    result: Memory
    method: Method
    template_summary: str | None = None


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a run would do in a workspace with so many active memories."""

    active: int
    merges: Sequence[Merge] = ()

    @property
    def sources(self) -> int:
        """How many memories would be merged into others."""
        return sum(len(each.sources) for each in self.merges)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did, or, with no `run_id`, would do."""

    state: Literal["done", "stopped", "nothing", "planned"]
    plan: MergePlan
    run_id: str | None = None
    indexed: bool = True


@dataclass(slots=True)
class _Read:
    """Memories by id, and their revisions."""

    memories: dict[str, Memory] = field(default_factory=dict[str, Memory])
    revisions: dict[str, int] = field(default_factory=dict[str, int])


async def plan_merges(db: Database, workspace_id: str, now: datetime) -> MergePlan:
    """What belongs together in a workspace, merged by template. Changes nothing."""
    async with db.read() as connection:
        active = (await memories.count_memories(connection, workspace_id, now))["active"]
    candidates = await _list_candidates(db, workspace_id)
    near = await find_near_duplicates(db, workspace_id, [each.id for each in candidates])
    found = await asyncio.to_thread(grouping.find_groups, candidates, near)
    read = await _read_sources(db, workspace_id, [each for ids in found for each in ids], now)
    merges: list[Merge] = []
    for ids in found:
        await asyncio.sleep(0)
        if all(each in read.memories for each in ids):  # else one changed just now
            pieces = split_group([read.memories[each] for each in ids])
            merges += [plan_merge(piece, [read.revisions[each.id] for each in piece], now) for piece in pieces]
    return MergePlan(active, merges)


def plan_merge(sources: Sequence[Memory], revisions: Sequence[int], now: datetime) -> Merge:
    """Some memories merged by template."""
    result = merge_memories(sources, new_id(now), now, render_template(sources))
    return Merge(sources, revisions, result, "template")


async def consolidate_workspace(
    means: ConsolidationDeps,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    *,
    kind: Kind = "auto",
    share: float | None = None,
    dry: bool = False,
) -> Outcome:
    """Merge what belongs together in a workspace, unless that is too much of it.

    Args:
        means: what to work with.
        workspace_id: the workspace.
        actor: who does it.
        now: when.
        kind: whether somebody asked for it.
        share: how large a part of the workspace may change; None for half, and then a few memories always may.
        dry: whether only to say what would be done.
    """
    planned = await plan_merges(means.db, workspace_id, now)
    if not planned.merges:
        return Outcome("nothing", planned)
    if dry:
        return Outcome("planned", planned)
    if grouping.is_too_much(planned.sources, planned.active, share):
        return Outcome("stopped", planned)
    return await carry_out_merges(
        means, workspace_id, actor, now, replace(planned, merges=await _add_summaries(means, planned)), kind
    )


async def consolidate_group(
    means: ConsolidationDeps,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    ids: Sequence[str],
    *,
    content: str | None = None,
    kind: str | None = None,
    tags: Sequence[str] = (),
) -> Outcome:
    """Merge exactly these memories, into the text that is given, or a summary.

    Raises:
        NotActive: some of the ids are not those of active memories.
        SummaryTooLong: the summary by the template has more bytes than a memory may have.
        ChangedMeanwhile: one of the memories changed between the plan and the transaction.
    """
    read = await _read_sources(means.db, workspace_id, ids, now)
    if missing := [each for each in ids if each not in read.memories]:
        raise NotActive(missing, len(read.memories))
    sources = [read.memories[each] for each in ids]
    text = content or render_template(sources)
    result = merge_memories(sources, new_id(now), now, text, kind=kind, tags=tags)
    method: Method = "agent" if content else "template"
    only = Merge(sources, [read.revisions[each] for each in ids], result, method)
    if content is None:
        only = await summarize_merge(means.llm, only)
    if (size := len(only.result.content.encode())) > MOST_BYTES:
        raise SummaryTooLong(size)
    outcome = await carry_out_merges(means, workspace_id, actor, now, MergePlan(len(sources), [only]), "group")
    if outcome.state == "nothing":
        raise ChangedMeanwhile
    return outcome


async def _add_summaries(means: ConsolidationDeps, planned: MergePlan) -> list[Merge]:
    """The merges, with a language model's summaries where there is one and it answers."""
    told, failures = list(planned.merges), 0
    for index, each in enumerate(told[:SUMMARIES]):
        if failures < PATIENCE:
            told[index] = await summarize_merge(means.llm, each)
            failures = 0 if told[index].method == "ai" else failures + 1
    return told


async def summarize_merge(llm: Llm | None, each: Merge) -> Merge:
    """A merge with a language model's summary; as it was where there is none."""
    text = None if llm is None else await llm.summarize([source.content for source in each.sources])
    if text is None or len(text.encode()) > MOST_BYTES or "\x00" in text:
        return each
    result = each.result.model_copy(update={"content": text})
    return replace(each, result=result, method="ai", template_summary=each.result.content)


async def carry_out_merges(
    means: ConsolidationDeps, workspace_id: str, actor: Actor, now: datetime, planned: MergePlan, kind: Kind
) -> Outcome:
    """Do what was planned: one transaction, one projection. A merge whose sources changed since is left out."""
    texts = [each.result.content for each in planned.merges]
    windows = None
    if means.encoder is not None and len(texts) <= EMBEDDED:
        windows = await means.encoder.embed_documents(texts)
    run_id = new_id(now)
    async with means.db.write() as connection:
        try:
            first = await memories.advance_revision(connection, workspace_id, len(texts) + planned.sources, now)
        except WorkspaceGone:
            return Outcome("nothing", MergePlan(0))
        merges = await _keep_unchanged(connection, planned.merges)
        done = replace(planned, merges=merges)
        if not merges:
            return Outcome("nothing", done)
        await runs.insert_run(connection, run_id, workspace_id, kind, "done", now, done.active, done.sources)
        await _write_merges(connection, workspace_id, actor, now, first, run_id, merges)
        if windows is not None and means.encoder is not None:
            by_id = {each.result.id: window for each, window in zip(planned.merges, windows, strict=True)}
            kept = {each.result.id: by_id[each.result.id] for each in merges}
            await vectors.put_vectors(connection, means.encoder.generation, kept)
    if windows is None and means.encoder is not None:
        means.encoder.filling.note_gaps()
    return Outcome("done", done, run_id, await means.projection.project(workspace_id))


async def _write_merges(
    connection: AsyncConnection,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    first: int,
    run_id: str,
    merges: Sequence[Merge],
) -> None:
    """The merged memories, then their sources, each with a revision of its own from `first` on."""
    for start in range(0, len(merges), STEP):
        some, revision = merges[start : start + STEP], first + start
        await memories.insert_memories(connection, workspace_id, revision, [each.result for each in some])
        entries = [(each.result.id, None, each.result.model_dump(mode="json")) for each in some]
        await journal_memories(connection, workspace_id, actor, now, revision, entries)
        rows = [
            {
                "memory_id": each.result.id,
                "run_id": run_id,
                "revision": revision + step,
                "source_ids": [source.id for source in each.sources],
                "method": each.method,
                "template_summary": each.template_summary,
            }
            for step, each in enumerate(some)
        ]
        await connection.execute(sa.insert(consolidations), rows)
    sources = [(source, each.result.id) for each in merges for source in each.sources]
    for start in range(0, len(sources), STEP):
        some, revision = sources[start : start + STEP], first + len(merges) + start
        await runs.mark_sources(connection, workspace_id, actor, now, revision, some)


async def _keep_unchanged(connection: AsyncConnection, merges: Sequence[Merge]) -> list[Merge]:
    """Those whose sources are all as they were read; the workspace is held, so they stay so."""
    expected = {s.id: revision for each in merges for s, revision in zip(each.sources, each.revisions, strict=True)}
    ids, now = list(expected), dict[str, int]()
    for start in range(0, len(ids), STEP):
        query = sa.select(table.c.id, table.c.revision).where(table.c.id.in_(ids[start : start + STEP]))
        now |= {row.id: row.revision for row in await connection.execute(query)}
    return [each for each in merges if all(now.get(s.id) == expected[s.id] for s in each.sources)]


async def _list_candidates(db: Database, workspace_id: str) -> list[GroupCandidate]:
    """The memories that may be merged by themselves, oldest first.

    Not those that expire, which would then live on in another; not what was merged before, or texts would grow in
    texts; not what somebody took apart again.
    """
    columns = (table.c.id, table.c.tags, table.c.scope, table.c.project, table.c.task, table.c.position)
    made = sa.exists().where(consolidations.c.memory_id == table.c.id)
    every = (
        sa.select(*columns, table.c.revision)
        .where(table.c.workspace_id == workspace_id, table.c.deleted_at.is_(None), table.c.consolidated.is_(False))
        .where(table.c.expires_at.is_(None), ~made)
        .order_by(table.c.revision)
        .limit(PAGE)
    )
    async with db.read() as connection:
        apart = await runs.read_undone_ids(connection, workspace_id)
    found: list[tuple[int, GroupCandidate]] = []
    after = 0
    while True:
        async with db.read() as connection:
            rows = (await connection.execute(every.where(table.c.revision > after))).all()
        found += [(row.position, GroupCandidate(*row[:5])) for row in rows if row.id not in apart]
        if len(rows) < PAGE:
            return [each for _, each in sorted(found, key=lambda pair: pair[0])]
        after = rows[-1].revision


async def _read_sources(db: Database, workspace_id: str, ids: Sequence[str], now: datetime) -> _Read:
    """The active ones of these memories whole, a step at a time."""
    read = _Read()
    columns = [*(table.c[name] for name in FIELDS), table.c.revision, table.c.workspace_id]
    active = sa.select(*columns).where(
        table.c.deleted_at.is_(None),
        table.c.consolidated.is_(False),
        sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now),
    )
    for start in range(0, len(ids), STEP):
        async with db.read() as connection:
            rows = (await connection.execute(active.where(table.c.id.in_(ids[start : start + STEP])))).all()
        for row in rows:
            if row.workspace_id != workspace_id:  # asked for beside a list of ids, SQLite reads all of the workspace
                continue
            read.memories[row.id] = memory_from_row(row[: len(FIELDS)])
            read.revisions[row.id] = row.revision
    return read
