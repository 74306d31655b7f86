"""Accounts with several members: who is in one, and in which role."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.accounts.account_names import check_name, failure_from_taken_name
from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record.people import members
from server.store.record.people.accounts import NameTaken
from server.store.record.people.members import LastOwner, Member, MemberAccount
from server.store.record.people.rights import RIGHTS, Right, Role, list_usable_names
from tools.core.access import demand_person
from tools.core.arguments import Args, NoArgs
from tools.core.call import AccountCall
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services

#: The most accounts that one person owns, their personal one among them.
MOST_OWNED = 20
ROLE = (
    "owner: everything; admin: members up to admin, invitations, shares, deleting workspaces; member: reads and writes "
    "in every workspace; reader: reads."
)


class AccountView(BaseModel):
    """An account that the caller is in."""

    id: str = Field(description="The account's id.")
    name: str = Field(description="Its name, as in `account/workspace`.")
    role: Role = Field(description=f"Your role. {ROLE}")
    is_personal: bool = Field(description="Whether it is a person's own account, which has no other members.")
    created_at: Timestamp = Field(description="When it was made.")


class AccountList(BaseModel):
    """The accounts that the caller is in."""

    accounts: list[AccountView] = Field(description="The accounts, oldest first.")


def _check_name(name: str) -> str:
    try:
        check_name(name)
    except Failure as failure:
        raise ValueError(failure.message) from None
    return name


class CreateAccount(Args):
    """The arguments of `create_account`."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_check_name)] = Field(
        description="Its name: letters, digits and . _ @ + -, as for a person."
    )


class AccountRef(Args):
    """The account that a call is about."""

    id: Id = Field(description="The account's id.")


class MemberRef(AccountRef):
    """The member that a call is about."""

    user_id: Id = Field(description="The member's id.")


class SetRole(MemberRef):
    """The arguments of `set_member_role`."""

    role: Role = Field(description=ROLE)


class MemberView(BaseModel):
    """A member of an account."""

    id: str = Field(description="The person's id.")
    name: str = Field(description="The person's name.")
    role: Role = Field(description=ROLE)
    is_disabled: bool = Field(description="Whether the server's operator has shut the person out.")
    created_at: Timestamp = Field(description="Since when they are in the account.")


class MemberList(BaseModel):
    """The members of an account."""

    members: list[MemberView] = Field(description="The members: owners first, then by name.")


class RemovedMember(BaseModel):
    """The member who was removed."""

    id: str = Field(description="The person's id.")
    removed: bool = Field(default=True, description="They are in the account no more, from now on.")
    still_shared: list[str] = Field(
        default=[],
        description="The workspaces of the account that they still use, because each is shared with them or with "
        "another account of theirs. End those shares, too, if that is meant.",
    )


async def list_accounts(services: Services, call: AccountCall, args: NoArgs) -> AccountList:  # noqa: ARG001 - a handler's signature
    """Return the accounts that the caller is in."""
    async with services.db.read() as connection:
        found = await members.list_accounts_of(connection, call.principal.user_id)
    return AccountList(accounts=[view_account(each) for each in found])


def view_account(account: MemberAccount) -> AccountView:
    """Return an account as an answer shows it."""
    return AccountView.model_validate({name: getattr(account, name) for name in AccountView.model_fields})


async def create_account(services: Services, call: AccountCall, args: CreateAccount) -> AccountView:
    """Make an account whose owner is the caller.

    Raises:
        Failure: `conflict` if a person or an account has the name; `forbidden` for an app, and for more than 20.
    """
    demand_person(call.principal)
    try:
        async with services.db.write() as connection:
            if await members.count_owned(connection, call.principal.user_id) >= MOST_OWNED:
                raise Failure("forbidden", f"You own {MOST_OWNED} accounts, which is the most. Hand one over first.")
            made = await members.create_account(connection, args.name, call.principal.user_id, services.now())
    except NameTaken:
        raise failure_from_taken_name(args.name) from None
    call.note_account(made.id)
    return view_account(made)


async def list_members(services: Services, call: AccountCall, args: AccountRef) -> MemberList:
    """Return the members of an account that the caller is in. Raises `not_found`."""
    async with services.db.read() as connection:
        await find_account(connection, call, args.id, Right.READ)
        found = await members.list_members(connection, args.id)
    return MemberList(members=[view_member(each) for each in found])


def view_member(member: Member) -> MemberView:
    """Return a member as an answer shows them."""
    return MemberView.model_validate({name: getattr(member, name) for name in MemberView.model_fields})


async def set_member_role(services: Services, call: AccountCall, args: SetRole) -> MemberView:
    """Give a member another role. Only owners change the role of an owner, or make one.

    Raises:
        Failure: `not_found`; `forbidden`; `conflict` if no owner would be left.
    """
    async with services.db.write() as connection:
        account, member = await _hold_member(connection, call, args)
        _demand_rank(account, member.role, args.role)
        try:
            await members.set_role(connection, args.id, member.id, args.role)
        except LastOwner:
            raise make_last_owner_failure(account.name) from None
        changed = await members.get_member(connection, args.id, member.id)
    return view_member(changed or member)


