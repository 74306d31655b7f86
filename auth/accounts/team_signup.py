"""Making an account by the link of an invitation into a team."""

from auth.accounts.account_names import check_name, taken_name_as_failure
from auth.accounts.passwords import check_password
from auth.accounts.team_invitations import find_open_invitation, join_account, read_invitation
from auth.server import AuthorizationServer
from auth.texts import say
from server.errors import Failure
from server.store.record.people.accounts import User, create_user, get_user
from server.store.record.people.invitations import OPERATOR, TeamInvitation, is_for


async def may_sign_up(auth: AuthorizationServer, invitation: TeamInvitation) -> bool:
    """Whether an invitation lets somebody make an account on this server as well.

    It does if the server takes invitations, or if the maker of this one administers the server.
    """
    if auth.settings.login == "upstream":
        return False
    if auth.settings.signup != "closed" or invitation.made_by == OPERATOR:
        return True
    async with auth.db.read() as connection:
        maker = await get_user(connection, invitation.made_by)
    return maker is not None and maker.is_admin


async def sign_up_by_invitation(auth: AuthorizationServer, link: str, name: str, password: str) -> User:
    """Make a user with a personal account who is a member by a link, and return the user. All of it, or nothing.

    Raises:
        Failure: as `accept_invitation`; `forbidden` if it lets nobody make an account; `invalid` for a name or a
            password that cannot be used; `conflict` if the name is taken.
    """
    check_name(name)
    check_password(password)
    invitation = await read_invitation(auth.db, link, auth.now)
    if not await may_sign_up(auth, invitation):
        raise Failure("forbidden", say("This server makes no new accounts. Log in with one that you have."))
    if not is_for(invitation, name):
        raise Failure(
            "invalid", say("This invitation is for %(name)s. Use that name.", name=repr(invitation.name)), field="name"
        )
    password_hash = await auth.passwords.hash(password)
    async with auth.db.write() as connection:
        found = await find_open_invitation(connection, link, auth.now, name)
        with taken_name_as_failure(name):
            user = await create_user(
                connection,
                name=name,
                password_hash=password_hash,
                is_admin=False,
                now=auth.now(),
                outbox=auth.outbox,
            )
        await join_account(connection, found, user, auth.now)
    return user
