"""Moving every workspace's points to the search store and the layout of the settings.

Points are made from the record, so nothing is copied from one store to the other, and nothing is embedded. A workspace
that is there already is only compared with the record, so a move that was cut off goes on from there.
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from server.progress import Progress
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.search.seam import EngineDown
from server.store.tables.accounts import workspaces

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: How often a workspace that others write to is compared before it counts as different.
LOOKS = 3


class MoveFailed(Exception):  # noqa: N818 - it names the outcome for the person who asked for it
    """Not every workspace was moved; the message says why."""


@dataclass(frozen=True, slots=True)
class Move:
    """The result of a move: the number of workspaces, and of those that had to be made again to agree."""

    workspaces: int
    repaired: int


async def move_collections(db: Database, projection: Projection, progress: Progress) -> Move:
    """Move each workspace, and compare its collection with the record. Of one store, the old one serves meanwhile.

    Raises:
        MoveFailed: the search store is down, or a collection differs even after it was made again.
    """
    query = sa.select(workspaces.c.id, workspaces.c.generation, workspaces.c.search_text_rule)
    live = query.where(workspaces.c.deleted_at.is_(None), workspaces.c.revision > 0).order_by(workspaces.c.id)
    async with db.read() as connection:
        rows = (await connection.execute(live)).all()
    repaired = 0
    for done, row in enumerate(rows, start=1):
        try:
            await projection.open_collection(row.id)  # settles the store, and for a new one the layout
            await projection.switch_generation(row.id, row.generation, row.search_text_rule)
            repaired += await _repair(projection, row.id)
        except EngineDown as error:
            raise MoveFailed(f"The search store is down: {error}. Run this again when it is up.") from None
        await progress(done, len(rows))
    await projection.flush()
    return Move(len(rows), repaired)


async def _repair(projection: Projection, workspace_id: str) -> bool:
    """Make a collection again if it differs from the record. Return whether that was needed."""
    difference = await _find_lasting_difference(projection, workspace_id)
    if difference is None:
        return False
    log.warning("projection.differed", workspace=workspace_id, difference=difference)
    await projection.forget(workspace_id)
    difference = await _find_lasting_difference(projection, workspace_id)
    if difference is not None:
        raise MoveFailed(f"In the workspace {workspace_id} {difference}, even after the collection was made again.")
    return True


async def _find_lasting_difference(projection: Projection, workspace_id: str) -> str | None:
    difference = None
    for _ in range(LOOKS):
        difference = await projection.find_difference(workspace_id)
        if difference is None:
            return None
    return difference
