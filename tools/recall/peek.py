"""The authorization rule for the other workspaces that a caller may search beside the call's own."""

from collections.abc import Sequence

import structlog

from server.store.directory import WorkspaceNameTooLong, WorkspaceNotFound
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.access import find_named_workspace
from tools.core.call import Call
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def find_peekable_workspaces(services: Services, call: Call, names: Sequence[str]) -> list[Workspace]:
    """Return the named workspaces that the caller may read, without the call's own.

    A workspace that does not exist, that belongs to others, or that the caller's key is not bound to is left out and
    logged: a recall should not fail because of it.
    """
    found: dict[str, Workspace] = {}
    for name in dict.fromkeys(names):
        workspace = await _find_peekable(services, call, name)
        if workspace is not None and workspace.id != call.id_for_reading:
            found[workspace.id] = workspace  # by id: a workspace of one's own account has two names
    return list(found.values())


async def _find_peekable(services: Services, call: Call, name: str) -> Workspace | None:
    principal = call.principal
    try:
        found = (await find_named_workspace(services, principal, name)).workspace
    except (WorkspaceNotFound, WorkspaceNameTooLong):
        log.warning("peek.refused", reason="not_a_member", user=principal.user_id, workspace=name)
        return None
    if isinstance(found, MissingWorkspace):
        return None
    if principal.workspace_id not in {None, found.id}:
        log.warning("peek.refused", reason="key_is_bound", user=principal.user_id, workspace=name)
        return None
    return found
