"""Removing collections and erased texts from the search store, if the record does not hold them any more."""

import sqlalchemy as sa
import structlog

from server.store.db import Database
from server.store.projection.placement import name_collection
from server.store.projection.projection import Projection
from server.store.search.seam import Collection, Engine
from server.store.tables.accounts import workspaces

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def drop_orphan_collections(db: Database, engine: Engine) -> None:
    """Drop the collections that no workspace has: its workspace was deleted, or another collection serves it.

    It is done when a server starts: a process that died between the record's change and the drop left them behind.

    Raises:
        EngineDown: the engine cannot be reached.
    """
    names = await engine.list_names()
    if not names:
        return
    columns = (workspaces.c.id, workspaces.c.generation, workspaces.c.search_text_rule)
    query = sa.select(*columns).where(workspaces.c.deleted_at.is_(None))
    async with db.read() as connection:
        rows = await connection.execute(query)
        wanted = {name_collection(row.id, row.generation, 0, row.search_text_rule).name for row in rows}
    for name in sorted(names - wanted):
        log.info("collection.orphan_dropped", collection=name)
        await engine.drop_collection(Collection(name, 0))


async def rebuild_erased_collections(db: Database, projection: Projection) -> None:
    """Rebuild the collections that something was erased from, so that the erased text is in no file any more.

    The embedded engine only hides a deleted point; a Qdrant server removes it without our help.
    """
    unclean = sa.select(workspaces.c.id, workspaces.c.erasures).where(
        workspaces.c.erasures > workspaces.c.vacuumed, workspaces.c.deleted_at.is_(None)
    )
    async with db.read() as connection:
        rows = (await connection.execute(unclean)).all()
    for row in rows:
        await projection.forget(row.id)
        if not await projection.project(row.id):
            return
        async with db.write() as connection:
            clean = sa.update(workspaces).where(workspaces.c.id == row.id).values(vacuumed=row.erasures)
            await connection.execute(clean)
