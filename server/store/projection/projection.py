"""The projection: memories' rows in SQL, as points in the search store.

It never carries a caller's copy. Under a lock for each workspace it reads the rows that changed since it
last looked, as they now stand, and writes or deletes their points. What was projected counts as kept only
once the engine has flushed it (`flushed_revision`); whatever lies above that is projected again when the
collection is opened. So a lost, torn or old index costs a re-projection, and a crash at any moment nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from server.memory.gate import idf
from server.memory.languages import Language
from server.store.db import Database
from server.store.projection.placement import locate, placement
from server.store.projection.points import changed, point
from server.store.projection.rarities import Rarities
from server.store.record import generations
from server.store.search.seam import Collection, Engine, EngineDown, Found, Query, Unusable
from server.store.tables.accounts import workspaces

log = structlog.get_logger(__name__)

BATCH = 500
SLICE = 64  # points made at a time: a few milliseconds, then others have their turn
#: How many workspaces' states are kept; of more, those with nothing left to do are forgotten.
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Serving:
    """What a workspace's open collection holds: whose vectors (0 for none), and words of which language."""

    generation: int
    language: Language


@dataclass(slots=True)
class _State:
    """What this process knows of a workspace's collection."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    collection: Collection | None = None  # None until it was opened
    generation: int = 0
    rule: str = ""
    language: Language = "english"
    rarities: Rarities | None = None
    projected: int = 0
    flushed: int = 0
    behind: bool = False  # a projection failed, and the loop has to catch up
    doomed: bool = False  # the collection is to be dropped before anything else
    users: int = 0  # who holds the lock or waits for it
    asked: int = 0  # how many asked to catch up so far
    served: int = 0  # how many of them the last catching up was for
    failure: str | None = None  # why that one failed


class Projection:
    """The search store of every workspace, kept in step with the record."""

    def __init__(self, db: Database, engine: Engine, *, shared: bool) -> None:
        """`shared` says that other processes write to the same collections."""
        self._db = db
        self._engine = engine
        self._shared = shared
        self._states: dict[str, _State] = {}

    async def project(self, workspace_id: str) -> bool:
        """Bring the collection up to the record as it now stands; False where that has to wait.

        Of a workspace that was deleted, the collection goes. The commit before it stands: no store's fault is raised.
        """
        try:
            await self._catch_up(workspace_id)
        except (EngineDown, SQLAlchemyError, OSError) as error:
            log.warning("the search store is behind", workspace=workspace_id, reason=str(error))
            return False
        return True

    async def search(self, workspace_id: str, query: Query, generation: int | None = None) -> Found:
        """Ask a workspace's collection; a workspace that has none finds nothing.

        Waits for writers only where the collection was not open, or is behind. Where a generation is named and
        the collection holds another's vectors by now, the dense arm is not asked.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        rebuilt = False
        while True:
            state = self._states.get(workspace_id)
            if state is None or state.collection is None or state.behind:
                state = await self._catch_up(workspace_id)
            collection = state.collection
            if collection is None:
                return Found([], [])
            fits = generation in {None, state.generation}
            try:
                found = await self._engine.search(collection, query if fits else replace(query, dense=None))
            except Unusable:
                if rebuilt:
                    raise
                rebuilt = state.doomed = state.behind = True
                continue
            if state.collection == collection:
                return found
            # It was dropped or replaced while we asked, and may have read as empty.

    async def open(self, workspace_id: str) -> Serving:
        """Make sure that the workspace's collection is open, and say what it holds."""
        state = self._states.get(workspace_id)
        if state is None or state.collection is None:
            state = await self._catch_up(workspace_id)
        return Serving(state.generation, state.language)

    async def rarities(self, workspace_id: str, terms: Sequence[int]) -> tuple[list[float], int]:
        """Each term's idf in a workspace whose collection is open, and how many memories that holds.

        Remembered until something changes in the workspace.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        state = self._states.get(workspace_id)
        if state is None or (collection := state.collection) is None:
            return [idf(0, 0)] * len(terms), 0
        known = state.rarities
        if known is None or not known.hold(state.projected):
            known = Rarities(state.projected, await self._engine.count(collection))
            state.rarities = known
        return await known.of(self._engine, collection, terms), known.total

    async def count(self, workspace_id: str) -> int:
        """How many memories can be searched in a workspace whose collection is open; 0 in any other."""
        state = self._states.get(workspace_id)
        return 0 if state is None or state.collection is None else await self._engine.count(state.collection)

    async def touch(self, workspace_id: str, patches: dict[str, dict[str, Any]]) -> None:
        """Overwrite payload keys that are no part of a memory's revision, where its point exists."""
        if workspace_id not in self._states:
            return
        async with self._locked(workspace_id) as state:
            if state.collection is not None:
                await self._engine.touch(state.collection, patches)

    async def flush(self) -> None:
        """Put what was projected on the disk, and note how far that is; what is behind, catch up with."""
        for workspace_id in await self._outdated():
            await self.project(workspace_id)
        for workspace_id, state in list(self._states.items()):
            if state.collection is not None and state.projected > state.flushed:
                await self._flush_one(workspace_id)
        self._forget_idle()

    async def forget(self, workspace_id: str) -> None:
        """Drop a workspace's collection; of one that was deleted, or is to be built anew.

        Where the engine is down it is dropped as soon as that is up again.
        """
        async with self._locked(workspace_id) as state:
            state.doomed = True
            try:
                await self._drop(workspace_id, state)
            except EngineDown as error:
                state.behind = True
                log.warning("a collection is still to be dropped", workspace=workspace_id, reason=str(error))

    async def switch_generation(self, workspace_id: str, generation: int, rule: str) -> None:
        """From now on the workspace's collection holds this generation's vectors, and words by this rule.

        The new collection is made beside the old one, which serves until the new one is whole and on the disk.

        Raises:
            EngineDown: the engine cannot be reached; the old one goes on serving.
        """
        place = await locate(self._db, workspace_id)
        if place is None or place.is_deleted or (place.generation, place.rule) == (generation, rule):
            return
        async with self._db.read() as connection:
            dims = await generations.dims_of(connection, generation)
        language = replace(place, rule=rule).language
        new = placement(workspace_id, generation, dims, rule)
        # The bulk of it with nobody waiting; what was written meanwhile under the lock.
        reached = 0 if place.is_empty else await self._build(new, workspace_id, generation, language)
        async with self._locked(workspace_id) as state:
            now = await locate(self._db, workspace_id)
            if now is None or now.is_deleted:
                await self._engine.drop(new)
                return
            reached = reached and await self._fill(new, workspace_id, generation, language, reached)
            await self._engine.flush(new)
            async with self._db.write() as connection:
                row = sa.update(workspaces).where(workspaces.c.id == workspace_id)
                changes = {"generation": generation, "key_rule": rule, "flushed_revision": reached}
                await connection.execute(row.values(**changes))
            state.collection = None  # whoever comes next finds the new one in the record
        await self._engine.drop(place.collection)

    async def close(self) -> None:
        """Flush, and let the engine go."""
        try:
            await self.flush()
        finally:
            await self._engine.close()

    async def ping(self) -> None:
        """Return if the engine answers; raises EngineDown."""
        await self._engine.ping()

    @asynccontextmanager
    async def _locked(self, workspace_id: str) -> AsyncGenerator[_State]:
        """The workspace's state, for whoever changes it or writes points. Never taken inside a transaction."""
        state = self._states.setdefault(workspace_id, _State())
        state.users += 1
        try:
            async with state.lock:
                yield state
        finally:
            state.users -= 1

    async def _catch_up(self, workspace_id: str) -> _State:
        """Project what is new. Who waits for the lock shares the outcome of the first to get it.

        Raises:
            EngineDown: the engine is down; it was asked once for all who waited.
        """
        state = self._states.setdefault(workspace_id, _State())
        state.asked += 1
        mine = state.asked
        async with self._locked(workspace_id):
            if state.served < mine:
                await self._catch_up_waiters(workspace_id, state)
            if state.failure is not None:
                raise EngineDown(state.failure)
        return state

    async def _catch_up_waiters(self, workspace_id: str, state: _State) -> None:
        before, state.served = state.served, state.asked
        try:
            await self._follow(workspace_id, state)
        except EngineDown as error:
            state.behind, state.failure, state.collection = True, str(error), None
        except BaseException:
            state.behind, state.served = True, before
            raise
        else:
            state.behind, state.failure = False, None

    async def _follow(self, workspace_id: str, state: _State) -> None:
        if state.doomed:
            await self._drop(workspace_id, state)
        try:
            await self._advance(workspace_id, state)
        except Unusable as error:
            log.warning("a collection is built anew", workspace=workspace_id, reason=str(error))
            await self._drop(workspace_id, state)
            await self._advance(workspace_id, state)

    async def _advance(self, workspace_id: str, state: _State) -> None:
        if state.collection is None:
            await self._open(workspace_id, state)
        if state.collection is not None:
            holds = (state.generation, state.language)
            state.projected = await self._fill(state.collection, workspace_id, *holds, state.projected)

    async def _open(self, workspace_id: str, state: _State) -> None:
        """Open the collection, where the workspace has memories; where it was deleted, drop it."""
        place = await locate(self._db, workspace_id)
        if place is None or place.is_empty:
            return
        if place.is_deleted:
            await self._engine.drop(place.collection)
            return
        is_new = not await self._engine.exists(place.collection)
        if is_new and place.flushed:
            # Before it is made, or after a crash half-way the new one would pass for the whole one.
            await self._note_flushed(workspace_id, place.generation, place.rule, 0)
        is_new |= await self._engine.open(place.collection)
        state.projected = state.flushed = 0 if is_new else place.flushed
        state.collection, state.generation = place.collection, place.generation
        state.rule, state.language, state.rarities = place.rule, place.language, None

    async def _drop(self, workspace_id: str, state: _State) -> None:
        place = await locate(self._db, workspace_id)
        if place is not None:
            await self._engine.drop(place.collection)
            await self._note_flushed(workspace_id, place.generation, place.rule, 0)
        state.collection, state.projected, state.flushed, state.doomed = None, 0, 0, False

    async def _outdated(self) -> list[str]:
        """The workspaces whose collection is not as the record says.

        The callers of `project` see to that; but one may be cut off right after its commit, and other processes
        write, delete and change generations too.
        """
        known = [each for each, state in self._states.items() if state.behind or state.collection is not None]
        columns = [workspaces.c[name] for name in ("id", "revision", "generation", "key_rule", "deleted_at")]
        found: list[str] = []
        for start in range(0, len(known), BATCH):
            query = sa.select(*columns).where(workspaces.c.id.in_(known[start : start + BATCH]))
            async with self._db.read() as connection:
                rows = (await connection.execute(query)).all()
            for row in rows:
                state = self._states.get(row.id)
                if state is None:
                    continue
                holds = (state.generation, state.rule)
                if row.deleted_at is not None or (row.generation, row.key_rule) != holds:
                    async with self._locked(row.id):
                        state.collection = None
                    found.append(row.id)
                elif state.behind or row.revision > state.projected:
                    found.append(row.id)
        return found

    async def _flush_one(self, workspace_id: str) -> None:
        async with self._locked(workspace_id) as state:
            if state.collection is None:
                return
            try:
                await self._engine.flush(state.collection)
            except EngineDown as error:
                log.warning("flush failed", workspace=workspace_id, reason=str(error))
                return
            await self._note_flushed(workspace_id, state.generation, state.rule, state.projected)
            state.flushed = state.projected

    async def _note_flushed(self, workspace_id: str, generation: int, rule: str, revision: int) -> None:
        row = sa.update(workspaces).where(
            workspaces.c.id == workspace_id, workspaces.c.generation == generation, workspaces.c.key_rule == rule
        )
        async with self._db.write() as connection:
            await connection.execute(row.values(flushed_revision=revision))

    def _forget_idle(self) -> None:
        for workspace_id, state in list(self._states.items()):
            if len(self._states) <= REMEMBERED:
                return
            if not (state.users or state.behind or state.doomed or state.projected > state.flushed):
                del self._states[workspace_id]

    async def _build(self, collection: Collection, workspace_id: str, generation: int, language: Language) -> int:
        """Make another collection of the workspace; the revision it has reached."""
        try:
            await self._engine.open(collection)
            return await self._fill(collection, workspace_id, generation, language, 0)
        except Unusable:
            await self._engine.drop(collection)
            raise

    async def _fill(
        self, collection: Collection, workspace_id: str, generation: int, language: Language, after: int
    ) -> int:
        """Project every row above `after`; the revision that was reached."""
        while True:
            async with self._db.read() as connection:
                rows = await changed(connection, workspace_id, generation, after, BATCH)
            if rows:
                await self._write(collection, workspace_id, language, rows)
                after = rows[-1].revision
            # Another process may have changed a row between our read and our write: look again until nothing is new.
            if len(rows) < BATCH and not (self._shared and rows):
                return after

    async def _write(
        self, collection: Collection, workspace_id: str, language: Language, rows: Sequence[sa.Row[Any]]
    ) -> None:
        gone = [row.id for row in rows if row.deleted_at is not None or row.consolidated]
        live = [row for row in rows if row.deleted_at is None and not row.consolidated]
        for start in range(0, len(live), SLICE):
            gone += await self._put(collection, workspace_id, language, live[start : start + SLICE])
        if gone:
            await self._engine.delete(collection, gone)

    async def _put(
        self, collection: Collection, workspace_id: str, language: Language, rows: Sequence[sa.Row[Any]]
    ) -> list[str]:
        """Write the rows' points; the ids of those that no engine may be given, lest one row stop all others."""
        try:
            points = [point(collection, workspace_id, language, row) for row in rows]
            await self._engine.upsert(collection, points)
        except ValueError:
            if len(rows) == 1:
                log.exception("a memory cannot be searched", workspace=workspace_id, memory=rows[0].id)
                return [rows[0].id]
            return [bad for row in rows for bad in await self._put(collection, workspace_id, language, [row])]
        return []
