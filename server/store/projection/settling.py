"""Opening the collection that serves a workspace, and settling first where that is."""

import sqlalchemy as sa

from server.store.db import Database
from server.store.projection.collection_state import NOTHING_SERVED, OpenedCollection, Serving
from server.store.projection.placement import Home, Place, find_place, note_flushed, read_place
from server.store.projection.record_words import read_words
from server.store.search.seam import Engine
from server.store.tables.accounts import workspaces


async def open_serving(db: Database, engine: Engine, home: Home, workspace_id: str) -> OpenedCollection | None:
    """Open the collection of a workspace that has memories; if the workspace was deleted, drop it.

    Raises:
        EngineDown: the engine cannot be reached.
    """
    place = await find_place(db, workspace_id)
    if place is None or place.is_empty:
        return None
    if place.is_deleted:
        await engine.drop_collection(place.target.collection)
        return None
    if not place.is_placed or place.store != home.store:
        place = await _settle_place(db, engine, home, workspace_id) or place
    collection = place.target.collection
    is_new = not await engine.has_collection(collection)
    if is_new and place.flushed:
        # Before it is made: after a crash half-way the new one would pass for the whole one.
        await note_flushed(db, place.target, 0)
    is_new |= await engine.open_collection(collection)
    flushed = 0 if is_new else place.flushed
    return OpenedCollection(place.target, flushed, flushed)


async def serve_words(db: Database, workspace_id: str) -> Serving:
    """Return the words of a workspace's memories, from the record, if its collection cannot be opened."""
    place = await find_place(db, workspace_id)
    if place is None or place.is_empty or place.is_deleted:
        return NOTHING_SERVED
    words = await read_words(db, place.target)
    return Serving(0, words.language, words)


async def _settle_place(db: Database, engine: Engine, home: Home, workspace_id: str) -> Place | None:
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
            place = await read_place(connection, workspace_id)
            if place is not None:
                await engine.drop_collection(place.target.collection)
    return await find_place(db, workspace_id)
