"""One call of an operation: the facts that its door knows, and the facts that its handler gets."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import Principal
from server.store.audit.entry import DoorName
from server.store.record.journal import Actor
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.answers import Meta, build_meta
from tools.core.services import Services
from tools.core.trace import Trace


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
    #: What the audit says about it; None if another call is noted in its place.
    trace: Trace | None = field(default=None, kw_only=True)

    def note_account(self, account_id: str) -> None:
        """Have the call noted in the audit of this account, and not in that of the caller's own."""
        if self.trace is not None:
            self.trace.account_id = account_id

    def note_workspace(self, workspace: Workspace) -> None:
        """Have the call noted as one in this workspace, in the audit of its account."""
        if self.trace is not None:
            self.trace.workspace = workspace


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
