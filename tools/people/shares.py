"""Sharing a workspace with people and with accounts, to read or to write."""

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record.journal import journal_change
from server.store.record.people import accounts, members, shares
from server.store.record.people.rights import Right
from server.store.record.people.shares import Receiver, Share
from server.store.record.workspaces import Workspace
from tools.core.access import demand_person, find_workspace_by_id
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.fields import Id, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class SharedRef(Args):
    """The workspace that a call is about."""

    id: Id = Field(description="The workspace's id.")


class ShareWorkspace(SharedRef):
    """The arguments of `share_workspace`."""

    receiver: Name = Field(description="The name of a person or of an account, whose members all get it.")
    may_write: bool = Field(default=False, description="Whether they may store, change and delete; else they read.")


class UnshareWorkspace(SharedRef):
    """The arguments of `unshare_workspace`."""

    share_id: Id = Field(description="The id of the share.")


class ShareView(BaseModel):
    """The permission of a person, or of an account's members, to use a workspace."""

    id: str = Field(description="The id of the share.")
    user: str | None = Field(default=None, description="The person; null if it is an account.")
    account: str | None = Field(default=None, description="The account; null if it is a person.")
    may_write: bool = Field(description="Whether they may store, change and delete in it.")
    created_at: Timestamp = Field(description="Since when it is shared.")


class ShareList(BaseModel):
    """The shares of a workspace."""

    shares: list[ShareView] = Field(description="The shares, oldest first.")


class EndedShare(BaseModel):
    """The share that was ended."""

    id: str = Field(description="The id of the share.")
    ended: bool = Field(default=True, description="It counts for nothing from now on.")


def _view_share(share: Share) -> ShareView:
    return ShareView.model_validate({name: getattr(share, name) for name in ShareView.model_fields})


async def list_shares(services: Services, call: AccountCall, args: SharedRef) -> ShareList:
    """Return the people and accounts that a workspace is shared with. Raises `not_found` and `forbidden`."""
    workspace = await _find_workspace(services, call, args.id)
    async with services.db.read() as connection:
        found = await shares.list_shares(connection, workspace.id)
    return ShareList(shares=[_view_share(each) for each in found])


async def share_workspace(services: Services, call: AccountCall, args: ShareWorkspace) -> ShareView:
    """Share a workspace with a person or an account, or change what they may do in it.

    Raises:
        Failure: `not_found` for the workspace and for the receiver; `forbidden`; `invalid` if they have it anyway.
    """
    workspace = await _find_workspace(services, call, args.id)
    demand_person(call.principal)
    now = services.now()
    async with services.db.write() as connection:
        receiver = await find_receiver(connection, workspace, args.receiver)
        what = {"share": receiver.user_id or receiver.account_id or ""}
        await journal_change(connection, workspace.id, call.actor, now, what)
        made = await shares.put_share(
            connection, workspace.id, receiver, call.principal.user_id, now, may_write=args.may_write
        )
    return _view_share(made)


async def find_receiver(connection: AsyncConnection, workspace: Workspace, name: str) -> Receiver:
    """Return the person or the account of a name, as somebody whom a workspace can be shared with.

    Raises:
        Failure: `not_found`; `invalid` if they are in the workspace's account.
    """
    user = await accounts.find_user(connection, name)
    if user is not None and user.disabled_at is None:
        if await members.get_member(connection, workspace.account_id, user.id) is not None:
            raise _make_needless_failure(name)
        return Receiver(user.id, None)
    account_id = None if user is not None else await members.find_team(connection, name)
    if account_id is None:
        raise Failure("not_found", f"receiver: there is no person and no account {name!r} here.", field="receiver")
    if account_id == workspace.account_id:
        raise _make_needless_failure(name)
    return Receiver(None, account_id)


def _make_needless_failure(name: str) -> Failure:
    message = f"receiver: {name!r} is in the account that this workspace belongs to. Change the role there."
    return Failure("invalid", message, field="receiver")


async def unshare_workspace(services: Services, call: AccountCall, args: UnshareWorkspace) -> EndedShare:
    """End a share of a workspace. Raises `not_found` and `forbidden`."""
    workspace = await _find_workspace(services, call, args.id)
    demand_person(call.principal)
    async with services.db.write() as connection:
        await journal_change(connection, workspace.id, call.actor, services.now(), {"share": args.share_id[:36]})
        if not await shares.delete_share(connection, workspace.id, args.share_id):
            raise Failure("not_found", f"This workspace has no share {args.share_id}.", field="share_id")
    return EndedShare(id=args.share_id)


async def _find_workspace(services: Services, call: AccountCall, workspace_id: str) -> Workspace:
    workspace = await find_workspace_by_id(services, call, workspace_id, Right.MANAGE)
    if workspace is None:
        raise Failure("not_found", f"There is no workspace {workspace_id}.", field="id")
    return workspace


OPERATIONS = (
    Operation(
        name="list_shares",
        description="List the people and the accounts that a workspace is shared with.",
        routes=(("GET", "/v1/workspaces/{id}/shares"),),
        scope="memory:read",
        effect=Effect.READ,
        args=SharedRef,
        returns=ShareList,
        handler=list_shares,
        is_listed=False,
    ),
    Operation(
        name="share_workspace",
        description="Share a workspace with a person or an account, to read or to write.",
        routes=(("POST", "/v1/workspaces/{id}/shares"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=ShareWorkspace,
        returns=ShareView,
        handler=share_workspace,
        is_listed=False,
    ),
    Operation(
        name="unshare_workspace",
        description="End a share of a workspace, at once.",
        routes=(("DELETE", "/v1/workspaces/{id}/shares/{share_id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=UnshareWorkspace,
        returns=EndedShare,
        handler=unshare_workspace,
        is_listed=False,
    ),
)
