"""Invitations into an account: by a link that works once, for somebody who is logged in or makes an account with it."""

import secrets
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.hashing import hash_secret
from auth.page_refusals import TitledFailure
from auth.texts import say
from server.clock import Clock
from server.errors import Failure
from server.store.db import Database
from server.store.record.people import members
from server.store.record.people.accounts import User
from server.store.record.people.invitations import (
    TeamInvitation,
    find_invitation,
    insert_invitation,
    is_for,
    take_invitation,
)
from server.store.record.people.rights import Role

PATH = "/invitation"
LIFETIME, LONGEST = timedelta(days=7), timedelta(days=30)


async def make_team_invitation(
    connection: AsyncConnection,
    public_url: str,
    now: Clock,
    *,
    account_id: str,
    role: Role,
    name: str | None,
    made_by: str,
    lifetime: timedelta = LIFETIME,
) -> tuple[str, TeamInvitation]:
    """Make an invitation, and return the URL of its link and the row. The link is stored nowhere."""
    link, at = secrets.token_urlsafe(32), now()
    made = await insert_invitation(connection, hash_secret(link), account_id, role, name, made_by, at, at + lifetime)
    return f"{public_url}{PATH}?link={link}", made


async def read_invitation(db: Database, link: str, now: Clock, user: User | None = None) -> TeamInvitation:
    """Return the invitation of a link, for a user if somebody is logged in.

    Raises:
        Failure: `not_found`, the same for a link that is unknown, used, expired, taken back, or for another person.
    """
    async with db.read() as connection:
        return await find_open_invitation(connection, link, now, None if user is None else user.name)


async def find_open_invitation(connection: AsyncConnection, link: str, now: Clock, name: str | None) -> TeamInvitation:
    """Return the invitation of a link, for the user of a name. Raises `not_found` as `read_invitation`."""
    found = await find_invitation(connection, hash_secret(link), now())
    if found is None or (name is not None and not is_for(found, name)):
        raise make_ended_failure()
    return found


def make_ended_failure() -> Failure:
    """Return the refusal of a link that lets nobody in, or not this person. It does not say which."""
    return TitledFailure(
        "not_found",
        say("This invitation lets you in no more"),
        say("It was used, taken back, or is too old, or it is for another person than you. Ask for a new one."),
    )


async def accept_invitation(db: Database, link: str, user: User, now: Clock) -> TeamInvitation:
    """Make a user a member by a link, which is used up.

    Raises:
        Failure: `not_found` as `read_invitation`; `conflict` if they are in the account already; the link stays.
    """
    async with db.write() as connection:
        found = await find_open_invitation(connection, link, now, user.name)
        await join_account(connection, found, user, now)
    return found


async def join_account(connection: AsyncConnection, invitation: TeamInvitation, user: User, now: Clock) -> None:
    """Make a user a member by an invitation, which is used up. Raises what `accept_invitation` raises."""
    await members.hold_account(connection, invitation.account_id)
    if await members.get_member(connection, invitation.account_id, user.id) is not None:
        raise Failure("conflict", say("You are in the account %(account)s already.", account=repr(invitation.account)))
    if not await take_invitation(connection, invitation, user.id, now()):
        raise make_ended_failure()
    await members.put_member(connection, invitation.account_id, user.id, invitation.role, now())
