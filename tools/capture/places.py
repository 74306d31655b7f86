"""The place of a session: the project in which its agent works, by the repository or the folder that a hook names."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.capture.projects import list_project_folders, name_project, read_path, read_repository
from server.store.record import workspaces
from server.store.record.capture import places


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """The name of a project and the key by which its sessions are found; both are None if no place is known."""

    project: str | None = None
    key: str | None = None


async def find_session_place(
    connection: AsyncConnection, account_id: str, path: str | None, repository: str | None
) -> SessionPlace:
    """Return the place of a session: a project that is known there, else the repository or the folder itself.

    All worktrees of one repository are one place.
    """
    remote = None if repository is None else read_repository(repository)
    folder = None if path is None else read_path(path)
    likely = [*([remote] if remote else []), *(list_project_folders(folder) if folder else [])]
    if not likely:
        return SessionPlace()
    known = await places.find_workspaces_at(connection, account_id, likely)
    for each in likely:
        workspace = await workspaces.get_workspace(connection, known[each.key]) if each.key in known else None
        if workspace is not None:
            return SessionPlace(workspace.name, each.key)
    return SessionPlace(name_project(likely[:1]), likely[0].key)
