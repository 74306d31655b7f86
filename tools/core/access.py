"""The one place that decides what a caller may do with a workspace or an account.

What is not theirs in any way is answered as if it were not there. A change of something that they may only read is
refused with a sentence.
"""

from dataclasses import dataclass

from auth.principal import ADMIN, Principal
from server.errors import Failure
from server.store.db import Database
from server.store.directory import WorkspaceNotFound
from server.store.record.people.rights import Right, find_account_right, find_workspace_right
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.call import AccountCall
from tools.core.services import Services


@dataclass(frozen=True, slots=True)
class FoundWorkspace:
    """A workspace that a caller named, and what they may do with it. A missing one can be made with `WRITE`."""

    workspace: Workspace | MissingWorkspace
    right: Right

    def demand(self, needed: Right) -> Workspace | MissingWorkspace:
        """Return the workspace if the caller may do this with it.

        Raises:
            Failure: `forbidden`.
        """
        if self.right < needed:
            raise make_right_failure(self.workspace.name, needed)
        return self.workspace


def make_right_failure(workspace: str, needed: Right) -> Failure:
    """Return the refusal of somebody who may read a workspace, or write in it, and no more."""
    if needed is Right.WRITE:
        message = f"You may read the workspace {workspace!r}, and not change it. Ask an admin of its account."
    else:
        message = f"This takes an owner or an admin of the account that the workspace {workspace!r} belongs to."
    return Failure("forbidden", message, field="workspace")


async def find_named_workspace(services: Services, principal: Principal, asked: str | None) -> FoundWorkspace:
    """Return the workspace that a caller names, or their default one; it may be missing.

    Raises:
        WorkspaceNotFound: it is not theirs in any way, or there is no such account.
        WorkspaceNameTooLong: the name has too many characters.
    """
    account_id, name = await services.directory.locate_workspace(principal.user_id, principal.account_id, asked)
    found = await services.directory.find_workspace(account_id, name)
    if found is None:
        right = await find_right_in_account(services.db, principal, account_id)
    else:
        right = await find_right(services.db, principal, found)
    if right is None:
        raise WorkspaceNotFound(asked or name)
    return FoundWorkspace(found or MissingWorkspace(account_id, name), right)


async def find_right(db: Database, principal: Principal, workspace: Workspace) -> Right | None:
    """Return what a caller may do with a workspace; None if it is not theirs in any way."""
    if workspace.account_id == principal.account_id:
        return Right.OWN  # nobody else is in a personal account
    return await find_workspace_right(db, workspace.id, principal.user_id)


async def find_workspace_by_id(
    services: Services, call: AccountCall, workspace_id: str, needed: Right
) -> Workspace | None:
    """Return the workspace with this id; None if it is not the caller's in any way, or not what their key is bound to.

    The call is then noted in the audit as one in that workspace.

    Raises:
        Failure: `forbidden` if the caller may do less with it than is needed.
    """
    principal = call.principal
    workspace = await services.directory.get_workspace(workspace_id)
    if workspace is None or principal.workspace_id not in {None, workspace.id}:
        return None
    right = await find_right(services.db, principal, workspace)
    if right is None:
        return None
    call.note_workspace(workspace)
    if right < needed:
        raise make_right_failure(workspace.name, needed)
    return workspace


async def find_right_in_account(db: Database, principal: Principal, account_id: str) -> Right | None:
    """Return what a caller may do in an account; None if they are not in it."""
    if account_id == principal.account_id:
        return Right.OWN
    return await find_account_right(db, account_id, principal.user_id)


def demand_person(principal: Principal) -> None:
    """Check that a person is there, who decides about other people: in the console, or with a key for everything.

    An agent does not: a text that it reads might tell it to.

    Raises:
        Failure: `forbidden`.
    """
    if principal.via != "browser" and (ADMIN not in principal.scopes or principal.workspace_id is not None):
        message = "The rights of people are decided in the console, or with a key that has the scope admin."
        raise Failure("forbidden", message)
