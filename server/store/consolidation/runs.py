"""The runs of consolidation: their rows, the marks on their sources, and the undo of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.store.consolidation.steps import split_into_steps
from server.store.db import Database
from server.store.record import memories
from server.store.record.journal import Actor, journal_memories
from server.store.record.memories import FIELDS, memory_from_row, renew_superseded
from server.store.record.relations import superseding
from server.store.record.relations.followers import renew_followers
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.lifecycle import consolidation_runs, consolidations
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table

#: The reason of a run: a user asked for it, the night came, or a user named the memories.
RunKind = Literal["auto", "nightly", "group"]
#: The author of a merged memory's text: a language model, the template, or the agent that sent it.
Method = Literal["ai", "template", "agent"]
RunState = Literal["done", "stopped", "undone", "partly undone"]

#: The fields that Loci counts and notes about a memory. The others come from its author, and an undo compares them.
UNAUTHORED_FIELDS = frozenset(
    {"relevance", "access_count", "last_accessed_at", "updated_at", "consolidated", "consolidated_into"}
    | {"superseded_by", "superseded_at", "repeats", "repeated_at"}
)


class RunNotFound(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The workspace has no run with this id."""


class NothingToUndo(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """No part of a run can be undone, for these reasons. If there are none, the run was undone before."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class ConsolidationRun:
    """A run, with the number of its merges and the number of those that were undone."""

    id: str
    kind: RunKind
    state: RunState
    at: datetime
    active: int
    sources: int
    merged: int
    undone: int
    by_ai: int


@dataclass(slots=True)
class UndoResult:
    """The sources that an undo brought back, the merged memories that it removed, and those it kept: id → reason."""

    restored: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    kept: dict[str, str] = field(default_factory=dict[str, str])


async def insert_run(
    connection: AsyncConnection,
    run_id: str,
    workspace_id: str,
    kind: RunKind,
    state: Literal["done", "stopped"],
    now: datetime,
    active: int,
    sources: int,
) -> None:
    """Insert the row of a run."""
    values = {"id": run_id, "workspace_id": workspace_id, "kind": kind, "state": state, "at": now}
    await connection.execute(sa.insert(consolidation_runs).values(**values, active=active, sources=sources))


async def list_runs(connection: AsyncConnection, workspace_id: str, limit: int) -> list[ConsolidationRun]:
    """Return the newest runs of a workspace, newest first."""
    run, merge = consolidation_runs.c, consolidations.c
    query = (
        sa.select(
            *(run.id, run.kind, run.state, run.at, run.active, run.sources),
            sa.func.count(merge.memory_id).label("merged"),
            sa.func.count(merge.undone_at).label("undone"),
            sa.func.count(merge.memory_id).filter(merge.method == "ai").label("by_ai"),
        )
        .outerjoin_from(consolidation_runs, consolidations, merge.run_id == run.id)
        .where(run.workspace_id == workspace_id)
        .group_by(run.id)
        .order_by(run.id.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    states: list[RunState] = [_judge_state(row.state, row.merged, row.undone) for row in rows]
    return [
        ConsolidationRun(row.id, row.kind, state, row.at, row.active, row.sources, row.merged, row.undone, row.by_ai)
        for row, state in zip(rows, states, strict=True)
    ]


def _judge_state(state: RunState, merged: int, undone: int) -> RunState:
    if not undone:
        return state
    return "undone" if undone == merged else "partly undone"


async def read_undone_ids(connection: AsyncConnection, workspace_id: str) -> set[str]:
    """Return the ids of the sources of all merges that were undone."""
    query = (
        sa.select(consolidations.c.source_ids)
        .join(consolidation_runs, consolidation_runs.c.id == consolidations.c.run_id)
        .where(consolidation_runs.c.workspace_id == workspace_id, consolidations.c.undone_at.is_not(None))
    )
    return {source_id for ids in (await connection.execute(query)).scalars() for source_id in ids}


async def mark_sources(
    connection: AsyncConnection,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    revision: int,
    marks: Sequence[tuple[Memory, str | None]],
) -> None:
    """Mark each memory as merged into another one, or as not merged if the id is None.

    Each memory gets its own revision, from `revision` on.
    """
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("memory"))
        .values(
            revision=sa.bindparam("at"), consolidated=sa.bindparam("is_merged"), consolidated_into=sa.bindparam("into")
        )
    )
    rows: list[dict[str, Any]] = []
    changes: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for index, (memory, into) in enumerate(marks):
        is_merged = into is not None
        rows.append({"memory": memory.id, "at": revision + index, "is_merged": is_merged, "into": into})
        before = memory.model_dump(mode="json")
        changes.append((memory.id, before, before | {"consolidated": int(is_merged), "consolidated_into": into}))
    await connection.execute(statement, rows)
    await journal_memories(connection, workspace_id, actor, now, revision, changes)


async def undo_run(db: Database, workspace_id: str, run_id: str, actor: Actor, now: datetime) -> UndoResult:
    """Bring the sources of a run back and remove its merged memories, in one transaction. The caller projects.

    A merged memory that was changed, deleted or merged since then is left as it is, with its sources. A source that was
    deleted since then stays deleted.

    Raises:
        RunNotFound: the workspace has no such run.
        NothingToUndo: no part of the run can be undone.
    """
    undone = UndoResult()
    async with db.write() as connection:
        try:
            await memories.advance_revision(connection, workspace_id, 0, now)  # locks the workspace
        except WorkspaceGone:
            raise RunNotFound(run_id) from None
        revisions = await _read_merged_revisions(connection, workspace_id, run_id)
        undone.kept = await _find_changes(connection, workspace_id, revisions)
        undone.removed = [memory_id for memory_id in revisions if memory_id not in undone.kept]
        if not undone.removed:
            raise NothingToUndo(sorted(set(undone.kept.values())))
        sources = await _list_source_ids(connection, undone.removed)
        undone.restored = sources
        first = await memories.advance_revision(connection, workspace_id, len(sources) + len(undone.removed), now)
        revision = first
        for ids in split_into_steps(sources):
            restored = await _read_memories(connection, ids)
            await mark_sources(connection, workspace_id, actor, now, revision, [(memory, None) for memory in restored])
            revision += len(ids)
        await _remove_merged(connection, workspace_id, actor, now, revision, undone.removed)
        for memory_id in [*undone.restored, *undone.removed]:
            await renew_followers(connection, workspace_id, memory_id, now)
    return undone


async def _read_merged_revisions(connection: AsyncConnection, workspace_id: str, run_id: str) -> dict[str, int]:
    """Return the merged memories of a run that were not undone: memory id → the revision of the merge."""
    run = sa.select(consolidation_runs.c.id).where(
        consolidation_runs.c.id == run_id, consolidation_runs.c.workspace_id == workspace_id
    )
    if (await connection.execute(run)).scalar_one_or_none() is None:
        raise RunNotFound(run_id)
    query = sa.select(consolidations.c.memory_id, consolidations.c.revision).where(
        consolidations.c.run_id == run_id, consolidations.c.undone_at.is_(None)
    )
    rows = await connection.execute(query.order_by(consolidations.c.revision))
    return {row.memory_id: row.revision for row in rows}


async def _find_changes(connection: AsyncConnection, workspace_id: str, revisions: dict[str, int]) -> dict[str, str]:
    """Return the merged memories that were changed, deleted or merged after their merge: memory id → reason."""
    changed: dict[str, str] = {}
    for ids in split_into_steps(list(revisions)):
        merges = sa.select(journal.c.memory_id, journal.c.after).where(
            journal.c.memory_id.in_(ids),
            journal.c.workspace_id == workspace_id,
            journal.c.revision.in_([revisions[memory_id] for memory_id in ids]),
        )
        rows = await connection.execute(merges)
        before: dict[str, dict[str, Any]] = {row.memory_id: row.after or {} for row in rows}
        query = sa.select(*(table.c[name] for name in FIELDS), table.c.deleted_at).where(table.c.id.in_(ids))
        for row in await connection.execute(query):
            if row.deleted_at is not None:
                changed[row.id] = "the merged memory was deleted since"
            elif row.consolidated:
                changed[row.id] = "it was merged into another one since; undo that run first"
            else:
                now = memory_from_row(row[: len(FIELDS)]).model_dump(mode="json")
                if _pick_authored_fields(before[row.id]) != _pick_authored_fields(now):
                    changed[row.id] = "the merged memory was changed since"
    return changed


def _pick_authored_fields(memory: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in memory.items() if name not in UNAUTHORED_FIELDS}


async def _list_source_ids(connection: AsyncConnection, merged: Sequence[str]) -> list[str]:
    """Return the ids of the sources that are not deleted and are still merged into these memories, oldest first."""
    sources: list[tuple[int, str]] = []
    for merged_ids in split_into_steps(merged):
        query = sa.select(consolidations.c.source_ids).where(consolidations.c.memory_id.in_(merged_ids))
        source_ids = [each for ids in (await connection.execute(query)).scalars() for each in ids]
        for ids in split_into_steps(source_ids):
            kept = sa.select(table.c.position, table.c.id).where(table.c.id.in_(ids), table.c.deleted_at.is_(None))
            rows = await connection.execute(kept.where(table.c.consolidated_into.in_(merged_ids)))
            sources += [(row.position, row.id) for row in rows]
    return [memory_id for _, memory_id in sorted(sources)]


async def _read_memories(connection: AsyncConnection, ids: Sequence[str]) -> list[Memory]:
    query = sa.select(*(table.c[name] for name in FIELDS)).where(table.c.id.in_(ids))
    return [memory_from_row(row) for row in await connection.execute(query)]


async def _remove_merged(
    connection: AsyncConnection, workspace_id: str, actor: Actor, now: datetime, first: int, merged: Sequence[str]
) -> None:
    """Mark merged memories as deleted. Each gets its own revision, from `first` on."""
    revision = first
    for ids in split_into_steps(merged):
        removed = await _read_memories(connection, ids)
        superseded = await superseding.list_superseded_ids(connection, ids)
        rows = [{"merged": memory.id, "at": revision + index} for index, memory in enumerate(removed)]
        statement = sa.update(table).where(table.c.id == sa.bindparam("merged"))
        await connection.execute(statement.values(revision=sa.bindparam("at"), deleted_at=now), rows)
        changes = [(memory.id, memory.model_dump(mode="json"), None) for memory in removed]
        await journal_memories(connection, workspace_id, actor, now, revision, changes)
        merges = sa.update(consolidations).where(consolidations.c.memory_id.in_(ids))
        await connection.execute(merges.values(undone_at=now))
        await renew_superseded(connection, workspace_id, superseded)
        revision += len(ids)
