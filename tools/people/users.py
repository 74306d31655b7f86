"""The people of the server, for its administrators: shutting somebody out, for a while or for good."""

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.accounts.password_changes import make_reset_link
from auth.accounts.signup_links import make_invite_link
from auth.principal import ADMIN
from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record.people import accounts, members
from server.store.record.people.accounts import User
from server.store.record.people.rights import Role
from server.store.record.people.shutting_out import OwnsAlone, disable_user, enable_user, remove_user
from tools.core.arguments import Args, NoArgs
from tools.core.call import AccountCall
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.server_admin import check_server_admin
from tools.core.services import Services

_REFUSAL = "Only an administrator of the server may do this, with a key for everything that is bound to nothing."


class UserView(BaseModel):
    """A person who can log in, or could."""

    id: str = Field(description="The user's id.")
    name: str = Field(description="The user's name.")
    is_admin: bool = Field(description="Whether they administer the server.")
    created_at: Timestamp = Field(description="When they came.")
    disabled_at: Timestamp | None = Field(default=None, description="Since when they are shut out; null if not.")


class UserRef(Args):
    """The user that a call is about."""

    id: Id = Field(description="The user's id.")


class UserAccount(BaseModel):
    """An account that a user is in."""

    name: str = Field(description="The account's name.")
    role: Role = Field(description="The user's role in it.")


class ListedUser(UserView):
    """A person of the server, with what its administrators ask about."""

    last_login_at: Timestamp | None = Field(default=None, description="When they logged in last in a browser.")
    plan: str | None = Field(default=None, description="The plan of their own account; null: nothing is limited.")
    accounts: list[UserAccount] = Field(description="The accounts that they are in, by name.")


class UserList(BaseModel):
    """The people of the server."""

    users: list[ListedUser] = Field(description="The users, by name.")


class ResetLink(BaseModel):
    """A link with which a user sets a new password."""

    id: str = Field(description="The user's id.")
    name: str = Field(description="The user's name.")
    url: str = Field(description="The link. Give it to the person; it works once.")
    expires_at: Timestamp = Field(description="When it ends.")


class SignupLink(BaseModel):
    """A link with which somebody makes an account."""

    url: str = Field(description="The link. Give it to the person; it works once, for a day.")


class RemovedUser(BaseModel):
    """The user who was removed."""

    id: str = Field(description="The user's id.")
    removed: bool = Field(default=True, description="They use nothing here any more. Their memories stay.")


def _view(user: User) -> UserView:
    return UserView.model_validate({name: getattr(user, name) for name in UserView.model_fields})


async def list_users(services: Services, call: AccountCall, args: NoArgs) -> UserList:  # noqa: ARG001 - a handler's signature
    """Return all users of the server. Raises `forbidden`."""
    if ADMIN not in call.principal.scopes:
        raise Failure("forbidden", _REFUSAL)
    async with services.db.read() as connection:
        await check_server_admin(connection, call.principal, _REFUSAL)
        found = await accounts.list_users(connection)
        logins, roles = await accounts.list_last_logins(connection), await members.list_roles(connection)
        listed = [
            ListedUser(
                **_view(each).model_dump(),
                last_login_at=logins.get(each.id),
                plan=(await services.plans.read_standing(connection, each.account_id)).plan,
                accounts=[UserAccount(name=name, role=role) for name, role in roles.get(each.id, ())],
            )
            for each in found
        ]
    return UserList(users=listed)


async def shut_out_user(services: Services, call: AccountCall, args: UserRef) -> UserView:
    """Shut a user out: sessions, grants and keys end at once. Raises `forbidden` and `not_found`."""
    async with services.db.write() as connection:
        user = await _find_other(connection, call, args.id)
        await disable_user(connection, user.id, services.now())
        changed = await accounts.get_user(connection, user.id)
    services.authenticator.evict(user.id)
    return _view(changed or user)


async def let_in_user(services: Services, call: AccountCall, args: UserRef) -> UserView:
    """Let a user who was shut out log in again.

    Raises:
        Failure: `forbidden`; `not_found`; `conflict` if they were removed.
    """
    async with services.db.write() as connection:
        user = await _find_other(connection, call, args.id)
        if not await enable_user(connection, user.id):
            raise make_removed_failure(user.name)
        changed = await accounts.get_user(connection, user.id)
    return _view(changed or user)


def make_removed_failure(name: str) -> Failure:
    """Return the refusal to let in somebody who was removed."""
    return Failure("conflict", f"{name!r} was removed, which is for good. Make another user.")


async def delete_user(services: Services, call: AccountCall, args: UserRef) -> RemovedUser:
    """Shut a user out for good, and take them out of every account.

    Raises:
        Failure: `forbidden`; `not_found`; `conflict` if teams would be without an owner.
    """
    async with services.db.write() as connection:
        user = await _find_other(connection, call, args.id)
        try:
            await remove_user(connection, user.id, services.now())
        except OwnsAlone as error:
            raise make_owner_failure(error) from None
    services.authenticator.evict(user.id)
    return RemovedUser(id=user.id)