async def remove_member(services: Services, call: AccountCall, args: MemberRef) -> RemovedMember:
    """Take a member out of an account, or leave it. Their memories stay.

    Raises:
        Failure: `not_found`; `forbidden`; `conflict` if no owner would be left.
    """
    async with services.db.write() as connection:
        account, member = await _hold_member(connection, call, args)
        if member.id != call.principal.user_id:
            _demand_rank(account, member.role)
        try:
            await members.remove_member(connection, args.id, member.id)
        except LastOwner:
            raise make_last_owner_failure(account.name) from None
        left = await list_usable_names(connection, args.id, member.id)
    return RemovedMember(id=member.id, still_shared=left)


async def _hold_member(connection: AsyncConnection, call: AccountCall, args: MemberRef) -> tuple[MemberAccount, Member]:
    """Hold the account, and return it with a member. The roles are read after that, so nobody changes them meanwhile.

    Raises:
        Failure: `not_found`; `forbidden` if the caller may not change its members.
    """
    await members.hold_account(connection, args.id)
    is_self = args.user_id == call.principal.user_id
    account = await find_account(connection, call, args.id, Right.READ if is_self else Right.MANAGE)
    demand_person(call.principal)
    member = await members.get_member(connection, args.id, args.user_id)
    if member is None:
        raise Failure("not_found", f"There is no member {args.user_id} in this account.", field="user_id")
    return account, member


def _demand_rank(account: MemberAccount, *roles: Role) -> None:
    """Check that somebody may give and take these roles: those of owners are for owners."""
    if RIGHTS[account.role] < Right.MANAGE or (account.role != "owner" and "owner" in roles):
        needed = "An owner" if "owner" in roles else "An owner or an admin"
        raise Failure("forbidden", f"{needed} of the account {account.name!r} may do this; you are {account.role}.")


def make_last_owner_failure(account: str) -> Failure:
    """Return the refusal of a change that would leave an account without an owner."""
    message = f"This is the last owner of the account {account!r}. Make another member the owner first."
    return Failure("conflict", message)


class OfAccount(Args):
    """The account that a call is about."""

    account: Id | None = Field(default=None, description="The id of an account that you are in; null: your own.")


async def choose_account(connection: AsyncConnection, call: AccountCall, account_id: str | None, needed: Right) -> str:
    """Return the id of the account that a call is about: the caller's own, or another one.

    Raises:
        Failure: as `find_account`, for the field `account`.
    """
    if account_id in {None, call.principal.account_id}:
        return call.principal.account_id
    return (await find_account(connection, call, account_id or "", needed, "account")).id


async def find_account(
    connection: AsyncConnection, call: AccountCall, account_id: str, needed: Right, field: str = "id"
) -> MemberAccount:
    """Return an account in which the caller may do what is needed.

    Raises:
        Failure: `not_found` if they are not in it, or their key is bound to a workspace; `forbidden`.
    """
    account = await members.get_account_of(connection, account_id, call.principal.user_id)
    if account is None or call.principal.workspace_id is not None:
        raise Failure("not_found", f"There is no account {account_id}.", field=field)
    call.note_account(account.id)
    if RIGHTS[account.role] < needed:
        raise Failure("forbidden", f"This takes an owner or an admin of the account {account.name!r}.")
    return account


OPERATIONS = (
    Operation(
        name="list_accounts",
        description="List the accounts that you are in, with your role in each.",
        routes=(("GET", "/v1/accounts"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=AccountList,
        handler=list_accounts,
        is_listed=False,
    ),
    Operation(
        name="create_account",
        description="Make an account for a team. You are its owner, and invite others into it.",
        routes=(("POST", "/v1/accounts"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateAccount,
        returns=AccountView,
        handler=create_account,
        is_listed=False,
    ),
    Operation(
        name="list_members",
        description="List the members of an account that you are in.",
        routes=(("GET", "/v1/accounts/{id}/members"),),
        scope="memory:read",
        effect=Effect.READ,
        args=AccountRef,
        returns=MemberList,
        handler=list_members,
        is_listed=False,
    ),
    Operation(
        name="set_member_role",
        description="Give a member of an account another role.",
        routes=(("PUT", "/v1/accounts/{id}/members/{user_id}"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=SetRole,
        returns=MemberView,
        handler=set_member_role,
        is_listed=False,
    ),
    Operation(
        name="remove_member",
        description="Take a member out of an account, or leave it. Their memories stay in the account.",
        routes=(("DELETE", "/v1/accounts/{id}/members/{user_id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=MemberRef,
        returns=RemovedMember,
        handler=remove_member,
        is_listed=False,
    ),
)
