"""Consolidation: carrying out a merge plan in one transaction, and then projecting the workspace once.

No memory is lost: the sources stay in the record, hidden from recall, and `runs.undo_run` brings them back. If a source
changed between the plan and the transaction, its whole group is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.merging import grouping
from server.memory.merging.merged_memory import MOST_BYTES, are_repeats, merge_memories, render_summary
from server.network.llm import Llm
from server.store.consolidation import runs
from server.store.consolidation.merge_plan import Merge, MergePlan, Rule, plan_merges, read_sources
from server.store.consolidation.runs import Method, RunKind
from server.store.consolidation.steps import split_into_steps
from server.store.consolidation.summaries import summarize_texts
from server.store.db import Database
from server.store.embedding.encoder import Encoder
from server.store.projection.projection import Projection
from server.store.record import images, memories, vectors
from server.store.record.erasure.tombstones import Tombstones
from server.store.record.journal import Actor, journal_memories
from server.store.record.relations.followers import renew_followers
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import memories as table

#: The number of merged texts up to which their vectors are made before the transaction. If there are more, the
#: background work fills in all of them afterwards.
MOST_EMBEDDED = 64
#: The number of summaries that one run asks a language model for.
MOST_SUMMARIES = 100
#: The number of failures in a row after which a run asks the language model for no more summaries.
PATIENCE = 2


class NotActive(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """These ids are not ids of active memories of the workspace. `left` is the number of the other ids."""

    def __init__(self, ids: Sequence[str], left: int) -> None:
        super().__init__(", ".join(ids))
        self.ids = ids
        self.left = left


class SummaryTooLong(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The summary of a group would have `size` bytes, more than a memory may have."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class ChangedMeanwhile(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """A memory of the group changed between the plan and the transaction. Nothing was merged."""


@dataclass(frozen=True, slots=True)
class ConsolidationDeps:
    """The collaborators of a consolidation.

    Without an encoder, the vectors are filled in later. Without a language model, the summaries are by template.
    """

    db: Database
    projection: Projection
    encoder: Encoder | None = None
    llm: Llm | None = None
    #: What stays forgotten; None if nothing does.
    tombstones: Tombstones | None = None


@dataclass(frozen=True, slots=True)
class ConsolidationResult:
    """The merges that were carried out. If `run_id` is None, nothing was changed: they are the merges of the plan."""

    state: Literal["done", "stopped", "nothing", "planned"]
    plan: MergePlan
    run_id: str | None = None
    indexed: bool = True


async def consolidate_workspace(
    deps: ConsolidationDeps,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    *,
    kind: RunKind = "auto",
    rule: Rule = "tags",
    share: float | None = None,
    is_dry: bool = False,
) -> ConsolidationResult:
    """Merge the memories that belong together in a workspace, unless they are too large a part of it.

    Args:
        deps: the collaborators.
        workspace_id: the workspace.
        actor: the user or the work that asks for it.
        now: the time of the run.
        kind: the reason of the run.
        rule: the memories that belong together.
        share: the largest part of the workspace that may change, from 0 to 1. None means half of it, and then a small
            number of memories may always change.
        is_dry: return the plan and change nothing.
    """
    plan = await plan_merges(deps.db, workspace_id, now, rule)
    if not plan.merges:
        return ConsolidationResult("nothing", plan)
    if is_dry:
        return ConsolidationResult("planned", plan)
    if grouping.is_too_much(plan.sources, plan.active, share):
        return ConsolidationResult("stopped", plan)
    plan = replace(plan, merges=await _add_summaries(deps.llm, plan.merges))
    return await carry_out_merges(deps, workspace_id, actor, now, plan, kind)


async def consolidate_group(
    deps: ConsolidationDeps,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    ids: Sequence[str],
    *,
    content: str | None = None,
    kind: str | None = None,
    tags: Sequence[str] = (),
) -> ConsolidationResult:
    """Merge exactly these memories. If `content` is None, the text is a summary.

    Raises:
        NotActive: some of the ids are not ids of active memories.
        SummaryTooLong: the summary by the template has more bytes than a memory may have.
        ChangedMeanwhile: one of the memories changed between the plan and the transaction.
    """
    read = await read_sources(deps.db, workspace_id, ids, now)
    if missing := [memory_id for memory_id in ids if memory_id not in read.memories]:
        raise NotActive(missing, len(read.memories))
    sources = [read.memories[memory_id] for memory_id in ids]
    text = content or render_summary(sources)
    result = merge_memories(sources, new_id(now), now, text, kind=kind, tags=tags, is_new=content is not None)
    method: Method = "agent" if content else "template"
    merge = Merge(sources, [read.revisions[memory_id] for memory_id in ids], result, method)
    if content is None and not are_repeats(sources):
        merge = await summarize_merge(deps.llm, merge)
    if (size := len(merge.result.content.encode())) > MOST_BYTES:
        raise SummaryTooLong(size)
    plan = MergePlan(len(sources), [merge])
    outcome = await carry_out_merges(deps, workspace_id, actor, now, plan, "group")
    if outcome.state == "nothing":
        raise ChangedMeanwhile
    return outcome


async def _add_summaries(llm: Llm | None, merges: Sequence[Merge]) -> list[Merge]:
    """Return the merges with a language model's summaries, as far as there is a model and it answers."""
    summarized, failures = list(merges), 0
    wanted = [(index, merge) for index, merge in enumerate(merges) if not merge.is_repeat]
    for index, merge in wanted[:MOST_SUMMARIES]:
        if failures < PATIENCE:
            summarized[index] = await summarize_merge(llm, merge)
            failures = 0 if summarized[index].method == "ai" else failures + 1
    return summarized