def make_owner_failure(error: OwnsAlone) -> Failure:
    """Return the refusal to remove the only owner of teams."""
    return Failure(
        "conflict", f"Nobody else owns these accounts: {', '.join(error.names)}. Give each another owner first."
    )


async def create_reset_link(services: Services, call: AccountCall, args: UserRef) -> ResetLink:
    """Make a link with which a user sets a new password. An earlier one ends now.

    Raises:
        Failure: `forbidden`, also if the server takes no passwords; `not_found`; `conflict` if they are shut out.
    """
    async with services.db.write() as connection:
        user = await _find_user(connection, call, args.id)
        if services.login == "upstream":
            raise make_no_passwords_failure()
        if user.disabled_at is not None:
            raise make_shut_out_failure(user.name)
        url, expires_at = await make_reset_link(connection, services.public_url, user.id, services.now())
    return ResetLink(id=user.id, name=user.name, url=url, expires_at=expires_at)


def make_no_passwords_failure() -> Failure:
    """Return the refusal of a reset on a server whose people log in at a provider."""
    return Failure("forbidden", "LOCI_LOGIN is upstream: this server takes no passwords, so none can be reset.")


def make_shut_out_failure(name: str) -> Failure:
    """Return the refusal of a reset for somebody who is shut out."""
    return Failure("conflict", f"{name!r} is shut out, and cannot log in with any password. Let them in first.")


async def invite_user(services: Services, call: AccountCall, args: NoArgs) -> SignupLink:  # noqa: ARG001 - a handler's signature
    """Make a link with which one person makes an account. Raises `forbidden`, also if LOCI_SIGNUP is not `invite`."""
    async with services.db.read() as connection:
        await check_server_admin(connection, call.principal, _REFUSAL)
    if services.signup != "invite":
        raise Failure("forbidden", f"LOCI_SIGNUP is {services.signup}. Set it to `invite`, and restart the server.")
    return SignupLink(url=await make_invite_link(services.db, services.public_url, services.now()))


async def _find_other(connection: AsyncConnection, call: AccountCall, user_id: str) -> User:
    user = await _find_user(connection, call, user_id)
    if user.id == call.principal.user_id:
        raise Failure("forbidden", "You cannot shut yourself out. Another administrator can.")
    return user


async def _find_user(connection: AsyncConnection, call: AccountCall, user_id: str) -> User:
    await check_server_admin(connection, call.principal, _REFUSAL)
    user = await accounts.get_user(connection, user_id)
    if user is None:
        raise Failure("not_found", f"There is no user {user_id}.", field="id")
    call.note_account(user.account_id)
    return user


OPERATIONS = (
    Operation(
        name="list_users",
        description="List the people of the server. For its administrators.",
        routes=(("GET", "/v1/users"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=UserList,
        handler=list_users,
        is_listed=False,
    ),
    Operation(
        name="disable_user",
        description="Shut a person out of the server, until they are let in again. For its administrators.",
        routes=(("POST", "/v1/users/{id}/disable"),),
        scope="admin",
        effect=Effect.UPDATE,
        args=UserRef,
        returns=UserView,
        handler=shut_out_user,
        is_listed=False,
    ),
    Operation(
        name="enable_user",
        description="Let a person who was shut out of the server log in again. For its administrators.",
        routes=(("POST", "/v1/users/{id}/enable"),),
        scope="admin",
        effect=Effect.UPDATE,
        args=UserRef,
        returns=UserView,
        handler=let_in_user,
        is_listed=False,
    ),
    Operation(
        name="create_reset_link",
        description="Make a link with which a person sets a new password, once, within a day. For administrators.",
        routes=(("POST", "/v1/users/{id}/reset-link"),),
        scope="admin",
        effect=Effect.CREATE,
        args=UserRef,
        returns=ResetLink,
        handler=create_reset_link,
        is_listed=False,
    ),
    Operation(
        name="invite_user",
        description="Make a link with which one person makes an account on the server. For its administrators.",
        routes=(("POST", "/v1/users/invitations"),),
        scope="admin",
        effect=Effect.CREATE,
        args=NoArgs,
        returns=SignupLink,
        handler=invite_user,
        is_listed=False,
    ),
    Operation(
        name="remove_user",
        description="Shut a person out for good. Their memories stay in its accounts. For administrators.",
        routes=(("DELETE", "/v1/users/{id}"),),
        scope="admin",
        effect=Effect.DELETE,
        args=UserRef,
        returns=RemovedUser,
        handler=delete_user,
        is_listed=False,
    ),
)
