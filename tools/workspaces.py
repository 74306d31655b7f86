"""Workspaces: isolated memory stores, each a collection of its own."""

from contextlib import suppress

from pydantic import BaseModel, Field

from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record import workspaces
from server.store.record.people import rights
from server.store.record.people.rights import Right
from server.store.record.workspaces import MissingWorkspace, Workspace
from server.store.search.seam import EngineDown
from tools.core.access import find_named_workspace, find_workspace_by_id
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
    address: str = Field(description="The text for the `workspace` argument: `account/name` of another account's.")
    may_write: bool = Field(description="False if you may read it only.")


class CreateWorkspace(Args):
    """The arguments of `create_workspace`."""

    name: WorkspaceName = Field(default="default", description="Its name.")


class CreatedWorkspace(WorkspaceView):
    """The workspace, and whether it is new."""

    created: bool = Field(description="False if it existed already.")


class WorkspaceList(BaseModel):
    """The workspaces that somebody may use."""

    workspaces: list[WorkspaceView] = Field(description="The workspaces, oldest first.")


class WorkspaceRef(Args):
    """The arguments of `delete_workspace`."""

    id: Id = Field(description="The workspace's id, not its name.")


class DeletedWorkspace(BaseModel):
    """The workspace that was deleted."""

    id: str = Field(description="The workspace's id.")
    name: str = Field(description="Its name, which is free again.")


def _to_view_fields(workspace: Workspace, address: str, right: Right) -> dict[str, object]:
    fields: dict[str, object] = {name: getattr(workspace, name) for name in ("id", "name", "created_at", "updated_at")}
    return fields | {"address": address, "may_write": right >= Right.WRITE}


def _refuse_bound(call: AccountCall) -> None:
    if call.principal.workspace_id is not None:
        raise Failure("forbidden", "This key is bound to one workspace; it cannot make or delete workspaces.")


async def create_workspace(services: Services, call: AccountCall, args: CreateWorkspace) -> CreatedWorkspace:
    """Make a workspace, or find the one of that name."""
    _refuse_bound(call)
    found = await find_named_workspace(services, call.principal, args.name)
    wanted = found.workspace
    if isinstance(wanted, MissingWorkspace):
        found.demand(Right.WRITE)
    made, created = await services.directory.ensure_workspace(
        wanted.account_id, wanted.name, services.encoder.generation
    )
    address = made.name if made.account_id == call.principal.account_id else args.name
    return CreatedWorkspace.model_validate(_to_view_fields(made, address, found.right) | {"created": created})


async def list_workspaces(services: Services, call: AccountCall, args: NoArgs) -> WorkspaceList:  # noqa: ARG001 - a handler's signature
    """Return the workspaces that the caller may use, of all accounts; a bound key sees only its own."""
    principal = call.principal
    async with services.db.read() as connection:
        usable = await rights.list_usable_workspaces(connection, principal.user_id)
        mine = [each for each in usable if principal.workspace_id in {None, each.id}]
        found = await workspaces.get_workspaces(connection, [each.id for each in mine])
    views: list[WorkspaceView] = []
    for each in mine:
        if (workspace := found.get(each.id)) is not None:
            is_own = workspace.account_id == principal.account_id
            address = workspace.name if is_own else f"{each.account}/{workspace.name}"
            views.append(WorkspaceView.model_validate(_to_view_fields(workspace, address, each.right)))
    return WorkspaceList(workspaces=views)


async def delete_workspace(services: Services, call: AccountCall, args: WorkspaceRef) -> DeletedWorkspace:
    """Hide a workspace and everything in it. Raises `not_found` for a workspace that is not the caller's."""
    _refuse_bound(call)
    found = await find_workspace_by_id(services, call, args.id, Right.MANAGE)
    if found is None:
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
