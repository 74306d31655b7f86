"""Memento's sentences about workspaces."""

from tools import workspaces

#: The fields of a workspace that Memento has.
_FIELDS = {"id", "name", "created_at", "updated_at"}


def describe_created_workspace(answer: workspaces.CreatedWorkspace) -> str:
    """Say whether the workspace was created or already existed."""
    verb = "created" if answer.created else "already exists"
    return f'Workspace "{answer.name}" {verb} (id: {answer.id}).'


def describe_workspace_list(answer: workspaces.WorkspaceList) -> str:
    """Return the list as JSON text, which Memento's clients parse."""
    inner = ",".join(each.model_dump_json(include=_FIELDS) for each in answer.workspaces)
    return f"[{inner}]"


def describe_deleted_workspace(answer: workspaces.DeletedWorkspace) -> str:
    """Name the deleted workspace."""
    return f'Workspace "{answer.name}" deleted.'
