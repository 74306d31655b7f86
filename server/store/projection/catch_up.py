"""How the collections of the search store are brought up to the record, one task at a time for each workspace.

The tasks that wait for a workspace's lock share the outcome of the first one to get it: an engine that is down is asked
once for all of them.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
import structlog

from server.store.db import Database
from server.store.projection.collection_state import CollectionState
from server.store.projection.inspection import has_lost_points
from server.store.projection.placement import Home, find_placement, is_current, note_flushed, read_rows
from server.store.projection.points.point_writer import PointWriter
from server.store.projection.settling import open_serving
from server.store.search.seam import Engine, EngineDown, UnusableCollection, WritesRefused

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

REMEMBERED = 10_000  # workspaces whose states are kept; if there are more, those without work left are forgotten
PATIENCE = 2.0  # seconds that a search waits until a collection has caught up with the record


class CatchUp:
    """The states of the collections of this process, and the work that brings one up to the record."""

    def __init__(self, db: Database, engine: Engine, writer: PointWriter, home: Home, *, shared: bool) -> None:
        """`home` is where new collections are made; `shared` says that other processes write to the same ones."""
        self._db = db
        self._engine = engine
        self._writer = writer
        self._home = home
        self._is_shared = shared
        self._states: dict[str, CollectionState] = {}
        self._tasks: set[asyncio.Task[CollectionState]] = set()

    def get_state(self, workspace_id: str) -> CollectionState | None:
        """Return the state of a workspace's collection; None if this process has not used it."""
        return self._states.get(workspace_id)

    def list_states(self) -> list[tuple[str, CollectionState]]:
        """Return the state of each collection of this process, with the id of its workspace."""
        return list(self._states.items())

    @asynccontextmanager
    async def lock_state(self, workspace_id: str) -> AsyncGenerator[CollectionState]:
        """Hold a workspace's lock, to change its state or to write points. It is never taken inside a transaction."""
        state = self._states.setdefault(workspace_id, CollectionState())
        state.users += 1
        try:
            async with state.lock:
                yield state
        finally:
            state.users -= 1

    async def project_changes(self, workspace_id: str) -> CollectionState:
        """Project the new changes of a workspace, and return the state of its collection.

        Raises:
            EngineDown: the engine is down. It was called once for all waiting callers.
        """
        state = self._states.setdefault(workspace_id, CollectionState())
        state.asked += 1
        mine = state.asked
        async with self.lock_state(workspace_id):
            if state.served < mine:
                await self._project_for_waiters(workspace_id, state)
            if state.failure is not None:
                raise WritesRefused(state.failure) if state.is_read_only else EngineDown(state.failure)
        return state

    async def project_for_search(self, workspace_id: str) -> CollectionState:
        """Project the new changes, but wait for `PATIENCE` at most: then the collection answers with its points so far.

        Raises:
            EngineDown: the engine is down, or can neither write nor open the collection.
        """
        task = asyncio.ensure_future(self.project_changes(workspace_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=PATIENCE)
        state = self._states.setdefault(workspace_id, CollectionState())
        if state.opened is None or task.done():
            try:
                return await asyncio.shield(task)
            except WritesRefused:
                if state.opened is None:
                    raise
        return state

    async def drop_collection(self, workspace_id: str, state: CollectionState) -> None:
        """Drop a workspace's collection, if there is one. The caller holds the workspace's lock. Raises EngineDown."""
        placement = await find_placement(self._db, workspace_id)
        if placement is not None:
            await self._engine.drop_collection(placement.target.collection)
            await note_flushed(self._db, placement.target, 0)
        state.opened, state.must_drop = None, False

    async def find_outdated(self) -> list[str]:
        """Return the ids of the workspaces whose collection is not as the record says.

        The callers that change a memory see to that; but one may be cut off right after its commit, and other processes
        write, delete and change generations too.
        """
        known = [each for each, state in self._states.items() if state.is_in_use]
        return [row.id for row in await read_rows(self._db, known) if await self._is_outdated(row)]

    def forget_idle_states(self) -> None:
        """Forget the states that have no work left, if there are too many."""
        for workspace_id, state in list(self._states.items()):
            if len(self._states) <= REMEMBERED:
                return
            has_unflushed = state.opened is not None and state.opened.projected > state.opened.flushed
            if not (state.users or state.is_behind or state.must_drop or has_unflushed):
                del self._states[workspace_id]

    async def _project_for_waiters(self, workspace_id: str, state: CollectionState) -> None:
        """Project once for all callers so far, and note the outcome for them."""
        before, state.served = state.served, state.asked
        state.is_behind = state.is_behind or state.opened is None
        try:
            await self._project_or_rebuild(workspace_id, state)
        except WritesRefused as error:
            state.is_behind, state.failure, state.is_read_only = True, str(error), True
        except EngineDown as error:
            state.is_behind, state.failure, state.opened, state.is_read_only = True, str(error), None, False
        except BaseException:
            state.is_behind, state.served = True, before
            raise
        else:
            state.is_behind, state.failure, state.is_read_only = False, None, False

    async def _project_or_rebuild(self, workspace_id: str, state: CollectionState) -> None:
        """Project the changes; if the collection is damaged, drop it and project everything, else what is lost."""
        if state.must_drop:
            await self.drop_collection(workspace_id, state)
        try:
            await self._write_changes(workspace_id, state)
        except UnusableCollection as error:
            state.note_unusable(error)
            log.warning("projection.rebuilt", workspace=workspace_id, error=type(error).__name__, reason=str(error))
            if state.must_drop:
                await self.drop_collection(workspace_id, state)
            await self._write_changes(workspace_id, state)

    async def _write_changes(self, workspace_id: str, state: CollectionState) -> None:
        was_closed = state.opened is None
        if was_closed:
            state.opened = await open_serving(self._db, self._engine, self._home, workspace_id)
        if (opened := state.opened) is None:
            return
        had_points = opened.projected > 0
        opened.projected = await self._writer.write_changes(opened.target, opened.projected)
        # The embedded engine opens a file of ids that was cut short, and is silent about the points that it lost.
        if was_closed and had_points and not self._is_shared:
            target = opened.target
            if await has_lost_points(self._db, self._engine, target, opened.projected):
                raise UnusableCollection(f"the collection {target.collection.name} lost points")

    async def _is_outdated(self, row: sa.Row[Any]) -> bool:
        """Whether a collection is not as its workspace's row says; one that serves no longer is closed."""
        state = self._states.get(row.id)
        if state is None:
            return False
        if (opened := state.opened) is None:
            return True
        if not is_current(row, opened.target):
            async with self.lock_state(row.id):
                state.opened = None
            return True
        return state.is_behind or row.revision > opened.projected
