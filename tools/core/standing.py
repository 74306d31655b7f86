"""Whether the caller of a long request may still do what it began with: an export, or an import of a file."""

from auth.principal import Principal
from server.errors import Failure
from server.store.directory import WorkspaceNotFound
from server.store.record.people.rights import Right
from server.store.record.people.standing import has_ended
from server.store.record.workspaces import Workspace
from tools.core.access import FoundWorkspace, find_right, find_right_in_account
from tools.core.call import Call
from tools.core.services import Services
from tools.core.store_refusals import refusals_as_failures


async def check_credential(services: Services, principal: Principal) -> None:
    """Check that a credential was not ended by somebody since its request began.

    Raises:
        Failure: `unauthorized`.
    """
    key_id = principal.credential_id if principal.via == "api_key" else None
    async with services.db.read() as connection:
        ended = await has_ended(
            connection, principal.user_id, key_id=key_id, grant_id=principal.grant_id, chain_id=principal.chain_id
        )
    if ended:
        raise Failure("unauthorized", "This request came with a key or a login that was ended meanwhile.")


async def check_standing(services: Services, call: Call, needed: Right) -> None:
    """Check that the credential of a call was not ended since it began, and that the right to the workspace is there.

    Whoever sends or stores for longer than a moment calls this at each step: what is taken away is gone for it, too.

    Raises:
        Failure: `unauthorized`; `not_found` if the workspace is not theirs any more, or was deleted; `forbidden`.
    """
    principal, workspace = call.principal, call.workspace
    await check_credential(services, principal)
    if isinstance(workspace, Workspace):
        is_there = await services.directory.get_workspace(workspace.id) is not None
        right = await find_right(services.db, principal, workspace) if is_there else None
    else:
        right = await find_right_in_account(services.db, principal, workspace.account_id)
    if right is None:
        with refusals_as_failures():
            raise WorkspaceNotFound(workspace.name)
    FoundWorkspace(workspace, right).demand(needed)
