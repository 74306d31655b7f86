"""The trace of a call: what the audit says about it, gathered while it is executed."""

from dataclasses import dataclass

from server.store.audit.entry import EffectName
from server.store.record.workspaces import MissingWorkspace, Workspace


@dataclass(slots=True)
class Trace:
    """One call while it is executed.

    Attributes:
        operation: the name of its operation.
        effect: the change that the operation makes.
        workspace: the workspace, as soon as it is found.
        account_id: the account, as soon as it is known that the call is about another one than the caller's own.
        is_journaled: whether the journal of the workspace says the same, so that a crash loses nothing.
    """

    operation: str
    effect: EffectName
    workspace: Workspace | MissingWorkspace | None = None
    account_id: str | None = None
    is_journaled: bool = False
