"""Identity crystals' rows, and the memories that a crystal is made of. The caller owns the transaction."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.store.db import Database, fetch_rows
from server.store.record.memories import FIELDS, memory_from_row
from server.store.record.relations.current import IN_RECALL
from server.store.tables.memories import memories
from server.store.tables.working import identity_crystals


@dataclass(frozen=True, slots=True)
class Crystal:
    """A text in which the agent describes itself, and the number of memories from which it was made."""

    id: str
    crystal: str
    source_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A crystal in the history, without its text; `length` is the length of the text in characters."""

    id: str
    length: int
    source_count: int
    created_at: datetime


async def insert_crystal(
    connection: AsyncConnection, workspace_id: str, crystal: Crystal, *, is_composed: bool = False
) -> None:
    """Store a new crystal. The earlier ones stay. `is_composed` says that Loci composed it of quotes."""
    row = {"workspace_id": workspace_id, "is_composed": is_composed} | asdict(crystal)
    await connection.execute(sa.insert(identity_crystals).values(row))


async def find_quoting_crystals(
    connection: AsyncConnection, workspace_id: str, memory_ids: Collection[str]
) -> list[str]:
    """Return the ids of the workspace's composed crystals that quote one of these memories, oldest first."""
    table = identity_crystals.c
    quotes = sa.or_(sa.false(), *(table.crystal.contains(f"**{memory_id}**") for memory_id in memory_ids))
    query = sa.select(table.id).where(table.workspace_id == workspace_id, table.is_composed, quotes)
    return list((await connection.execute(query.order_by(table.number))).scalars())


async def delete_crystals(connection: AsyncConnection, ids: Collection[str]) -> None:
    """Delete these crystals for good."""
    await connection.execute(sa.delete(identity_crystals).where(identity_crystals.c.id.in_(ids)))


async def replace_crystal(connection: AsyncConnection, crystal_id: str, text: str, source_count: int) -> None:
    """Store another text of a composed crystal in place of the one that it has."""
    row = sa.update(identity_crystals).where(identity_crystals.c.id == crystal_id)
    await connection.execute(row.values(crystal=text, source_count=source_count))


def _select_newest(text: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
    table = identity_crystals.c
    return (
        sa.select(table.id, text, table.source_count, table.created_at)
        .where(table.workspace_id == sa.bindparam("workspace"))
        .order_by(table.number.desc())
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


_LATEST = _select_newest(identity_crystals.c.crystal)
_HISTORY = _select_newest(sa.func.length(identity_crystals.c.crystal))


async def get_latest_crystal(source: AsyncConnection | Database, workspace_id: str) -> Crystal | None:
    """Return the workspace's newest crystal, or None if there is none. With a `Database` it is a cached read."""
    rows = await fetch_rows(source, _LATEST, {"workspace": workspace_id, "most": 1})
    return Crystal(*rows[0]) if rows else None


async def list_snapshots(connection: AsyncConnection, workspace_id: str, limit: int) -> list[Snapshot]:
    """Return the workspace's crystals, newest first, without their texts."""
    rows = await connection.execute(_HISTORY, {"workspace": workspace_id, "most": limit})
    return [Snapshot(*row) for row in rows]


async def list_pattern_memories(
    connection: AsyncConnection, workspace_id: str, now: datetime, limit: int
) -> list[Memory]:
    """Return the newest active memories that others were consolidated into."""
    source = memories.alias()
    merged = sa.select(source.c.consolidated_into).where(
        source.c.workspace_id == workspace_id, source.c.consolidated_into.is_not(None)
    )
    query = (
        sa.select(*(memories.c[name] for name in FIELDS))
        .where(
            memories.c.workspace_id == workspace_id,
            memories.c.id.in_(merged),
            memories.c.deleted_at.is_(None),
            IN_RECALL,
            sa.or_(memories.c.expires_at.is_(None), memories.c.expires_at > now),
        )
        .order_by(memories.c.created_at.desc(), memories.c.position.desc())
        .limit(limit)
    )
    return [memory_from_row(row) for row in await connection.execute(query)]
