"""The near duplicates of a workspace: the memories whose vectors in the record are almost equal.

Records of one pattern, such as reports of two nights, have almost equal vectors as well. They are no near duplicates:
texts with other numbers, names or days, or of another time, author or entity, stay two memories.

Only texts with a single window are compared, since one window of a longer text has only a part of its meaning. Vectors
are read in blocks. They are multiplied in worker threads, so that the event loop does not wait.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from server.memory.recall.doubles import Particulars, are_doubles, read_particulars
from server.store.db import Database
from server.store.record.vectors import STORED_FLOAT, unpack_vectors
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, memories, vectors

#: Two texts count as near duplicates if the cosine of their vectors is at least this.
NEAR = 0.97
#: The number of memories that are compared, the newest. All pairs are compared: twice as many cost four times as much.
MOST = 20_000
#: The number of vectors that are read at a time, and the number of rows of the matrix that are compared at a time.
READ = 1_000
BLOCK = 512
#: The number of earlier texts with almost the same vector and the same certain particulars that are compared with one.
MOST_COMPARED = 50

Matrix = NDArray[np.float32]


class _Texts:
    """The texts to compare, in the order of their ids, each with a row of `matrix`: a vector of length 1."""

    def __init__(self, ids: Sequence[str], facts: Sequence[Sequence[Any]], matrix: Matrix) -> None:
        self.ids = ids
        #: Of each text: its content, and what else belongs to its record.
        self._facts = facts
        self._matrix = matrix
        self._particulars: list[Particulars] = []
        #: The number of each text's record. Texts with different numbers are never near duplicates.
        self._records = np.empty(len(ids), np.int32)
        self._numbers: dict[tuple[Any, ...], int] = {}

    def find_repeats(self, start: int) -> list[tuple[int, int]]:
        """Return (earlier, later) for each text of the block at `start` that nearly repeats an earlier one.

        The blocks are to be taken in their order.
        """
        end = min(start + BLOCK, len(self.ids))
        self._read_particulars(start, end)
        near = self._matrix[start:end] @ self._matrix[:end].T >= NEAR
        near &= self._records[start:end, None] == self._records[None, :end]
        near &= np.arange(end)[None, :] < np.arange(start, end)[:, None]
        repeats: list[tuple[int, int]] = []
        for later in map(int, np.flatnonzero(near.any(axis=1)) + start):
            for earlier in map(int, np.flatnonzero(near[later - start])[:MOST_COMPARED]):
                if are_doubles(self._particulars[earlier], self._particulars[later]):
                    repeats.append((earlier, later))
                    break
        return repeats

    def _read_particulars(self, start: int, end: int) -> None:
        for place, (content, *rest) in enumerate(self._facts[start:end], start):
            particulars = read_particulars(content)
            self._particulars.append(particulars)
            record = *rest, particulars.certain
            self._records[place] = self._numbers.setdefault(record, len(self._numbers))


async def find_near_duplicates(db: Database, workspace_id: str, candidates: Collection[str]) -> list[tuple[str, str]]:
    """Return (earlier id, later id) for each candidate that nearly repeats an earlier one, with the earliest of those.

    The vectors are those of the generation that serves the workspace. If no generation serves it, there are no pairs.
    """
    wanted = sorted(candidates)[-MOST:]  # ids begin with their time
    texts = await _read_texts(db, workspace_id, wanted)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(texts.ids), BLOCK):
        repeats = await asyncio.to_thread(texts.find_repeats, start)
        pairs += [(texts.ids[earlier], texts.ids[later]) for earlier, later in repeats]
    return pairs


async def _read_texts(db: Database, workspace_id: str, wanted: list[str]) -> _Texts:
    """Return those of the candidates that have a single window."""
    select_served = sa.select(generations.c.id, generations.c.dims).join(
        workspaces, workspaces.c.generation == generations.c.id
    )
    async with db.read() as connection:
        served = (await connection.execute(select_served.where(workspaces.c.id == workspace_id))).one_or_none()
    if served is None or len(wanted) < 2:  # noqa: PLR2004 - a pair
        return _Texts([], [], np.empty((0, 0), np.float32))
    matrix = np.empty((len(wanted), served.dims), np.float32)
    ids: list[str] = []
    facts: list[Sequence[Any]] = []
    columns = memories.c["content", "occurred_at", "author", "entity"]
    for start in range(0, len(wanted), READ):
        query = (
            sa.select(vectors.c.memory_id, vectors.c.windows, *columns)
            .join(memories, memories.c.id == vectors.c.memory_id)
            .where(
                vectors.c.generation == served.id,
                vectors.c.memory_id.in_(wanted[start : start + READ]),
                sa.func.length(vectors.c.windows) == served.dims * STORED_FLOAT.itemsize,
            )
            .order_by(vectors.c.memory_id)
        )
        async with db.read() as connection:
            rows = (await connection.execute(query)).all()
        if rows:
            block = unpack_vectors(b"".join(each.windows for each in rows), served.dims)
            matrix[len(ids) : len(ids) + len(rows)] = block
            ids += [each.memory_id for each in rows]
            facts += [each[2:] for each in rows]
    matrix = matrix[: len(ids)]
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return _Texts(ids, facts, matrix)
