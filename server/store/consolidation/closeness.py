"""The vectors of a workspace's memories, by which the night compares the meaning of those that share a tag.

Only texts with a single window have one here, since one window of a longer text has only a part of its meaning.
"""

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from server.memory.vector import Vector
from server.store.db import Database
from server.store.record.vectors import STORED_FLOAT, unpack_vectors
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, vectors

#: The number of vectors that are read at a time.
READ = 1_000


async def read_vectors(db: Database, workspace_id: str, ids: Sequence[str]) -> dict[str, Vector]:
    """Return the vectors (dims,) of length 1 of those memories that have a single window, by memory id.

    They are those of the generation that serves the workspace. If none serves it, there are no vectors.
    """
    select_served = sa.select(generations.c.id, generations.c.dims).join(
        workspaces, workspaces.c.generation == generations.c.id
    )
    async with db.read() as connection:
        served = (await connection.execute(select_served.where(workspaces.c.id == workspace_id))).one_or_none()
    found: dict[str, Vector] = {}
    if served is None:
        return found
    for start in range(0, len(ids), READ):
        query = sa.select(vectors.c.memory_id, vectors.c.windows).where(
            vectors.c.generation == served.id,
            vectors.c.memory_id.in_(ids[start : start + READ]),
            sa.func.length(vectors.c.windows) == served.dims * STORED_FLOAT.itemsize,
        )
        async with db.read() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            vector = unpack_vectors(row.windows, served.dims)[0]
            length = np.linalg.norm(vector)
            if length > 0:
                found[row.memory_id] = vector / length
    return found
