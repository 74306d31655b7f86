"""Rows of generations: each is one model at one digest and window length.

Vectors of two generations are never compared.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.embedding_model import Model
from server.store.db import insert_into
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations


async def ensure_generation(connection: AsyncConnection, model: Model, now: datetime) -> int:
    """Return the id of the model's generation, which is stored if it is new."""
    same = sa.select(generations.c.id).where(
        generations.c.model == model.name,
        generations.c.digest == model.vectors_digest,
        generations.c.max_tokens == model.max_tokens,
    )
    found = (await connection.execute(same)).scalar_one_or_none()
    if found is not None:
        return found
    values = {"model": model.name, "digest": model.vectors_digest, "dims": model.dims, "max_tokens": model.max_tokens}
    # Two servers that start together meet the new model together.
    await connection.execute(
        insert_into(connection, generations).values(**values, created_at=now).on_conflict_do_nothing()
    )
    return (await connection.execute(same)).scalar_one()


async def find_newest_model(connection: AsyncConnection) -> str | None:
    """Return the name of the newest generation's model, or None if there is no generation."""
    query = sa.select(generations.c.model).order_by(generations.c.id.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def find_newest_generation(connection: AsyncConnection) -> int:
    """Return the id of the newest generation, or 0 if there is none."""
    return (await connection.execute(sa.select(sa.func.max(generations.c.id)))).scalar_one_or_none() or 0


@dataclass(frozen=True, slots=True)
class Served:
    """A generation that workspaces serve, and the model of its vectors. The model's file is not known."""

    generation: int
    model: Model


async def list_served_beside(connection: AsyncConnection, generation: int) -> Served | None:
    """Return the newest other generation that a workspace still serves, or None if there is none."""
    query = (
        sa.select(generations)
        .join(workspaces, workspaces.c.generation == generations.c.id)
        .where(generations.c.id != generation, workspaces.c.deleted_at.is_(None))
        .order_by(generations.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Served(row.id, Model(row.model, row.digest, row.dims, row.max_tokens, ""))


async def find_dims(connection: AsyncConnection, generation: int) -> int:
    """Return the length of a generation's vectors, or 0 for generation 0, which has no vectors."""
    query = sa.select(generations.c.dims).where(generations.c.id == generation)
    return (await connection.execute(query)).scalar_one_or_none() or 0
