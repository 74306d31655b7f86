"""The people of the server, for its administrators: shutting somebody out, for a while or for good."""

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import ADMIN
from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record.people import accounts
from server.store.record.people.accounts import User
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


class UserList(BaseModel):
    """The people of the server."""

    users: list[UserView] = Field(description="The users, by name.")


class UserRef(Args):
    """The user that a call is about."""

    id: Id = Field(description="The user's id.")


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
    return UserList(users=[_view(each) for each in found])


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


async def _find_other(connection: AsyncConnection, call: AccountCall, user_id: str) -> User:
    await check_server_admin(connection, call.principal, _REFUSAL)
    user = await accounts.get_user(connection, user_id)
    if user is None:
        raise Failure("not_found", f"There is no user {user_id}.", field="id")
    call.note_account(user.account_id)
    if user.id == call.principal.user_id:
        raise Failure("forbidden", "You cannot shut yourself out. Another administrator can.")
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
