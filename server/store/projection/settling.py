"""Opening the collection that serves a workspace, and settling first where that is."""

import sqlalchemy as sa

from server.store.db import Database
from server.store.projection.collection_state import NOTHING_SERVED, OpenedCollection, Serving
from server.store.projection.placement import Home, Placement, find_placement, note_flushed, read_placement
from server.store.projection.record_words import read_words
from server.store.search.seam import Engine
from server.store.tables.accounts import workspaces


async def open_serving(db: Database, engine: Engine, home: Home, workspace_id: str) -> OpenedCollection | None:
    """Open the collection of a workspace that has memories; if the workspace was deleted, drop it.

    Raises:
        EngineDown: the engine cannot be reached.
    """
    placement = await find_placement(db, workspace_id)
    if placement is None or placement.is_empty:
        return None
    if placement.is_deleted:
        await engine.drop_collection(placement.target.collection)
        return None
    if not placement.is_placed or placement.store != home.store:
        placement = await _settle_placement(db, engine, home, workspace_id) or placement
    collection = placement.target.collection
    is_new = not await engine.has_collection(collection)
    if is_new and placement.flushed:
        # Before it is made: after a crash half-way the new one would pass for the whole one.
        await note_flushed(db, placement.target, 0)
    is_new |= await engine.open_collection(collection)
    flushed = 0 if is_new else placement.flushed
    return OpenedCollection(placement.target, flushed, flushed)


async def serve_words(db: Database, workspace_id: str) -> Serving:
    """Return the words of a workspace's memories, from the record, if its collection cannot be opened."""
    placement = await find_placement(db, workspace_id)
    if placement is None or placement.is_empty or placement.is_deleted:
        return NOTHING_SERVED
    words = await read_words(db, placement.target)
    return Serving(0, words.language, words=words)


async def _settle_placement(db: Database, engine: Engine, home: Home, workspace_id: str) -> Placement | None:
    """Note the store and the layout of a workspace's collection, and return its place; None if it is gone.

    If the points were in a store of the other kind, the collection starts empty. An earlier stay may have left points
    in this one, whose memories have been deleted since.
    """
    held = sa.select(workspaces.c.layout, workspaces.c.search_store).where(workspaces.c.id == workspace_id)
    async with db.write() as connection:
        # The row is held until the old points are gone, so that no other process writes new ones before.
        row = (await connection.execute(held.with_for_update())).one_or_none()
        if row is None:
            return None
        values: dict[str, str | int] = {"search_store": home.store}
        has_moved = row.search_store is not None and row.search_store != home.store
        if has_moved or row.layout is None:
            values |= {"layout": home.layout, "flushed_revision": 0}
        settled = sa.update(workspaces).where(workspaces.c.id == workspace_id).values(**values)
        await connection.execute(settled)
        if has_moved:
            placement = await read_placement(connection, workspace_id)
            if placement is not None:
                await engine.drop_collection(placement.target.collection)
    return await find_placement(db, workspace_id)
