"""Which of a workspace's memories say nearly the same, by the vectors that are kept beside their rows.

Only texts of a single window are compared: of a longer one, a window says a part. Vectors are read in blocks and
multiplied in worker threads, outside of which nothing waits.
"""

import asyncio
from collections.abc import Collection

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from server.store.db import Database
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, memories, vectors

#: The cosine from which on two texts count as saying the same.
NEAR = 0.97
#: How many memories are compared, the newest: with each other, so that twice as many cost four times as much.
MOST = 20_000
READ = 1_000
BLOCK = 512
_FLOAT_BYTES = 4

Matrix = NDArray[np.float32]


async def find_near_duplicates(db: Database, workspace_id: str, candidates: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of candidates that say nearly the same: each memory with the earliest one that it repeats.

    Compares vectors of the one generation that the workspace serves; without one there are no pairs.
    """
    wanted = sorted(candidates)[-MOST:]  # ids begin with their time
    ids, matrix = await _read_vectors(db, workspace_id, wanted)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(ids), BLOCK):
        found = await asyncio.to_thread(_find_repeats, matrix, start)
        pairs += [(ids[earlier], ids[later]) for earlier, later in found]
    return pairs


async def _read_vectors(db: Database, workspace_id: str, wanted: list[str]) -> tuple[list[str], Matrix]:
    """The candidates that have one window, and their vectors, of length 1."""
    served = sa.select(generations.c.id, generations.c.dims).join(
        workspaces, workspaces.c.generation == generations.c.id
    )
    async with db.read() as connection:
        row = (await connection.execute(served.where(workspaces.c.id == workspace_id))).one_or_none()
    if row is None or len(wanted) < 2:  # noqa: PLR2004 - a pair
        return [], np.empty((0, 0), np.float32)
    matrix = np.empty((len(wanted), row.dims), np.float32)
    ids: list[str] = []
    for start in range(0, len(wanted), READ):
        query = (
            sa.select(vectors.c.memory_id, vectors.c.windows)
            .join(memories, memories.c.id == vectors.c.memory_id)
            .where(
                vectors.c.generation == row.id,
                vectors.c.memory_id.in_(wanted[start : start + READ]),
                sa.func.length(vectors.c.windows) == row.dims * _FLOAT_BYTES,
            )
            .order_by(vectors.c.memory_id)
        )
        async with db.read() as connection:
            found = (await connection.execute(query)).all()
        if found:
            block = np.frombuffer(b"".join(each.windows for each in found), "<f4").reshape(len(found), row.dims)
            matrix[len(ids) : len(ids) + len(found)] = block
            ids += [each.memory_id for each in found]
    matrix = matrix[: len(ids)]
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return ids, matrix


def _find_repeats(matrix: Matrix, start: int) -> list[tuple[int, int]]:
    """(earlier, later) for each row of a block that is near an earlier one."""
    end = min(start + BLOCK, len(matrix))
    near = matrix[start:end] @ matrix[:end].T >= NEAR
    near &= np.arange(end)[None, :] < np.arange(start, end)[:, None]
    first = near.argmax(axis=1)
    rows = np.flatnonzero(near[np.arange(end - start), first])
    return [(int(first[row]), start + int(row)) for row in rows]
