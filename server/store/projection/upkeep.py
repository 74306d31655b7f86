"""Keeping the search store's files to what the record still holds."""

import sqlalchemy as sa
import structlog

from server.store.db import Database
from server.store.projection.placement import placement
from server.store.projection.projection import Projection
from server.store.search.seam import Collection, Engine
from server.store.tables.accounts import workspaces

log = structlog.get_logger(__name__)


async def sweep(db: Database, engine: Engine) -> None:
    """Drop collections that no workspace has: of workspaces that were deleted, or of generations that were replaced.

    For the start: a process that died between the record's change and the drop has left them behind.
    """
    there = await engine.names()
    if not there:
        return
    columns = (workspaces.c.id, workspaces.c.generation, workspaces.c.key_rule)
    query = sa.select(*columns).where(workspaces.c.deleted_at.is_(None))
    async with db.read() as connection:
        rows = await connection.execute(query)
        kept = {placement(row.id, row.generation, 0, row.key_rule).name for row in rows}
    for name in sorted(there - kept):
        log.info("a collection that nobody has is dropped", collection=name)
        await engine.drop(Collection(name, 0))


async def vacuum(db: Database, projection: Projection) -> None:
    """Build anew the collections that something was erased from, so that it stands in no file any more.

    The embedded engine only hides what is deleted; a server cleans up by itself.
    """
    unclean = sa.select(workspaces.c.id, workspaces.c.erasures).where(
        workspaces.c.erasures > workspaces.c.vacuumed, workspaces.c.deleted_at.is_(None)
    )
    async with db.read() as connection:
        found = (await connection.execute(unclean)).all()
    for row in found:
        await projection.forget(row.id)
        if not await projection.project(row.id):
            return
        async with db.write() as connection:
            done = sa.update(workspaces).where(workspaces.c.id == row.id).values(vacuumed=row.erasures)
            await connection.execute(done)
