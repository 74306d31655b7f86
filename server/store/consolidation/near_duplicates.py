"""The near duplicates of a workspace: the memories whose vectors in the record are almost equal.

Only texts with a single window are compared, since one window of a longer text has only a part of its meaning. Vectors
are read in blocks. They are multiplied in worker threads, so that the event loop does not wait.
"""

import asyncio
from collections.abc import Collection

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from server.store.db import Database
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, memories, vectors

#: Two texts count as near duplicates if the cosine of their vectors is at least this.
NEAR = 0.97
#: The number of memories that are compared, the newest. All pairs are compared: twice as many cost four times as much.
MOST = 20_000
#: The number of vectors that are read at a time, and the number of rows of the matrix that are compared at a time.
READ = 1_000
BLOCK = 512
_FLOAT_BYTES = 4

Matrix = NDArray[np.float32]


async def find_near_duplicates(db: Database, workspace_id: str, candidates: Collection[str]) -> list[tuple[str, str]]:
    """Return (earlier id, later id) for each candidate that nearly repeats an earlier one, with the earliest of those.

    The vectors are those of the generation that serves the workspace. If no generation serves it, there are no pairs.
    """
    wanted = sorted(candidates)[-MOST:]  # ids begin with their time
    ids, matrix = await _read_vectors(db, workspace_id, wanted)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(ids), BLOCK):
        repeats = await asyncio.to_thread(_find_repeats, matrix, start)
        pairs += [(ids[earlier], ids[later]) for earlier, later in repeats]
    return pairs


async def _read_vectors(db: Database, workspace_id: str, wanted: list[str]) -> tuple[list[str], Matrix]:
    """Return the ids of the candidates that have a single window, and their vectors, normalized: (ids, dimensions)."""
    select_served = sa.select(generations.c.id, generations.c.dims).join(
        workspaces, workspaces.c.generation == generations.c.id
    )
    async with db.read() as connection:
        served = (await connection.execute(select_served.where(workspaces.c.id == workspace_id))).one_or_none()
    if served is None or len(wanted) < 2:  # noqa: PLR2004 - a pair
        return [], np.empty((0, 0), np.float32)
    matrix = np.empty((len(wanted), served.dims), np.float32)
    ids: list[str] = []
    for start in range(0, len(wanted), READ):
        query = (
            sa.select(vectors.c.memory_id, vectors.c.windows)
            .join(memories, memories.c.id == vectors.c.memory_id)
            .where(
                vectors.c.generation == served.id,
                vectors.c.memory_id.in_(wanted[start : start + READ]),
                sa.func.length(vectors.c.windows) == served.dims * _FLOAT_BYTES,
            )
            .order_by(vectors.c.memory_id)
        )
        async with db.read() as connection:
            rows = (await connection.execute(query)).all()
        if rows:
            block = np.frombuffer(b"".join(each.windows for each in rows), "<f4").reshape(len(rows), served.dims)
            matrix[len(ids) : len(ids) + len(rows)] = block
            ids += [each.memory_id for each in rows]
    matrix = matrix[: len(ids)]
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return ids, matrix


def _find_repeats(matrix: Matrix, start: int) -> list[tuple[int, int]]:
    """Return (earlier, later) for each row of the block at `start` that nearly repeats an earlier row of the matrix."""
    end = min(start + BLOCK, len(matrix))
    near = matrix[start:end] @ matrix[:end].T >= NEAR
    near &= np.arange(end)[None, :] < np.arange(start, end)[:, None]
    first = near.argmax(axis=1)
    rows = np.flatnonzero(near[np.arange(end - start), first])
    return [(int(first[row]), start + int(row)) for row in rows]
