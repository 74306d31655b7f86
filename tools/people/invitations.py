"""Invitations into an account: links that work once."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from auth.accounts.team_invitations import LIFETIME, LONGEST, accept_invitation, make_team_invitation
from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record.people import accounts, invitations, members
from server.store.record.people.invitations import TeamInvitation
from server.store.record.people.members import MemberAccount
from server.store.record.people.rights import Right, Role
from tools.core.access import demand_person
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.fields import Id, NewName
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.people.accounts import ROLE, AccountRef, AccountView, find_account, view_account


class CreateInvitation(AccountRef):
    """The arguments of `create_invitation`."""

    role: Role = Field(default="member", description=ROLE)
    name: NewName | None = Field(
        default=None, description="The only user who may accept it, by name; also one that is not there yet."
    )
    expires_in_days: int = Field(default=LIFETIME.days, ge=1, le=LONGEST.days, description="When it ends, in days.")


class InvitationRef(AccountRef):
    """The invitation that a call is about."""

    invitation_id: Id = Field(description="The invitation's id.")


class AcceptInvitation(Args):
    """The arguments of `accept_invitation`."""

    link: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="The secret of the link: what follows `link=` in it."
    )


class InvitationView(BaseModel):
    """An invitation that can be accepted: never its link."""

    id: str = Field(description="The invitation's id.")
    role: Role = Field(description=f"The role that it gives. {ROLE}")
    name: str | None = Field(default=None, description="The only user who may accept it; null: anybody with the link.")
    created_at: Timestamp = Field(description="When it was made.")
    expires_at: Timestamp = Field(description="When it ends.")


class CreatedInvitation(InvitationView):
    """A new invitation, with its link: the only time it is shown."""

    url: str = Field(description="The link. Give it to the person; it works once.")


class InvitationList(BaseModel):
    """The invitations into an account that can be accepted."""

    invitations: list[InvitationView] = Field(description="The invitations, oldest first.")


class RevokedInvitation(BaseModel):
    """The invitation that was taken back."""

    id: str = Field(description="The invitation's id.")
    revoked: bool = Field(default=True, description="Its link lets nobody in any more.")


def _view(invitation: TeamInvitation) -> InvitationView:
    return InvitationView.model_validate({name: getattr(invitation, name) for name in InvitationView.model_fields})


async def create_invitation(services: Services, call: AccountCall, args: CreateInvitation) -> CreatedInvitation:
    """Make a link by which one person becomes a member of an account.

    Raises:
        Failure: `not_found`; `forbidden`; `invalid` for a personal account.
    """
    needed = Right.OWN if args.role == "owner" else Right.MANAGE
    async with services.db.write() as connection:
        account = await find_account(connection, call, args.id, needed)
        demand_person(call.principal)
        _refuse_personal(account)
        url, made = await make_team_invitation(
            connection,
            services.public_url,
            services.now,
            account_id=account.id,
            role=args.role,
            name=args.name,
            made_by=call.principal.user_id,
            lifetime=timedelta(days=args.expires_in_days),
        )
    return CreatedInvitation(**_view(made).model_dump(), url=url)


def _refuse_personal(account: MemberAccount) -> None:
    if account.is_personal:
        message = "id: a personal account has one member. Make an account for the team, or share a workspace."
        raise Failure("invalid", message, field="id")


async def list_invitations(services: Services, call: AccountCall, args: AccountRef) -> InvitationList:
    """Return the invitations into an account that can be accepted. Raises `not_found` and `forbidden`."""
    async with services.db.read() as connection:
        await find_account(connection, call, args.id, Right.MANAGE)
        found = await invitations.list_invitations(connection, args.id, services.now())
    return InvitationList(invitations=[_view(each) for each in found])


async def revoke_invitation(services: Services, call: AccountCall, args: InvitationRef) -> RevokedInvitation:
    """Take an invitation back, at once. Raises `not_found` and `forbidden`."""
    async with services.db.write() as connection:
        await find_account(connection, call, args.id, Right.MANAGE)
        demand_person(call.principal)
        if not await invitations.delete_invitation(connection, args.id, args.invitation_id):
            message = f"This account has no invitation {args.invitation_id} that can be taken back."
            raise Failure("not_found", message, field="invitation_id")
    return RevokedInvitation(id=args.invitation_id)


async def join_account(services: Services, call: AccountCall, args: AcceptInvitation) -> AccountView:
    """Become a member of an account by the link of an invitation, which is used up.

    Raises:
        Failure: `not_found`, the same for every link that does not let the caller in; `forbidden` for an app;
            `conflict` if they are in the account.
    """
    demand_person(call.principal)
    async with services.db.read() as connection:
        user = await accounts.get_user(connection, call.principal.user_id)
    if user is None:
        raise Failure("forbidden", "You are not on this server any more.")
    joined = await accept_invitation(services.db, args.link, user, services.now)
    call.note_account(joined.account_id)
    async with services.db.read() as connection:
        account = await members.get_account_of(connection, joined.account_id, user.id)
    if account is None:
        raise Failure("conflict", "You were taken out of the account just now.")
    return view_account(account)


OPERATIONS = (
    Operation(
        name="create_invitation",
        description="Make a link by which one person becomes a member of an account. It works once.",
        routes=(("POST", "/v1/accounts/{id}/invitations"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateInvitation,
        returns=CreatedInvitation,
        handler=create_invitation,
        is_listed=False,
    ),
    Operation(
        name="list_invitations",
        description="List the invitations into an account that can still be accepted.",
        routes=(("GET", "/v1/accounts/{id}/invitations"),),
        scope="memory:read",
        effect=Effect.READ,
        args=AccountRef,
        returns=InvitationList,
        handler=list_invitations,
        is_listed=False,
    ),
    Operation(
        name="revoke_invitation",
        description="Take an invitation into an account back. Its link lets nobody in any more.",
        routes=(("DELETE", "/v1/accounts/{id}/invitations/{invitation_id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=InvitationRef,
        returns=RevokedInvitation,
        handler=revoke_invitation,
        is_listed=False,
    ),
    Operation(
        name="accept_invitation",
        description="Become a member of an account by the link of an invitation.",
        routes=(("POST", "/v1/invitations/accept"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=AcceptInvitation,
        returns=AccountView,
        handler=join_account,
        is_listed=False,
    ),
)
