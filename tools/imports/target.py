"""The place of an import: the workspace, the one who imports, and what its transactions need."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.store.db import Database
from server.store.record.erasure.tombstones import Tombstones
from server.store.record.journal import Actor
from server.store.record.people.plans import Plans
from server.store.record.workspaces import MissingWorkspace, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTarget:
    """The destination of an import, and the importer. `generation` is that of the vectors of a new workspace."""

    db: Database
    plans: Plans
    now: Clock
    actor: Actor
    workspace: Workspace | MissingWorkspace
    generation: int
    tombstones: Tombstones

    async def ensure_workspace(self, connection: AsyncConnection) -> Workspace:
        """Return the workspace. A missing one is made in the caller's transaction."""
        workspace = self.workspace
        if isinstance(workspace, MissingWorkspace):
            workspace, _ = await self.plans.ensure_workspace(
                connection, workspace.account_id, workspace.name, self.generation, self.now()
            )
        return workspace
