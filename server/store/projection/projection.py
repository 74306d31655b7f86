"""The projection: memories' rows in SQL, as points in the search store.

It never carries a caller's copy. Under a lock for each workspace it reads the rows that changed since the last time, as
they now are, and writes or deletes their points. A point counts as kept only once the engine has flushed it
(`flushed_revision`); every row above that revision is projected again when the collection is opened. So a lost, torn or
old index costs another projection, and a crash costs nothing, whenever it happens.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from server.memory.recall.gate import compute_idf
from server.store.db import Database
from server.store.projection.catch_up import CatchUp
from server.store.projection.collection_state import NOTHING_SERVED, Serving
from server.store.projection.inspection import find_difference
from server.store.projection.past_points import add_past
from server.store.projection.placement import (
    EMBEDDED,
    Home,
    Target,
    is_serving,
    note_flushed,
)
from server.store.projection.points.point_writer import PointWriter
from server.store.projection.rarities import Rarities
from server.store.projection.rebuild import Rebuilder, plan_replacement
from server.store.projection.settling import serve_words
from server.store.projection.stale_points import add_unprojected, renew_points
from server.store.record.relations.current import Past
from server.store.search.seam import Engine, EngineDown, FoundPoints, Query, UnusableCollection, WritesRefused

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

CLOSE_SECONDS = 0.75  # that `close` waits for the engine to catch up; the next start projects the rest


class Projection:
    """The search store of every workspace, kept in step with the record."""

    def __init__(self, db: Database, engine: Engine, *, shared: bool, home: Home = EMBEDDED) -> None:
        """`shared` says that other processes write to the same collections; `home` is where new ones are made."""
        self._db = db
        self._engine = engine
        self._home = home
        self._is_shared = shared
        writer = PointWriter(db, engine, shared=shared)
        self._rebuilder = Rebuilder(db, engine, writer)
        self._catch_up = CatchUp(db, engine, writer, home, shared=shared)

    async def project(self, workspace_id: str) -> bool:
        """Bring a workspace's collection up to the record as it now stands; drop it if the workspace was deleted.

        Returns:
            False if that has to wait. The commit before the call stands, so no failure of a store is raised.
        """
        try:
            await self._catch_up.project_changes(workspace_id)
        except (EngineDown, SQLAlchemyError, OSError) as error:
            log.warning("projection.behind", workspace=workspace_id, error=type(error).__name__, reason=str(error))
            return False
        return True

    async def search_points(self, workspace_id: str, query: Query, generation: int | None = None) -> FoundPoints:
        """Return the points in the collection of a workspace; no points if it has no collection.

        Waits for writers only if the collection was not open, or is behind. If a generation is named and the
        collection holds another one's vectors by now, the dense arm is not asked.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        was_rebuilt = False
        while True:
            state = self._catch_up.get_state(workspace_id)
            if state is None or state.opened is None or state.is_behind:
                state = await self._catch_up.project_for_search(workspace_id)
            if state.opened is None:
                return FoundPoints([], [])
            target = state.opened.target
            has_vectors = generation in {None, target.generation}
            found, failure, is_lost = FoundPoints([], []), None, False
            asked = query if has_vectors else replace(query, dense=None)
            try:
                found = await self._engine.search_points(target.collection, asked)
                if not (found.dense or found.text):
                    await self._close_replaced(target)
                    is_lost = await self._is_lost(target)
            except EngineDown as error:
                if was_rebuilt or not (isinstance(error, UnusableCollection) or await self._is_lost(target)):
                    raise
                is_lost, failure = True, error
            if is_lost and not was_rebuilt and state.is_serving(target):
                was_rebuilt = True
                state.note_unusable(failure)
                continue
            if state.is_serving(target):
                return await self._complete_points(workspace_id, query, found) if state.is_behind else found
            # It was dropped or replaced while we asked, and may have read as empty.

    async def add_past(
        self,
        workspace_id: str,
        query: Query,
        found: FoundPoints,
        past: Past,
        rarities: Sequence[float],
        serving: Serving,
    ) -> FoundPoints:
        """Return the points that a query found, as it was in the past: see `past_points`."""
        generation, language = serving.generation, serving.language
        return await add_past(
            self._db, workspace_id, query, found, past, rarities=rarities, generation=generation, language=language
        )

    def explain_gaps(self, workspace_id: str) -> str | None:
        """Return why memories may be missing in a workspace's collection, as a clause; None if none are."""
        state = self._catch_up.get_state(workspace_id)
        if state is None or not state.is_behind:
            return None
        return state.failure or "the search index is being made again"

    async def open_collection(self, workspace_id: str) -> Serving:
        """Open a workspace's collection if it is not open, and return its generation and language.

        If the engine takes no writes and the collection is not there, the words of the record are read instead.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        state = self._catch_up.get_state(workspace_id)
        if state is None or state.opened is None:
            try:
                state = await self._catch_up.project_changes(workspace_id)
            except WritesRefused:
                state = self._catch_up.get_state(workspace_id)
                if state is None or state.opened is None:
                    return await serve_words(self._db, workspace_id)
        if (opened := state.opened) is None:
            return NOTHING_SERVED
        return Serving(opened.target.generation, opened.target.language, opened.projected)

    async def find_rarities(self, workspace_id: str, terms: Sequence[int]) -> tuple[list[float], int]:
        """Return each term's idf in a workspace whose collection is open, and the number of memories in that.

        Both are remembered until something changes in the workspace. A damaged collection is made again.

        Raises:
            EngineDown: the engine cannot be reached.
        """
        try:
            return await self._read_rarities(workspace_id, terms)
        except UnusableCollection as error:
            if (state := self._catch_up.get_state(workspace_id)) is not None:
                state.note_unusable(error)
            await self._catch_up.project_changes(workspace_id)
            return await self._read_rarities(workspace_id, terms)

    async def _read_rarities(self, workspace_id: str, terms: Sequence[int]) -> tuple[list[float], int]:
        state = self._catch_up.get_state(workspace_id)
        if state is None or (opened := state.opened) is None:
            return [compute_idf(0, 0)] * len(terms), 0
        collection, known = opened.target.collection, opened.rarities
        if known is None or not known.is_current(opened.projected):
            known = Rarities(opened.projected, await self._engine.count_points(collection))
            opened.rarities = known
        return await known.find_rarities(self._engine, collection, terms), known.total

    async def count_memories(self, workspace_id: str) -> int:
        """Return the number of memories that can be searched in a workspace; 0 if its collection is not open."""
        state = self._catch_up.get_state(workspace_id)
        if state is None or state.opened is None:
            return 0
        return await self._engine.count_points(state.opened.target.collection)

    def list_projected(self) -> dict[str, int | None]:
        """Return the revision that each collection of this process has, by workspace; None for one that is closed."""
        return {key: each.projected_revision for key, each in self._catch_up.list_states() if each.is_in_use}

    async def patch_points(self, workspace_id: str, patches: dict[str, dict[str, Any]]) -> None:
        """Overwrite payload keys that are no part of a memory's revision, in the points that exist."""
        if self._catch_up.get_state(workspace_id) is None:
            return
        async with self._catch_up.lock_state(workspace_id) as state:
            if (opened := state.opened) is not None:
                await self._engine.set_payload(opened.target.collection, patches)
                opened.patched_at = opened.patched_at or asyncio.get_running_loop().time()

    async def find_difference(self, workspace_id: str) -> str | None:
        """Bring a collection up to the record, and return how it still differs, if it does. Raises EngineDown."""
        opened = (await self._catch_up.project_changes(workspace_id)).opened
        return None if opened is None else await find_difference(self._db, self._engine, opened.target)

    async def flush(self) -> None:
        """Catch up with the workspaces that are behind, put all points on the disk, and note how far that is."""
        for workspace_id in await self._catch_up.find_outdated():
            await self.project(workspace_id)
        for workspace_id, state in self._catch_up.list_states():
            if state.opened is None:
                continue
            if await self._is_lost(state.opened.target):
                state.note_unusable(None)
                await self.project(workspace_id)
            elif state.opened.needs_flush(asyncio.get_running_loop().time()):
                await self._flush_workspace(workspace_id)
        self._catch_up.forget_idle_states()

    async def forget(self, workspace_id: str) -> None:
        """Drop the collection of a workspace that was deleted, or whose collection is to be built anew.

        If the engine is down, the collection is dropped as soon as it is up again.
        """
        async with self._catch_up.lock_state(workspace_id) as state:
            state.must_drop = True
            try:
                await self._catch_up.drop_collection(workspace_id, state)
            except EngineDown as error:
                state.is_behind = True
                log.warning("projection.drop_waits", workspace=workspace_id, reason=str(error))

    async def switch_generation(self, workspace_id: str, generation: int, rule: str) -> None:
        """Serve a workspace from a collection with the vectors of this generation and search texts by this rule.

        The new one, in the layout of new collections, is made beside the old one, which serves until the new one is
        whole and on the disk.

        Raises:
            EngineDown: the engine cannot be reached; the old one goes on serving.
        """
        replacement = await plan_replacement(self._db, workspace_id, generation, rule, self._home.layout)
        if replacement is None:
            return
        # Nobody waits for the bulk of it; only the changes made meanwhile are written under the lock.
        reached = await self._rebuilder.build_collection(replacement)
        async with self._catch_up.lock_state(workspace_id) as state:
            if not await self._rebuilder.switch_collection(replacement, reached):
                return
            state.opened = None  # the next caller finds the new one in the record
        await self._engine.drop_collection(replacement.old.collection)

    async def close(self) -> None:
        """Flush, as far as there is time, and close the engine."""
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.flush(), CLOSE_SECONDS)
        finally:
            await self._engine.close()

    async def ping(self) -> None:
        """Return if the engine answers. Raises EngineDown."""
        await self._engine.ping()

    async def _complete_points(self, workspace_id: str, query: Query, found: FoundPoints) -> FoundPoints:
        """Return points as the record has them now; if nothing can be written, with those that are not projected."""
        found = await renew_points(self._db, workspace_id, found)
        state = self._catch_up.get_state(workspace_id)
        if state is None or (opened := state.opened) is None or query.text is None or state.failure is None:
            return found
        rarities, _ = await self._read_rarities(workspace_id, query.text.indices)
        return await add_unprojected(self._db, opened, query, rarities, found)

    async def _is_lost(self, target: Target) -> bool:
        """Whether somebody removed the files of a collection that is open. Of a server's, and if it is down: False."""
        if self._is_shared:
            return False
        try:
            return not await self._engine.has_collection(target.collection)
        except EngineDown:
            return False

    async def _close_replaced(self, target: Target) -> None:
        """Close an open collection that another process has replaced or dropped. It reads as an empty one then."""
        if not self._is_shared or await is_serving(self._db, target):
            return
        async with self._catch_up.lock_state(target.workspace_id) as state:
            if state.is_serving(target):
                state.opened = None

    async def _flush_workspace(self, workspace_id: str) -> None:
        async with self._catch_up.lock_state(workspace_id) as state:
            if (opened := state.opened) is None:
                return
            try:
                await self._engine.flush_collection(opened.target.collection)
            except EngineDown as error:
                if isinstance(error, UnusableCollection):
                    state.note_unusable(error)  # the next round repairs it
                log.warning("projection.flush_failed", workspace=workspace_id, reason=str(error))
                return
            await note_flushed(self._db, opened.target, opened.projected)
            opened.flushed, opened.patched_at = opened.projected, None
