"""Rows of vectors, which are kept beside their memories, and the gaps: memories that have none yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.vector import TextVectors, TokenVectors, Vector
from server.store.db import Database, insert_in_dialect
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories, token_vectors, vectors

#: The type of the numbers in the column `windows`.
STORED_FLOAT = np.dtype("<f2")


_TOKENS = sa.select(token_vectors.c.memory_id, token_vectors.c.tokens).where(
    token_vectors.c.generation == sa.bindparam("generation"),
    token_vectors.c.memory_id.in_(sa.bindparam("ids", expanding=True)),
)


async def put_vectors(connection: AsyncConnection, generation: int, found: Mapping[str, TextVectors]) -> None:
    """Store the vectors of memories, by memory id, in place of earlier ones of the generation."""
    windows = {memory_id: pack_vectors(each.windows) for memory_id, each in found.items()}
    tokens = {memory_id: each.tokens.tobytes() for memory_id, each in found.items() if each.tokens is not None}
    await _put_blobs(connection, generation, vectors, "windows", windows)
    await _put_blobs(connection, generation, token_vectors, "tokens", tokens)


async def _put_blobs(
    connection: AsyncConnection, generation: int, table: sa.Table, column: str, blobs: Mapping[str, bytes]
) -> None:
    if not blobs:
        return
    statement = _make_upsert(connection.dialect.name, table, column)
    rows = [{"memory_id": each, "generation": generation, column: blob} for each, blob in blobs.items()]
    await connection.execute(statement, rows)


@cache  # to make such a statement takes longer than to run it
def _make_upsert(dialect: str, table: sa.Table, column: str) -> sa.Insert:
    statement = insert_in_dialect(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=["memory_id", "generation"], set_={column: statement.excluded[column]}
    )


async def delete_vectors(connection: AsyncConnection, memory_id: str) -> int:
    """Delete a memory's vectors of every generation, because its text changed or was erased; return how many rows."""
    deleted = [
        await connection.execute(sa.delete(table).where(table.c.memory_id == memory_id))
        for table in (vectors, token_vectors)
    ]
    return sum(each.rowcount for each in deleted)


async def read_tokens(db: Database, generation: int, ids: Sequence[str], dims: int) -> dict[str, TokenVectors]:
    """Return the vectors of the tokens of memories, (m, dims), by memory id; a memory without any is left out."""
    rows = await db.read_few_rows(_TOKENS, {"generation": generation, "ids": list(ids)})
    return {row.memory_id: np.frombuffer(row.tokens, np.int8).reshape(-1, dims) for row in rows}


@dataclass(frozen=True, slots=True)
class Gap:
    """A memory that has no vectors of a generation yet."""

    workspace_id: str
    memory_id: str
    content: str


async def list_gaps(connection: AsyncConnection, generation: int, after: str, limit: int) -> Sequence[Gap]:
    """Return at most `limit` memories without vectors of the generation, in the order of their ids, after `after`."""
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
class VectorCoverage:
    """The number of memories that have vectors of a generation, and the number of those that have none yet."""

    filled: int
    missing: int

    @property
    def percent(self) -> float:
        """The percentage of memories that have vectors, rounded down to a tenth: 100 means all."""
        total = self.filled + self.missing
        return self.filled * 1000 // total / 10 if total else 100.0


async def count_vectors(
    connection: AsyncConnection, generation: int, workspace_id: str | None = None
) -> VectorCoverage:
    """Count the memories with and without vectors of a generation, in a workspace or in all of them.

    It reads an index row of each memory.
    """
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
    return VectorCoverage(filled, total - filled)


def pack_vectors(windows: Vector) -> bytes:
    """Return vectors (n, dims) of length 1 as bytes: little-endian float16.

    A cosine of two of them differs by less than 0.001 from that of the vectors themselves, in half the room.
    """
    return np.ascontiguousarray(windows, dtype=STORED_FLOAT).tobytes()


def unpack_vectors(blob: bytes, dims: int) -> Vector:
    """Return the vectors (n, dims) that `pack_vectors` made these bytes of."""
    return np.frombuffer(blob, dtype=STORED_FLOAT).reshape(-1, dims).astype(np.float32)
