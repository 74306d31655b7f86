"""Workspaces: isolated memory stores, each a collection of its own."""

from contextlib import suppress

from pydantic import BaseModel, Field

from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record import workspaces
from server.store.record.workspaces import Workspace
from server.store.search.seam import EngineDown
from tools.core.arguments import Args, NoArgs, WorkspaceName
from tools.core.call import AccountCall
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class WorkspaceView(BaseModel):
    """A workspace as its owner sees it."""

    id: str = Field(description="The workspace's id.")
    name: str = Field(description="Its name, which the `workspace` argument and the header take.")
    created_at: Timestamp = Field(description="When it was made.")
    updated_at: Timestamp = Field(description="When something in it last changed.")


class CreateWorkspace(Args):
    """The arguments of `create_workspace`."""

    name: WorkspaceName = Field(default="default", description="Its name.")


class CreatedWorkspace(WorkspaceView):
    """The workspace, and whether it is new."""

    created: bool = Field(description="False if it existed already.")


class WorkspaceList(BaseModel):
    """An account's workspaces."""

    workspaces: list[WorkspaceView] = Field(description="The workspaces, oldest first.")


class WorkspaceRef(Args):
    """The arguments of `delete_workspace`."""

    id: Id = Field(description="The workspace's id, not its name.")


class DeletedWorkspace(BaseModel):
    """The workspace that was deleted."""

    id: str = Field(description="The workspace's id.")
    name: str = Field(description="Its name, which is free again.")


def _to_view_fields(workspace: Workspace) -> dict[str, object]:
    return {name: getattr(workspace, name) for name in WorkspaceView.model_fields}


def _refuse_bound(call: AccountCall) -> None:
    if call.principal.workspace_id is not None:
        raise Failure("forbidden", "This key is bound to one workspace; it cannot make or delete workspaces.")


async def create_workspace(services: Services, call: AccountCall, args: CreateWorkspace) -> CreatedWorkspace:
    """Make a workspace, or find the one of that name."""
    _refuse_bound(call)
    principal = call.principal
    account_id, name = await services.directory.locate_workspace(principal.user_id, principal.account_id, args.name)
    made, created = await services.directory.ensure_workspace(account_id, name, services.encoder.generation)
    return CreatedWorkspace.model_validate(_to_view_fields(made) | {"created": created})


async def list_workspaces(services: Services, call: AccountCall, args: NoArgs) -> WorkspaceList:  # noqa: ARG001 - a handler's signature
    """Return the caller's workspaces; a bound key sees only its own."""
    async with services.db.read() as connection:
        found = await workspaces.list_workspaces(connection, call.principal.account_id)
    mine = [each for each in found if call.principal.workspace_id in {None, each.id}]
    return WorkspaceList(workspaces=[WorkspaceView.model_validate(_to_view_fields(each)) for each in mine])


async def delete_workspace(services: Services, call: AccountCall, args: WorkspaceRef) -> DeletedWorkspace:
    """Hide a workspace and everything in it. Raises `not_found` for a workspace that is not the caller's."""
    _refuse_bound(call)
    async with services.db.read() as connection:
        found = await workspaces.get_workspace(connection, args.id)
    if found is None or found.account_id != call.principal.account_id:
        raise Failure("not_found", f"There is no workspace {args.id}.", field="id")
    await services.directory.delete_workspace(found)
    services.authenticator.evict(found.id)
    with suppress(EngineDown):  # the record has it: nothing finds the workspace's points any more
        await services.projection.forget(found.id)
    return DeletedWorkspace(id=found.id, name=found.name)


OPERATIONS = (
    Operation(
        name="create_workspace",
        description=(
            "Create a workspace: a separate memory store for another person, agent or subject. This is seldom needed, "
            "since storing into a workspace that does not exist creates it."
        ),
        routes=(("POST", "/v1/workspaces"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateWorkspace,
        returns=CreatedWorkspace,
        handler=create_workspace,
    ),
    Operation(
        name="list_workspaces",
        description="List the workspaces that you can use, oldest first.",
        routes=(("GET", "/v1/workspaces"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=WorkspaceList,
        handler=list_workspaces,
    ),
    Operation(
        name="delete_workspace",
        description=(
            "Delete a workspace and every memory in it, by its id. Only when the person asks for exactly that; name "
            "the workspace back to them first."
        ),
        routes=(("DELETE", "/v1/workspaces/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=WorkspaceRef,
        returns=DeletedWorkspace,
        handler=delete_workspace,
    ),
)
