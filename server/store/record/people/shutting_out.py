"""Shutting a user out of the server, for a while or for good. Their memories stay in the accounts."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.epoch import raise_epoch
from server.store.record.people.password_resets import delete_reset
from server.store.record.people.sessions import delete_user_sessions
from server.store.tables.accounts import accounts, api_keys, external_subjects, memberships, users, workspace_shares
from server.store.tables.oauth import oauth_grants


class OwnsAlone(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The user is the only owner who can log in of these accounts of teams."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(*names)
        self.names = names


async def disable_user(connection: AsyncConnection, user_id: UserId, now: datetime) -> None:
    """Shut a user out: their browser sessions, grants and keys end, and they cannot log in."""
    # First, because whoever makes a key holds the user until it is made: then it is found here.
    await connection.execute(sa.update(users).where(users.c.id == user_id).values(disabled_at=now))
    await _end_access(connection, user_id, now)


async def enable_user(connection: AsyncConnection, user_id: UserId) -> bool:
    """Let a user log in again. Return False if they were removed, which is for good."""
    own = sa.select(memberships.c.account_id).where(memberships.c.user_id == user_id)
    back = sa.update(users).where(users.c.id == user_id, users.c.account_id.in_(own)).values(disabled_at=None)
    return (await connection.execute(back)).rowcount == 1


async def remove_user(connection: AsyncConnection, user_id: UserId, now: datetime) -> None:
    """Shut a user out for good, and take them out of every account. Their name stays taken, as memories name them.

    Raises:
        OwnsAlone: teams would be without an owner.
    """
    if names := await _list_owned_alone(connection, user_id):
        raise OwnsAlone(names)
    await disable_user(connection, user_id, now)
    for table in (memberships, workspace_shares, external_subjects):
        await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    await connection.execute(sa.update(users).where(users.c.id == user_id).values(password_hash=None, is_admin=False))


async def _end_access(connection: AsyncConnection, user_id: UserId, now: datetime) -> None:
    await delete_user_sessions(connection, user_id)
    await delete_reset(connection, user_id)
    for table in (oauth_grants, api_keys):
        live = sa.update(table).where(table.c.user_id == user_id, table.c.revoked_at.is_(None))
        await connection.execute(live.values(revoked_at=now))
    await raise_epoch(connection)


async def _list_owned_alone(connection: AsyncConnection, user_id: UserId) -> list[str]:
    """Return the names of the teams' accounts that have no other owner who can log in."""
    personal = sa.exists().where(users.c.account_id == accounts.c.id)
    other = memberships.alias("other")
    others = (
        sa.exists()
        .where(other.c.account_id == accounts.c.id, other.c.role == "owner", other.c.user_id != user_id)
        .where(users.c.id == other.c.user_id, users.c.disabled_at.is_(None))
    )
    query = (
        sa.select(accounts.c.name)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.user_id == user_id, memberships.c.role == "owner", ~personal, ~others)
        .order_by(accounts.c.name)
    )
    return list((await connection.execute(query)).scalars())
