"""What was merged, when and how; and taking it apart again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.store.db import Database
from server.store.record import memories
from server.store.record.journal import Actor, journal_memories
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.lifecycle import consolidation_runs, consolidations
from server.store.tables.memories import journal
from server.store.tables.memories import memories as table

Kind = Literal["auto", "nightly", "group"]
Method = Literal["ai", "template", "agent"]
State = Literal["done", "stopped", "undone", "partly undone"]

STEP = 200
#: A memory's fields that are no part of what it says.
NOT_SAID = frozenset(
    {"relevance", "access_count", "last_accessed_at", "updated_at", "consolidated", "consolidated_into"}
)


class RunNotFound(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The workspace has no run with this id."""


class NothingToUndo(Exception):  # noqa: N818 - as above
    """No part of a run can be undone, for these reasons; without one, because it was undone before."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Run:
    """A run, and what of it still stands."""

    id: str
    kind: Kind
    state: State
    at: datetime
    active: int
    sources: int
    merged: int
    undone: int
    by_ai: int


@dataclass(slots=True)
class Undone:
    """What an undo brought back and removed, and why it left some as they are: id → reason."""

    restored: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    kept: dict[str, str] = field(default_factory=dict[str, str])


async def insert_run(
    connection: AsyncConnection,
    run_id: str,
    workspace_id: str,
    kind: Kind,
    state: Literal["done", "stopped"],
    now: datetime,
    active: int,
    sources: int,
) -> None:
    """Note a run."""
    values = {"id": run_id, "workspace_id": workspace_id, "kind": kind, "state": state, "at": now}
    await connection.execute(sa.insert(consolidation_runs).values(**values, active=active, sources=sources))


async def list_runs(connection: AsyncConnection, workspace_id: str, limit: int) -> list[Run]:
    """A workspace's runs, newest first."""
    run, each = consolidation_runs.c, consolidations.c
    query = (
        sa.select(
            *(run.id, run.kind, run.state, run.at, run.active, run.sources),
            sa.func.count(each.memory_id).label("merged"),
            sa.func.count(each.undone_at).label("undone"),
            sa.func.count(each.memory_id).filter(each.method == "ai").label("by_ai"),
        )
        .outerjoin_from(consolidation_runs, consolidations, each.run_id == run.id)
        .where(run.workspace_id == workspace_id)
        .group_by(run.id)
        .order_by(run.id.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    states: list[State] = [_state_of_run(row.state, row.merged, row.undone) for row in rows]
    return [
        Run(row.id, row.kind, state, row.at, row.active, row.sources, row.merged, row.undone, row.by_ai)
        for row, state in zip(rows, states, strict=True)
    ]


def _state_of_run(state: State, merged: int, undone: int) -> State:
    if not undone:
        return state
    return "undone" if undone == merged else "partly undone"


async def read_undone_ids(connection: AsyncConnection, workspace_id: str) -> set[str]:
    """The memories that were brought back by an undo."""
    query = (
        sa.select(consolidations.c.source_ids)
        .join(consolidation_runs, consolidation_runs.c.id == consolidations.c.run_id)
        .where(consolidation_runs.c.workspace_id == workspace_id, consolidations.c.undone_at.is_not(None))
    )
    return {each for ids in (await connection.execute(query)).scalars() for each in ids}


async def mark_sources(
    connection: AsyncConnection,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    revision: int,
    some: Sequence[tuple[Memory, str | None]],
) -> None:
    """Say of memories, with the revisions from `revision` on, what they were merged into, or that they are not."""
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("memory"))
        .values(
            revision=sa.bindparam("at"), consolidated=sa.bindparam("is_merged"), consolidated_into=sa.bindparam("into")
        )
    )
    rows: list[dict[str, Any]] = []
    changes: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for step, (memory, into) in enumerate(some):
        is_merged = into is not None
        rows.append({"memory": memory.id, "at": revision + step, "is_merged": is_merged, "into": into})
        before = memory.model_dump(mode="json")
        changes.append((memory.id, before, before | {"consolidated": int(is_merged), "consolidated_into": into}))
    await connection.execute(statement, rows)
    await journal_memories(connection, workspace_id, actor, now, revision, changes)


