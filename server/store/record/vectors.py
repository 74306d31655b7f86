"""Vectors beside their memories, and the generations they belong to.

A generation is one model at one digest and window length: vectors of two generations are never compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.embedding import Model, Vector
from server.store.db import insert_into
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, memories, vectors


async def generation_of(connection: AsyncConnection, model: Model, now: datetime) -> int:
    """The model's generation, made where it is new."""
    same = sa.select(generations.c.id).where(
        generations.c.model == model.name,
        generations.c.digest == model.digest,
        generations.c.max_tokens == model.max_tokens,
    )
    found = (await connection.execute(same)).scalar_one_or_none()
    if found is not None:
        return found
    values = {"model": model.name, "digest": model.digest, "dims": model.dims, "max_tokens": model.max_tokens}
    # Two servers that start together meet the new model together.
    await connection.execute(
        insert_into(connection, generations).values(**values, created_at=now).on_conflict_do_nothing()
    )
    return (await connection.execute(same)).scalar_one()


async def newest_model(connection: AsyncConnection) -> str | None:
    """The name of the model that was last new here."""
    query = sa.select(generations.c.model).order_by(generations.c.id.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def newest_generation(connection: AsyncConnection) -> int:
    """The generation that was last new here; 0 where there is none."""
    return (await connection.execute(sa.select(sa.func.max(generations.c.id)))).scalar_one_or_none() or 0


@dataclass(frozen=True, slots=True)
class Served:
    """A generation that workspaces serve, and the model whose vectors it holds; its file is not known."""

    generation: int
    model: Model


async def served_beside(connection: AsyncConnection, generation: int) -> Served | None:
    """The newest other generation that a workspace still serves; None where there is none, or it has no vectors."""
    query = (
        sa.select(generations)
        .join(workspaces, workspaces.c.generation == generations.c.id)
        .where(generations.c.id != generation, workspaces.c.deleted_at.is_(None))
        .order_by(generations.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Served(row.id, Model(row.model, row.digest, row.dims, row.max_tokens, ""))


async def dims_of(connection: AsyncConnection, generation: int) -> int:
    """How long a generation's vectors are; 0 for generation 0, which has none."""
    query = sa.select(generations.c.dims).where(generations.c.id == generation)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def put(connection: AsyncConnection, generation: int, windows: dict[str, Vector]) -> None:
    """Keep texts' vectors, memory id → (n, dims), in place of earlier ones of the generation."""
    statement = insert_into(connection, vectors)
    statement = statement.on_conflict_do_update(
        index_elements=["memory_id", "generation"], set_={"windows": statement.excluded.windows}
    )
    rows = [{"memory_id": m, "generation": generation, "windows": pack(w)} for m, w in windows.items()]
    if rows:
        await connection.execute(statement, rows)


async def forget(connection: AsyncConnection, memory_id: str) -> None:
    """Remove a memory's vectors of every generation: its text changed, or is gone."""
    await connection.execute(sa.delete(vectors).where(vectors.c.memory_id == memory_id))


@dataclass(frozen=True, slots=True)
class Gap:
    """A memory that has no vectors of a generation yet."""

    workspace_id: str
    memory_id: str
    content: str


async def missing(connection: AsyncConnection, generation: int, after: str, limit: int) -> Sequence[Gap]:
    """The next memories, in the order of their ids from `after` on, that have no vectors of the generation."""
    has = sa.exists().where(vectors.c.memory_id == memories.c.id, vectors.c.generation == generation)
    query = (
        sa.select(memories.c.workspace_id, memories.c.id, memories.c.content)
        .join(workspaces, workspaces.c.id == memories.c.workspace_id)
        .where(memories.c.id > after, memories.c.deleted_at.is_(None), workspaces.c.deleted_at.is_(None), ~has)
        .order_by(memories.c.id)
        .limit(limit)
    )
    return [Gap(*row) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Filling:
    """How many memories have vectors of the generation, and how many have none yet."""

    filled: int
    missing: int

    @property
    def percent(self) -> float:
        """How many of a hundred have theirs, rounded down to a tenth: 100 means all."""
        total = self.filled + self.missing
        return self.filled * 1000 // total / 10 if total else 100.0


async def filling(connection: AsyncConnection, generation: int, workspace_id: str | None = None) -> Filling:
    """How far a generation is filled in: in a workspace, or in all. It reads an index row of each memory."""
    of = memories.join(workspaces, workspaces.c.id == memories.c.workspace_id)
    of = of.outerjoin(vectors, sa.and_(vectors.c.memory_id == memories.c.id, vectors.c.generation == generation))
    query = (
        sa.select(sa.func.count(vectors.c.memory_id), sa.func.count())
        .select_from(of)
        .where(memories.c.deleted_at.is_(None), workspaces.c.deleted_at.is_(None))
    )
    if workspace_id is not None:
        query = query.where(memories.c.workspace_id == workspace_id)
    filled, total = (await connection.execute(query)).one()
    return Filling(filled, total - filled)


def pack(windows: Vector) -> bytes:
    """(n, dims) as little-endian float32."""
    return np.ascontiguousarray(windows, dtype="<f4").tobytes()


def unpack(blob: bytes, dims: int) -> Vector:
    """Back to (n, dims)."""
    return np.frombuffer(blob, dtype="<f4").reshape(-1, dims).astype(np.float32, copy=False)
