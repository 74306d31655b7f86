"""Looking into more of the caller's workspaces than the one that a call is about."""

from collections.abc import Sequence

import structlog

from server.errors import Failure
from server.store.record.workspaces import Workspace
from tools.core.operation import Call
from tools.core.services import Services

log = structlog.get_logger(__name__)


async def peekable_workspaces(services: Services, call: Call, names: Sequence[str]) -> list[Workspace]:
    """The other workspaces that may be looked into; what is unknown or somebody else's is passed over."""
    found: dict[str, Workspace] = {}
    for name in dict.fromkeys(names):
        workspace = await _peek(services, call, name)
        if workspace is not None and workspace.id != call.workspace.id:
            found[workspace.id] = workspace  # that of one's own account has two names
    return list(found.values())


async def _peek(services: Services, call: Call, name: str) -> Workspace | None:
    principal = call.principal
    try:
        account_id, plain = await services.directory.locate(principal.user_id, principal.account_id, name)
    except Failure:
        log.warning("a peek at a workspace of others was passed over", user=principal.user_id, workspace=name)
        return None
    found = await services.directory.find(account_id, plain)
    if found is not None and principal.workspace_id not in {None, found.id}:
        log.warning("a bound key's peek was passed over", user=principal.user_id, workspace=name)
        return None
    return found