async def undo_run(db: Database, workspace_id: str, run_id: str, actor: Actor, now: datetime) -> Undone:
    """Bring a run's sources back and remove what they were merged into, in one transaction; the caller projects.

    A merged memory that was changed, deleted or merged since is left as it is, with its sources. A source that was
    deleted since stays deleted.

    Raises:
        RunNotFound: the workspace has no such run.
        NothingToUndo: no part of the run can be undone.
    """
    undone = Undone()
    async with db.write() as connection:
        try:
            await memories.advance_revision(connection, workspace_id, 0, now)  # holds the workspace
        except WorkspaceGone:
            raise RunNotFound(run_id) from None
        revisions = await _read_standing(connection, workspace_id, run_id)
        undone.kept = await _find_changes(connection, workspace_id, revisions)
        undone.removed = [each for each in revisions if each not in undone.kept]
        if not undone.removed:
            raise NothingToUndo(sorted(set(undone.kept.values())))
        sources = await _ids_of_sources(connection, undone.removed)
        undone.restored = sources
        first = await memories.advance_revision(connection, workspace_id, len(sources) + len(undone.removed), now)
        for start in range(0, len(sources), STEP):
            some = await _read_memories(connection, sources[start : start + STEP])
            await mark_sources(connection, workspace_id, actor, now, first + start, [(each, None) for each in some])
        await _remove_merged(connection, workspace_id, actor, now, first + len(sources), undone.removed)
        for each in undone.removed:
            await memories.renew_followers(connection, workspace_id, each, now)
    return undone


async def _read_standing(connection: AsyncConnection, workspace_id: str, run_id: str) -> dict[str, int]:
    """What a run merged and nobody took apart: memory id → the revision at which it was made."""
    here = sa.select(consolidation_runs.c.id).where(
        consolidation_runs.c.id == run_id, consolidation_runs.c.workspace_id == workspace_id
    )
    if (await connection.execute(here)).scalar_one_or_none() is None:
        raise RunNotFound(run_id)
    query = sa.select(consolidations.c.memory_id, consolidations.c.revision).where(
        consolidations.c.run_id == run_id, consolidations.c.undone_at.is_(None)
    )
    rows = await connection.execute(query.order_by(consolidations.c.revision))
    return {row.memory_id: row.revision for row in rows}


async def _find_changes(connection: AsyncConnection, workspace_id: str, revisions: dict[str, int]) -> dict[str, str]:
    """Which of these memories do not say what they said when they were made, or are not there, and why."""
    changed: dict[str, str] = {}
    for ids in _steps(list(revisions)):
        made = sa.select(journal.c.memory_id, journal.c.after).where(
            journal.c.workspace_id == workspace_id,
            journal.c.revision.in_([revisions[each] for each in ids]),
        )
        rows = await connection.execute(made)
        before: dict[str, dict[str, Any]] = {row.memory_id: row.after or {} for row in rows}
        query = sa.select(*(table.c[name] for name in FIELDS), table.c.deleted_at).where(table.c.id.in_(ids))
        for row in await connection.execute(query):
            if row.deleted_at is not None:
                changed[row.id] = "the merged memory was deleted since"
            elif row.consolidated:
                changed[row.id] = "it was merged into another one since; undo that run first"
            elif _text_fields(before[row.id]) != _text_fields(
                memory_from_row(row[: len(FIELDS)]).model_dump(mode="json")
            ):
                changed[row.id] = "the merged memory was changed since"
    return changed


def _text_fields(memory: dict[str, Any]) -> dict[str, Any]:
    """What somebody says in a memory, without what is counted and noted about it."""
    return {name: value for name, value in memory.items() if name not in NOT_SAID}


async def _ids_of_sources(connection: AsyncConnection, merged: Sequence[str]) -> list[str]:
    """What these memories were made of and still stands behind them, oldest first."""
    found: list[tuple[int, str]] = []
    for some in _steps(merged):
        query = sa.select(consolidations.c.source_ids).where(consolidations.c.memory_id.in_(some))
        ids = [each for made_of in (await connection.execute(query)).scalars() for each in made_of]
        for step in _steps(ids):
            here = sa.select(table.c.position, table.c.id).where(table.c.id.in_(step), table.c.deleted_at.is_(None))
            rows = await connection.execute(here.where(table.c.consolidated_into.in_(some)))
            found += [(row.position, row.id) for row in rows]
    return [memory_id for _, memory_id in sorted(found)]


async def _read_memories(connection: AsyncConnection, ids: Sequence[str]) -> list[Memory]:
    query = sa.select(*(table.c[name] for name in FIELDS)).where(table.c.id.in_(ids))
    return [memory_from_row(row) for row in await connection.execute(query)]


async def _remove_merged(
    connection: AsyncConnection, workspace_id: str, actor: Actor, now: datetime, first: int, merged: Sequence[str]
) -> None:
    for step, ids in enumerate(_steps(merged)):
        revision = first + step * STEP
        some = await _read_memories(connection, ids)
        rows = [{"merged": each.id, "at": revision + i} for i, each in enumerate(some)]
        statement = sa.update(table).where(table.c.id == sa.bindparam("merged"))
        await connection.execute(statement.values(revision=sa.bindparam("at"), deleted_at=now), rows)
        changes = [(each.id, each.model_dump(mode="json"), None) for each in some]
        await journal_memories(connection, workspace_id, actor, now, revision, changes)
        done = sa.update(consolidations).where(consolidations.c.memory_id.in_(ids))
        await connection.execute(done.values(undone_at=now))


def _steps(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + STEP] for start in range(0, len(ids), STEP))
