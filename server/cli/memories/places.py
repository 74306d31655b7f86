"""The workspace that a command names: with `--user`, and `--workspace`, `--into` or an address."""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.cli.common import find_user
from server.errors import Failure
from server.names import fold_name
from server.store.directory import check_length
from server.store.record import workspaces
from server.store.record.people import accounts
from server.store.record.people.accounts import User
from server.store.record.workspaces import MissingWorkspace, Workspace, check_new_name
from tools.core.store_refusals import refusals_as_failures


async def find_account(connection: AsyncConnection, user: User | None, name: str) -> str:
    """Return the id of an account by its name, in any case: of those of a user, or of all without one.

    Raises:
        Failure: `not_found`, there is none, or it is not the user's.
    """
    listed = accounts.list_accounts(connection) if user is None else accounts.list_member_accounts(connection, user.id)
    by_key = {fold_name(each): account_id for each, account_id in (await listed).items()}
    if (account_id := by_key.get(fold_name(name))) is None:
        whose = "" if user is None else f" that {user.name} may use"
        raise Failure("not_found", f"There is no account {name!r}{whose}. `loci user list` shows the users.")
    return account_id


async def find_place(connection: AsyncConnection, user: User, asked: str | None) -> Workspace | MissingWorkspace:
    """Return the workspace that `asked` names: `name`, `account/name`, or the user's default one if it is None.

    Raises:
        Failure: `not_found`, the user is in no account of that name; `invalid`, no new workspace may have the name.
    """
    account, slash, name = (asked or user.default_workspace).rpartition("/")
    account_id = await find_account(connection, user, account) if slash else user.account_id
    found = await workspaces.find_workspace(connection, account_id, name)
    if found is None:
        with refusals_as_failures():
            check_length(name)
            check_new_name(name)
    return found or MissingWorkspace(account_id, name)


async def find_workspace(connection: AsyncConnection, user_name: str, asked: str | None) -> Workspace:
    """Return the workspace of a user that an option names.

    Raises:
        Failure: `not_found`, there is no such user, or the user has no such workspace.
    """
    place = await find_place(connection, await find_user(connection, user_name), asked)
    if isinstance(place, MissingWorkspace):
        raise Failure("not_found", f"{user_name} has no workspace named {place.name!r}.", field="workspace")
    return place


async def find_addressed_workspace(connection: AsyncConnection, address: str, user_name: str | None) -> Workspace:
    """Return the workspace at an address: `account/name`, or the name alone if the user is named as well.

    Raises:
        Failure: `invalid`, neither names the owner; `not_found`, there is no such user, account or workspace.
    """
    if user_name is not None:
        return await find_workspace(connection, user_name, address)
    account, slash, name = address.rpartition("/")
    if not slash:
        raise Failure("invalid", f"Whose workspace is {address!r}? Say account/{address}, or --user as well.")
    found = await workspaces.find_workspace(connection, await find_account(connection, None, account), name)
    if found is None:
        raise Failure("not_found", f"There is no workspace {address!r}. `loci workspace list` shows them.")
    return found
