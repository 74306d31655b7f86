"""Rows of imports: the runs, and the keys by which a second run knows what an earlier one brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.db import insert_into
from server.store.tables.imports import import_keys, import_runs
from server.store.tables.memories import memories


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


async def find_known(connection: AsyncConnection, workspace_id: str, digests: Sequence[str]) -> dict[str, str | None]:
    """Return the memories that earlier runs made of these keys, by the key; None for those whose run was undone."""
    query = sa.select(import_keys.c.digest, import_keys.c.memory_id).where(
        import_keys.c.workspace_id == workspace_id, import_keys.c.digest.in_(digests)
    )
    return {row.digest: row.memory_id for row in await connection.execute(query)}


async def put_keys(connection: AsyncConnection, workspace_id: str, run_id: str, memory_ids: Mapping[str, str]) -> None:
    """Store the keys of new memories, key → memory. Keys of a run that was undone are taken over."""
    if not memory_ids:
        return
    statement = insert_into(connection, import_keys)
    statement = statement.on_conflict_do_update(
        index_elements=["workspace_id", "digest"],
        set_={"run_id": statement.excluded.run_id, "memory_id": statement.excluded.memory_id},
    )
    common = {"workspace_id": workspace_id, "run_id": run_id}
    rows = [common | {"digest": digest, "memory_id": memory_id} for digest, memory_id in memory_ids.items()]
    await connection.execute(statement, rows)


async def find_places_of(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    """Return the workspaces of these memories, deleted ones as well: memory id → workspace id."""
    query = sa.select(memories.c.id, memories.c.workspace_id).where(memories.c.id.in_(ids))
    return {row.id: row.workspace_id for row in await connection.execute(query)}


async def list_left_memories(connection: AsyncConnection, run_id: str) -> list[str]:
    """Return the memories of a run that nobody has deleted, oldest first."""
    query = (
        sa.select(memories.c.id)
        .join(import_keys, import_keys.c.memory_id == memories.c.id)
        .where(import_keys.c.run_id == run_id, memories.c.deleted_at.is_(None))
        .order_by(memories.c.position)
    )
    return list((await connection.execute(query)).scalars())


async def free_keys(connection: AsyncConnection, run_id: str, memory_ids: Sequence[str]) -> None:
    """Let these memories of a run be imported again."""
    statement = sa.update(import_keys).where(
        import_keys.c.run_id == run_id, import_keys.c.memory_id == sa.bindparam("memory")
    )
    await connection.execute(statement.values(memory_id=None), [{"memory": each} for each in memory_ids])


async def delete_runs_of_workspaces(connection: AsyncConnection, gone: sa.Select[str]) -> None:
    """Delete the runs and the keys of the workspaces that a query selects."""
    for table in (import_keys, import_runs):
        await connection.execute(sa.delete(table).where(table.c.workspace_id.in_(gone)))