async def summarize_merge(llm: Llm | None, merge: Merge) -> Merge:
    """Return the merge with a language model's summary, or the same merge if there is no usable summary."""
    text = None if llm is None else await summarize_texts(llm, [source.content for source in merge.sources])
    if text is None or len(text.encode()) > MOST_BYTES or "\x00" in text:
        return merge
    result = merge.result.model_copy(update={"content": text})
    return replace(merge, result=result, method="ai", template_summary=merge.result.content)


async def carry_out_merges(
    deps: ConsolidationDeps, workspace_id: str, actor: Actor, now: datetime, plan: MergePlan, kind: RunKind
) -> ConsolidationResult:
    """Carry out a plan in one transaction, without the merges whose sources have changed; then project once."""
    texts = [merge.result.content for merge in plan.merges]
    windows = None
    if deps.encoder is not None and len(texts) <= MOST_EMBEDDED:
        windows = await deps.encoder.embed_documents(texts)
    run_id = new_id(now)
    async with deps.db.write() as connection:
        try:
            first = await memories.advance_revision(connection, workspace_id, len(texts) + plan.sources, now)
        except WorkspaceGone:
            return ConsolidationResult("nothing", MergePlan(0))
        merges = await _keep_unchanged(connection, plan.merges)
        merges = await _leave_out_forgotten(deps, connection, workspace_id, merges)
        done = replace(plan, merges=merges)
        if not merges:
            return ConsolidationResult("nothing", done)
        await runs.insert_run(connection, run_id, workspace_id, kind, "done", now, done.active, done.sources)
        await _write_merges(connection, workspace_id, actor, now, first, run_id, merges)
        if windows is not None and deps.encoder is not None:
            by_id = {merge.result.id: window for merge, window in zip(plan.merges, windows, strict=True)}
            kept = {merge.result.id: by_id[merge.result.id] for merge in merges}
            await vectors.put_vectors(connection, deps.encoder.generation, kept)
    if windows is None and deps.encoder is not None:
        deps.encoder.filling.note_gaps()
    return ConsolidationResult("done", done, run_id, await deps.projection.project(workspace_id))


async def _leave_out_forgotten(
    deps: ConsolidationDeps, connection: AsyncConnection, workspace_id: str, merges: list[Merge]
) -> list[Merge]:
    """Return the merges whose texts were not erased before."""
    if deps.tombstones is None:
        return merges
    texts = [merge.result.content for merge in merges]
    forgotten = await deps.tombstones.find_texts(connection, workspace_id, texts)
    return [merge for place, merge in enumerate(merges) if place not in forgotten]


async def _write_merges(
    connection: AsyncConnection,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    first: int,
    run_id: str,
    merges: Sequence[Merge],
) -> None:
    """Write the merged memories and then their sources. Each gets its own revision, from `first` on."""
    revision = first
    for step in split_into_steps(merges):
        await memories.insert_memories(connection, workspace_id, actor, revision, [merge.result for merge in step])
        entries = [(merge.result.id, None, merge.result.model_dump(mode="json")) for merge in step]
        await journal_memories(connection, workspace_id, actor, now, revision, entries)
        rows = [
            {
                "memory_id": merge.result.id,
                "run_id": run_id,
                "revision": revision + index,
                "source_ids": [source.id for source in merge.sources],
                "method": merge.method,
                "template_summary": merge.template_summary,
            }
            for index, merge in enumerate(step)
        ]
        await connection.execute(sa.insert(consolidations), rows)
        for merge in step:
            if merge.result.images:
                await images.copy_pictures(connection, merge.result.id, merge.sources)
        revision += len(step)
    for step in split_into_steps([(source, merge.result.id) for merge in merges for source in merge.sources]):
        await runs.mark_sources(connection, workspace_id, actor, now, revision, step)
        revision += len(step)
    for merge in merges:
        for source in merge.sources:
            if source.session is not None:  # those after it are found beside the merged one from now on
                await renew_followers(connection, workspace_id, source.id, now)


async def _keep_unchanged(connection: AsyncConnection, merges: Sequence[Merge]) -> list[Merge]:
    """Return the merges whose sources still have the revisions of the plan.

    The transaction holds the workspace, so the sources do not change before it ends.
    """
    expected = {s.id: revision for merge in merges for s, revision in zip(merge.sources, merge.revisions, strict=True)}
    current: dict[str, int] = {}
    for ids in split_into_steps(list(expected)):
        query = sa.select(table.c.id, table.c.revision).where(table.c.id.in_(ids))
        current |= {row.id: row.revision for row in await connection.execute(query)}
    return [merge for merge in merges if all(current.get(s.id) == expected[s.id] for s in merge.sources)]
