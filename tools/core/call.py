"""One call of an operation: the facts that its door knows, and the facts that its handler gets."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import Principal
from server.store.audit.entry import DoorName
from server.store.record.journal import Actor
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.answers import Meta, build_meta
from tools.core.services import Services


@dataclass(frozen=True, slots=True)
class Door:
    """The facts that a door knows about a request, beside its arguments."""

    principal: Principal
    request_id: str
    #: The workspace that the connection names: the header, else the connector URL's query.
    workspace: str | None = None
    #: The other workspaces that the connection wants to search as well: a list, or one text with commas between them.
    peek: str | list[str] | None = None
    name: DoorName = "rest"


@dataclass(frozen=True, slots=True)
class AccountCall:
    """One validated call of an operation on an account, as its handler sees it."""

    principal: Principal
    actor: Actor


@dataclass(frozen=True, slots=True)
class Call(AccountCall):
    """One validated call of an operation in a workspace, as its handler sees it."""

    workspace: Workspace | MissingWorkspace

    @property
    def id_for_reading(self) -> str:
        """The workspace's id, for statements that find rows; of a missing workspace "", the id of no workspace.

        To insert rows, take the workspace from `ensure_workspace`.
        """
        return self.workspace.id if isinstance(self.workspace, Workspace) else ""

    @property
    def meta(self) -> Meta:
        """The answer's `meta`, without a notice."""
        return build_meta(self.workspace)

    def build_meta(self, notice: str | None) -> Meta:
        """The answer's `meta`, with a notice."""
        return build_meta(self.workspace, notice)


@dataclass(frozen=True, slots=True)
class PlacedCall(Call):
    """A call in a workspace that exists: see `ensure_workspace`."""

    workspace: Workspace


async def ensure_workspace(connection: AsyncConnection, services: Services, call: Call) -> PlacedCall:
    """The call in a workspace that exists: a missing one is made in the caller's transaction.

    So a request that is refused makes no workspace: its transaction is undone, and the workspace with it.

    Raises:
        Failure: `quota_exceeded` if the account's plan allows no more workspaces.
    """
    workspace = call.workspace
    if isinstance(workspace, MissingWorkspace):
        workspace, _ = await services.plans.ensure_workspace(
            connection, workspace.account_id, workspace.name, services.encoder.generation, services.now()
        )
    return PlacedCall(call.principal, call.actor, workspace)
