"""Building the search store anew from the record, without embedding anything again."""

from server.progress import Progress
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.record import workspaces


class ReindexFailed(Exception):  # noqa: N818 - it names the outcome for the person who asked for it
    """The search store could not be rebuilt; the message says why."""


async def reindex(db: Database, projection: Projection, workspace_id: str | None, progress: Progress) -> int:
    """Drop and rebuild the collection of one workspace, or of all, and return the number of collections.

    Args:
        db: the record.
        projection: the search store.
        workspace_id: the workspace, or None for all.
        progress: called after each workspace.

    Raises:
        ReindexFailed: there is no such workspace, or the search store is down.
    """
    async with db.read() as connection:
        ids = await workspaces.list_workspace_ids(connection)
    wanted = [each for each in ids if workspace_id in {None, each}]
    if workspace_id is not None and not wanted:
        raise ReindexFailed(f"There is no workspace with the id {workspace_id}. GET /v1/workspaces shows the ids.")
    for done, each in enumerate(wanted, start=1):
        await projection.forget(each)
        if not await projection.project(each):
            raise ReindexFailed("The search store is down. Run this again when it is up.")
        await progress(done, len(wanted))
    await projection.flush()
    return len(wanted)
