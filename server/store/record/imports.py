"""Rows of imports: the runs, and the keys by which a second run knows what an earlier one brought."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.db import insert_into
from server.store.tables.imports import import_keys, import_runs
from server.store.tables.memories import memories

#: The memories whose keys are freed by one statement.
_STEP = 500


@dataclass(frozen=True, slots=True)
class ImportRun:
    """One import. `ended_at` is None while it runs, and if it broke off."""

    id: str
    source: str
    imported: int
    skipped: int
    refused: int
    started_at: datetime
    ended_at: datetime | None
    undone_at: datetime | None
    seen_at: datetime | None
    report: dict[str, Any] | None


_RUN = sa.select(*(import_runs.c[name] for name in ImportRun.__slots__))


async def insert_run(connection: AsyncConnection, workspace_id: str, user_id: str, source: str, now: datetime) -> str:
    """Store a new run, and return its id."""
    run_id = new_id(now)
    counts = {"imported": 0, "skipped": 0, "refused": 0}
    values = {"id": run_id, "workspace_id": workspace_id, "user_id": user_id, "source": source, "started_at": now}
    await connection.execute(sa.insert(import_runs).values(values | counts))
    return run_id


async def update_run(connection: AsyncConnection, run_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a run."""
    await connection.execute(sa.update(import_runs).where(import_runs.c.id == run_id).values(**values))


async def find_run(connection: AsyncConnection, workspace_id: str, run_id: str) -> ImportRun | None:
    """Return a run of the workspace, or None if it has none with this id."""
    query = _RUN.where(import_runs.c.id == run_id, import_runs.c.workspace_id == workspace_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else ImportRun(*row)


async def list_runs(connection: AsyncConnection, workspace_id: str, limit: int) -> list[ImportRun]:
    """Return the newest runs of the workspace, newest first."""
    query = _RUN.where(import_runs.c.workspace_id == workspace_id).order_by(import_runs.c.id.desc()).limit(limit)
    return [ImportRun(*row) for row in await connection.execute(query)]


class Known(NamedTuple):
    """The thing that an earlier run made of a key.

    Attributes:
        thing: the memory's id, or the kind and the name of another thing; None if the run was undone.
        broken_run: the id of its run if that has not come to its end: links to what came later may be missing.
    """

    thing: str | None
    broken_run: str | None

    def is_of_broken_run(self, run_id: str) -> bool:
        """Whether another run than this one has brought it, and has not come to its end."""
        return self.broken_run is not None and self.broken_run != run_id


async def find_known(connection: AsyncConnection, workspace_id: str, digests: Sequence[str]) -> dict[str, Known]:
    """Return what earlier runs made of these keys, by the key."""
    query = (
        sa.select(
            import_keys.c.digest,
            sa.func.coalesce(import_keys.c.memory_id, import_keys.c.note),
            sa.case((import_runs.c.ended_at.is_(None), import_runs.c.id)),
        )
        .join(import_runs, import_runs.c.id == import_keys.c.run_id)
        .where(import_keys.c.workspace_id == workspace_id, import_keys.c.digest.in_(digests))
    )
    return {row[0]: Known(row[1], row[2]) for row in await connection.execute(query)}


async def put_keys(
    connection: AsyncConnection,
    workspace_id: str,
    run_id: str,
    memory_ids: Mapping[str, str],
    notes: Mapping[str, str] = {},
) -> None:
    """Store the keys of what is new: key → memory, and key → note. Keys of a run that was undone are taken over."""
    common = {"workspace_id": workspace_id, "run_id": run_id}
    rows = [common | {"digest": digest, "memory_id": each, "note": None} for digest, each in memory_ids.items()]
    rows += [common | {"digest": digest, "memory_id": None, "note": each} for digest, each in notes.items()]
    if not rows:
        return
    statement = insert_into(connection, import_keys)
    taken = {name: statement.excluded[name] for name in ("run_id", "memory_id", "note")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["workspace_id", "digest"], set_=taken), rows
    )


