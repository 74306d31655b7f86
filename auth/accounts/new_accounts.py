"""The making of an account with a password: by the setup link, an invitation, or without a link on an open server."""

from dataclasses import dataclass

import structlog

from auth.accounts.account_names import check_name, taken_name_as_failure
from auth.accounts.passwords import check_password
from auth.hashing import hash_secret
from auth.page_refusals import TitledFailure
from auth.server import AuthorizationServer
from auth.texts import say
from server.errors import Failure
from server.store.record.people.accounts import User, create_user, has_admin
from server.store.record.people.signup_links import SignupLinkKind, is_link_valid, take_link

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Invitation:
    """The permission to make one account: the secret of a link, or None on a server that is open to everybody."""

    kind: SignupLinkKind
    link: str | None


async def create_account(auth: AuthorizationServer, invitation: Invitation, name: str, password: str) -> User:
    """Make a user with a personal account, and return the user. The setup link makes an admin.

    The link is used up in the same transaction, so it stays valid if the account cannot be made.

    Raises:
        Failure: `forbidden` if the invitation is not valid; `invalid` if the name or the password cannot be used;
            `conflict` if the name is taken.
    """
    check_name(name)
    check_password(password)
    await check_invitation(auth, invitation)
    password_hash = await auth.passwords.hash(password)
    now, is_setup = auth.now(), invitation.kind == "setup"
    async with auth.db.write() as connection:
        if is_setup and await has_admin(connection):
            raise _make_invitation_failure("setup")
        if invitation.link and not await take_link(connection, hash_secret(invitation.link), invitation.kind, now):
            raise _make_invitation_failure(invitation.kind)
        with taken_name_as_failure(name):
            user = await create_user(
                connection, name=name, password_hash=password_hash, is_admin=is_setup, now=now, outbox=auth.outbox
            )
    log.info("account.created", user=user.id, is_admin=is_setup)
    return user


async def check_invitation(auth: AuthorizationServer, invitation: Invitation) -> None:
    """Check that an invitation allows an account to be made now.

    Raises:
        Failure: `forbidden`; the message says how to get a valid invitation.
    """
    if invitation.link is None:
        if invitation.kind == "setup" or auth.settings.signup != "open":
            raise _make_invitation_failure(invitation.kind)
        return
    if invitation.kind == "invite" and auth.settings.signup == "closed":
        raise _make_invitation_failure("invite")
    async with auth.db.read() as connection:
        if not await is_link_valid(connection, hash_secret(invitation.link), invitation.kind, auth.now()):
            raise _make_invitation_failure(invitation.kind)


def _make_invitation_failure(kind: SignupLinkKind) -> Failure:
    if kind == "setup":
        return TitledFailure(
            "forbidden",
            say("This setup link has ended"),
            say(
                "This setup link does not work any more. It works once, within a day, and until the server restarts. "
                "If nobody has set the server up yet, restart it: it prints a new link. Otherwise log in at /login."
            ),
        )
    return TitledFailure(
        "forbidden",
        say("You need an invitation"),
        say(
            "You need an invitation to sign up here, and each invitation works once, within a day. Ask the person who "
            "runs this server for a new one. If you run it: LOCI_SIGNUP says who may sign up."
        ),
    )
