"""Rows of invitations into an account. Only the SHA-256 of a link is kept, and each works once."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.names import fold_name
from server.store.record.people.rights import RIGHTS, Right, Role
from server.store.tables.accounts import accounts, invitations, memberships, users

#: Who makes an invitation with a command.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class TeamInvitation:
    """An invitation that can be accepted. `name` is the only user who may; None for everybody who has the link."""

    id: str
    account_id: str
    account: str
    role: Role
    name: str | None
    made_by: str
    created_at: datetime
    expires_at: datetime


_INVITATION = sa.select(
    invitations.c.id,
    invitations.c.account_id,
    accounts.c.name,
    invitations.c.role,
    invitations.c.name,
    invitations.c.made_by,
    invitations.c.created_at,
    invitations.c.expires_at,
).join(accounts, accounts.c.id == invitations.c.account_id)


def _is_open(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(invitations.c.accepted_at.is_(None), invitations.c.expires_at > now)


async def insert_invitation(
    connection: AsyncConnection,
    link_hash: str,
    account_id: str,
    role: Role,
    name: str | None,
    made_by: str,
    now: datetime,
    expires_at: datetime,
) -> TeamInvitation:
    """Store a new invitation, and return it."""
    invitation_id = new_id(now)
    statement = sa.insert(invitations).values(
        id=invitation_id,
        account_id=account_id,
        link_hash=link_hash,
        role=role,
        name=name,
        made_by=made_by,
        created_at=now,
        expires_at=expires_at,
    )
    await connection.execute(statement)
    return TeamInvitation(*(await connection.execute(_INVITATION.where(invitations.c.id == invitation_id))).one())


async def list_invitations(connection: AsyncConnection, account_id: str, now: datetime) -> list[TeamInvitation]:
    """Return the invitations into an account that can still be accepted, oldest first."""
    query = _INVITATION.where(invitations.c.account_id == account_id, _is_open(now)).order_by(invitations.c.id)
    return [TeamInvitation(*row) for row in await connection.execute(query)]


async def delete_invitation(connection: AsyncConnection, account_id: str, invitation_id: str) -> bool:
    """Take back an invitation that nobody has accepted. Return False if the account has no such invitation."""
    query = sa.delete(invitations).where(
        invitations.c.id == invitation_id,
        invitations.c.account_id == account_id,
        invitations.c.accepted_at.is_(None),
    )
    return (await connection.execute(query)).rowcount == 1


async def find_invitation(connection: AsyncConnection, link_hash: str, now: datetime) -> TeamInvitation | None:
    """Return the invitation of a link; None if it is unknown, was used or taken back, or has expired.

    It has ended, too, if its maker may not invite into this role any more.
    """
    query = _INVITATION.where(invitations.c.link_hash == link_hash, _is_open(now))
    row = (await connection.execute(query)).one_or_none()
    found = None if row is None else TeamInvitation(*row)
    return found if found is not None and await _may_invite(connection, found) else None


async def _may_invite(connection: AsyncConnection, invitation: TeamInvitation) -> bool:
    if invitation.made_by == OPERATOR:
        return True
    query = (
        sa.select(memberships.c.role)
        .join(users, users.c.id == memberships.c.user_id)
        .where(memberships.c.account_id == invitation.account_id, memberships.c.user_id == invitation.made_by)
        .where(users.c.disabled_at.is_(None))
    )
    role = (await connection.execute(query)).scalar_one_or_none()
    needed = Right.OWN if invitation.role == "owner" else Right.MANAGE
    return role is not None and RIGHTS[role] >= needed


async def take_invitation(connection: AsyncConnection, invitation: TeamInvitation, user_id: str, now: datetime) -> bool:
    """Use an invitation up. Return False if somebody else was faster."""
    query = sa.update(invitations).where(invitations.c.id == invitation.id, invitations.c.accepted_at.is_(None))
    return (await connection.execute(query.values(accepted_by=user_id, accepted_at=now))).rowcount == 1


def is_for(invitation: TeamInvitation, name: str) -> bool:
    """Whether a user of this name may accept an invitation."""
    return invitation.name is None or fold_name(invitation.name) == fold_name(name)
