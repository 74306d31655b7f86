"""The projection: memories' rows in SQL, as points in the search store.

It never carries a caller's copy. Under a lock for each workspace it reads the rows that changed since it
last looked, as they now stand, and writes or deletes their points. What was projected counts as kept only
once the engine has flushed it (`flushed_revision`); whatever lies above that is projected again when the
collection is opened. So a lost, torn or old index costs a re-projection, and a crash at any moment nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog

from server.memory.models import Memory
from server.memory.text import document_weights, key_text
from server.store import vectors as vector_store
from server.store.db import Database
from server.store.memories import FIELDS, from_row
from server.store.search import Collection, Engine, EngineDown, Found, Point, Query, Sparse
from server.store.tables.accounts import workspaces
from server.store.tables.memories import memories, vectors

log = structlog.get_logger(__name__)

BATCH = 500
#: The payload keys that a search may filter by.
FILTERS = ("type", "tags", "scope", "project", "task", "entity", "author", "session")


def placement(workspace_id: str, generation: int, dims: int) -> Collection:
    """Where a workspace's points lie: a collection of its own for each generation of vectors."""
    return Collection(name=f"{workspace_id}-{generation}", dims=dims)


@dataclass
class _State:
    """What this process knows of a workspace's collection."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    collection: Collection | None = None  # None until it was opened
    generation: int = 0
    projected: int = 0
    flushed: int = 0
    behind: bool = False  # a projection failed, and the loop has to catch up
    touches: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


class Projection:
    """The search store of every workspace, kept in step with the record."""

    def __init__(self, db: Database, engine: Engine, *, shared: bool) -> None:
        """`shared` says that other processes write to the same collections."""
        self._db = db
        self._engine = engine
        self._shared = shared
        self._states: dict[str, _State] = {}

    async def project(self, workspace_id: str) -> bool:
        """Bring the collection up to the record as it now stands; False where the engine is down.

        Callers that wait for the lock together are served by the first of them.
        """
        state = self._states.setdefault(workspace_id, _State())
        try:
            async with state.lock:
                await self._catch_up(workspace_id, state)
        except EngineDown as error:
            state.behind = True
            log.warning("the search store is behind", workspace=workspace_id, reason=str(error))
            return False
        state.behind = False
        return True

    async def search(self, workspace_id: str, query: Query) -> Found:
        """Ask a workspace's collection; a workspace that has none finds nothing.

        Waits for writers only where the collection was not open, or is behind.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        state = self._states.get(workspace_id)
        if state is None or state.collection is None or state.behind:
            state = self._states.setdefault(workspace_id, _State())
            async with state.lock:
                await self._catch_up(workspace_id, state)
            state.behind = False
        if state.collection is None:
            return Found([], [])
        return await self._engine.search(state.collection, query)

    def generation(self, workspace_id: str) -> int:
        """Whose vectors the workspace's open collection holds; 0 for none."""
        state = self._states.get(workspace_id)
        return 0 if state is None else state.generation

    async def open(self, workspace_id: str) -> int:
        """Make sure that the workspace's collection is open, and say whose vectors it holds."""
        state = self._states.get(workspace_id)
        if state is None or state.collection is None:
            await self.search(workspace_id, Query(None, None, 1))
        return self.generation(workspace_id)

    async def count(self, workspace_id: str) -> int:
        """How many memories can be searched in a workspace whose collection is open; 0 in any other."""
        state = self._states.get(workspace_id)
        return 0 if state is None or state.collection is None else await self._engine.count(state.collection)

    async def touch(self, workspace_id: str, patches: dict[str, dict[str, Any]]) -> None:
        """Overwrite payload keys that are no part of a memory's revision, where its point exists."""
        state = self._states.get(workspace_id)
        if state is None or state.collection is None:
            return
        async with state.lock:
            if state.collection is not None:
                await self._engine.touch(state.collection, patches)

    async def flush(self) -> None:
        """Put what was projected on the disk, and note how far that is; what is behind, catch up with."""
        for workspace_id, state in list(self._states.items()):
            if state.behind:
                await self.project(workspace_id)
            if state.collection is not None and state.projected > state.flushed:
                await self._flush_one(workspace_id, state)

    async def _flush_one(self, workspace_id: str, state: _State) -> None:
        async with state.lock:
            if state.collection is None:
                return
            reached = state.projected
            try:
                await self._engine.flush(state.collection)
            except EngineDown as error:
                log.warning("flush failed", workspace=workspace_id, reason=str(error))
                return
            await self._note_flushed(workspace_id, reached)
            state.flushed = reached

    async def _note_flushed(self, workspace_id: str, revision: int) -> None:
        async with self._db.write() as connection:
            row = sa.update(workspaces).where(workspaces.c.id == workspace_id)
            await connection.execute(row.values(flushed_revision=revision))

    async def forget(self, workspace_id: str) -> None:
        """Drop a workspace's collection; for one that was deleted, or is to be built anew."""
        state = self._states.setdefault(workspace_id, _State())
        async with state.lock:
            collection = state.collection or await self._locate(workspace_id, state)
            if collection is not None:
                await self._engine.drop(collection)
            state.collection, state.projected, state.flushed = None, 0, 0
            await self._note_flushed(workspace_id, 0)
        self._states.pop(workspace_id, None)

    async def serve_generation(self, workspace_id: str, generation: int) -> None:
        """From now on the workspace's collection holds this generation's vectors; the old one goes."""
        await self.forget(workspace_id)
        async with self._db.write() as connection:
            row = sa.update(workspaces).where(workspaces.c.id == workspace_id)
            await connection.execute(row.values(generation=generation))
        await self.project(workspace_id)

    async def close(self) -> None:
        """Flush, and let the engine go."""
        await self.flush()
        await self._engine.close()

    async def ping(self) -> None:
        """Return if the engine answers; raises EngineDown."""
        await self._engine.ping()

    async def _locate(self, workspace_id: str, state: _State) -> Collection | None:
        """Read from SQL where the workspace's points lie and how far they are kept; None for an empty workspace."""
        columns = (workspaces.c.revision, workspaces.c.flushed_revision, workspaces.c.generation)
        async with self._db.read() as connection:
            row = (await connection.execute(sa.select(*columns).where(workspaces.c.id == workspace_id))).one_or_none()
            if row is None or row.revision == 0:
                return None
            dims = await vector_store.dims_of(connection, row.generation)
        state.generation, state.projected = row.generation, row.flushed_revision
        return placement(workspace_id, row.generation, dims)

    async def _open(self, workspace_id: str, state: _State) -> None:
        collection = await self._locate(workspace_id, state)
        if collection is None:
            return
        if await self._engine.open(collection):
            state.projected = 0
        state.flushed = state.projected
        state.collection = collection

    async def _catch_up(self, workspace_id: str, state: _State) -> None:
        """Project every row above `projected`. Runs under the workspace's lock."""
        if state.collection is None:
            await self._open(workspace_id, state)
        collection = state.collection
        if collection is None:
            return
        while True:
            rows = await self._changed(workspace_id, state)
            if rows:
                await self._write(collection, workspace_id, rows)
                state.projected = rows[-1].revision
            # Another process may have changed a row between our read and our write: look again until nothing is new.
            if len(rows) < BATCH and not (self._shared and rows):
                return

    async def _changed(self, workspace_id: str, state: _State) -> Sequence[sa.Row[Any]]:
        mine = sa.and_(vectors.c.memory_id == memories.c.id, vectors.c.generation == state.generation)
        query = (
            sa.select(
                *(memories.c[name] for name in FIELDS), memories.c.revision, memories.c.deleted_at, vectors.c.windows
            )
            .outerjoin_from(memories, vectors, mine)
            .where(memories.c.workspace_id == workspace_id, memories.c.revision > state.projected)
            .order_by(memories.c.revision)
            .limit(BATCH)
        )
        async with self._db.read() as connection:
            return (await connection.execute(query)).all()

    async def _write(self, collection: Collection, workspace_id: str, rows: Sequence[sa.Row[Any]]) -> None:
        live = [row for row in rows if row.deleted_at is None and not row.consolidated]
        gone = [row.id for row in rows if row.deleted_at is not None or row.consolidated]
        if live:
            points = [_point(collection, workspace_id, row) for row in live]
            await self._engine.upsert(collection, points)
        if gone:
            await self._engine.delete(collection, gone)


def _point(collection: Collection, workspace_id: str, row: sa.Row[Any]) -> Point:
    memory = from_row(row[: len(FIELDS)])
    windows = None if row.windows is None or not collection.dims else vector_store.unpack(row.windows, collection.dims)
    return Point(
        id=memory.id,
        revision=row.revision,
        text=Sparse(*document_weights(key_text(memory))),
        payload=payload(memory, workspace_id),
        dense=None if windows is None else windows[0],
        windows=None if windows is None or len(windows) == 1 else windows,
    )


def payload(memory: Memory, workspace_id: str) -> dict[str, Any]:
    """What a point carries: what searches filter by, what they rank by, and the whole memory as JSON text.

    One string is read back many times faster than twenty values, and only for the hits that are answered.
    """
    values: dict[str, Any] = {name: getattr(memory, name) for name in FILTERS}
    return {key: value for key, value in values.items() if value is not None} | {
        "workspace_id": workspace_id,
        "expires_at": None if memory.expires_at is None else memory.expires_at.timestamp(),
        "access_count": memory.access_count,
        "memory": memory.model_dump_json(),
    }
