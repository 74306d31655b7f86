"""Reading the memories of a workspace for entities: by a background work, and before an answer about entities."""

from sqlalchemy.exc import DBAPIError

from server.clock import Clock
from server.store.db import Database
from server.store.entities.known_names import KnownNames
from server.store.outage import find_outage
from server.store.record.entities import mentions, rows

MOST_STEPS = 5
"""The most steps for which an answer waits."""


async def catch_up(db: Database, names: KnownNames, workspace_id: str, now: Clock, most: int | None = None) -> bool:
    """Read the memories that changed since the last time, and return whether all are read.

    Each step is a transaction of its own, which another process may make meanwhile. With `most`, a full disk ends the
    reading without an error: an answer comes from what was read before.

    Args:
        db: the record.
        names: the names that are remembered.
        workspace_id: the workspace.
        now: the clock.
        most: the most steps; None for as many as are needed.
    """
    done = 0
    while most is None or done < most:
        async with db.read() as connection:
            state = await mentions.read_state(connection, workspace_id, now())
        if not state.is_behind:
            return True
        try:
            await _make_step(db, names, workspace_id, now)
        except DBAPIError as error:
            if most is None or find_outage(error) != "full":
                raise
            return False
        done += 1
    return False


async def _make_step(db: Database, names: KnownNames, workspace_id: str, now: Clock) -> None:
    """Read the next memories for entities, and store what they name."""
    async with db.write() as connection:
        _, _, version = await rows.hold_reading(connection, workspace_id)
        known = await names.read(connection, workspace_id, version)
        await mentions.read_step(connection, workspace_id, now(), known.is_known)