async def end_broken_runs(
    connection: AsyncConnection, workspace_id: str, run_ids: Collection[str], now: datetime
) -> None:
    """End runs that broke off, because another one has brought what they lacked."""
    statement = sa.update(import_runs).where(
        import_runs.c.workspace_id == workspace_id, import_runs.c.id.in_(run_ids), import_runs.c.ended_at.is_(None)
    )
    await connection.execute(statement.values(ended_at=now))


async def find_erased(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Return those of these memories whose texts were erased."""
    query = sa.select(memories.c.id).where(memories.c.id.in_(ids), memories.c.erased_at.is_not(None))
    return set((await connection.execute(query)).scalars())


async def find_places_of(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    """Return the workspaces of these memories, deleted ones as well: memory id → workspace id."""
    query = sa.select(memories.c.id, memories.c.workspace_id).where(memories.c.id.in_(ids))
    return {row.id: row.workspace_id for row in await connection.execute(query)}


async def list_left_memories(connection: AsyncConnection, run_id: str) -> list[str]:
    """Return the memories of a run that nobody has deleted, oldest first."""
    brought = sa.select(import_keys.c.memory_id).where(import_keys.c.run_id == run_id)  # some by several keys
    query = (
        sa.select(memories.c.id)
        .where(memories.c.id.in_(brought), memories.c.deleted_at.is_(None))
        .order_by(memories.c.position)
    )
    return list((await connection.execute(query)).scalars())


async def list_notes(connection: AsyncConnection, run_id: str) -> list[str]:
    """Return what a run brought beside memories: the kind and the name of each."""
    query = sa.select(import_keys.c.note).where(import_keys.c.run_id == run_id, import_keys.c.note.is_not(None))
    return list((await connection.execute(query)).scalars())


async def free_note(connection: AsyncConnection, run_id: str, note: str) -> None:
    """Let something of a run that is no memory be imported again."""
    mine = sa.update(import_keys).where(import_keys.c.run_id == run_id, import_keys.c.note == note)
    await connection.execute(mine.values(note=None))


async def free_keys(connection: AsyncConnection, run_id: str, memory_ids: Sequence[str]) -> None:
    """Let these memories of a run be imported again."""
    statement = sa.update(import_keys).where(
        import_keys.c.run_id == run_id, import_keys.c.memory_id == sa.bindparam("memory")
    )
    await connection.execute(statement.values(memory_id=None), [{"memory": each} for each in memory_ids])


async def free_keys_of_memories(connection: AsyncConnection, workspace_id: str, memory_ids: Sequence[str]) -> None:
    """Let these memories be imported again, whatever run has brought them."""
    for start in range(0, len(memory_ids), _STEP):
        some = memory_ids[start : start + _STEP]
        mine = sa.update(import_keys).where(
            import_keys.c.workspace_id == workspace_id, import_keys.c.memory_id.in_(some)
        )
        await connection.execute(mine.values(memory_id=None))


async def list_keys_after(
    connection: AsyncConnection, workspace_id: str, after: str, limit: int
) -> list[tuple[str, str, bool]]:
    """Return the next keys of memories, in their order: the key, the memory, and whether it is still there."""
    there = memories.c.id.is_not(None).label("is_there")
    query = (
        sa.select(import_keys.c.digest, import_keys.c.memory_id, there)
        .outerjoin(memories, sa.and_(memories.c.id == import_keys.c.memory_id, memories.c.deleted_at.is_(None)))
        .where(import_keys.c.workspace_id == workspace_id, import_keys.c.digest > after)
        .where(import_keys.c.memory_id.is_not(None))
        .order_by(import_keys.c.digest)
        .limit(limit)
    )
    return [(row[0], row[1], bool(row[2])) for row in await connection.execute(query)]


async def delete_runs_of_workspaces(connection: AsyncConnection, gone: sa.Select[str]) -> None:
    """Delete the runs and the keys of the workspaces that a query selects."""
    for table in (import_keys, import_runs):
        await connection.execute(sa.delete(table).where(table.c.workspace_id.in_(gone)))
