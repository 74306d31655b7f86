"""Rows of accounts and of the users in them. The caller owns the transaction."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId, new_id
from server.names import fold_name
from server.store.record.works.outbox import Outbox
from server.store.tables.accounts import accounts, memberships, users


class NameTaken(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """Another user or account has this name."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who can log in. `account_id` is the account of the workspaces that the user names without one."""

    id: UserId
    name: str
    password_hash: str | None
    is_admin: bool
    account_id: str
    default_workspace: str
    #: A name of the IANA database; None if the user has set none.
    time_zone: str | None
    created_at: datetime
    disabled_at: datetime | None


async def create_user(
    connection: AsyncConnection,
    *,
    name: str,
    password_hash: str | None,
    is_admin: bool,
    now: datetime,
    default_workspace: str = "default",
    outbox: Outbox | None = None,
    email: str | None = None,
) -> User:
    """Store a user with a personal account of the same name, and return the user.

    `outbox` gets the event of the new account; None if nobody wants events. `email` stands in the event alone.

    Raises:
        NameTaken: another user or account has the name.
    """
    user = User(UserId(new_id(now)), name, password_hash, is_admin, new_id(now), default_workspace, None, now, None)
    try:
        await connection.execute(
            sa.insert(accounts).values(id=user.account_id, name=name, name_key=fold_name(name), created_at=now)
        )
        await connection.execute(
            sa.insert(users).values(
                id=user.id,
                name=name,
                name_key=fold_name(name),
                password_hash=password_hash,
                is_admin=is_admin,
                account_id=user.account_id,
                default_workspace=user.default_workspace,
                created_at=now,
            )
        )
    except IntegrityError:
        raise NameTaken(name) from None
    await connection.execute(
        sa.insert(memberships).values(account_id=user.account_id, user_id=user.id, role="owner", created_at=now)
    )
    if outbox is not None:
        data = {"account_id": user.account_id, "user_id": user.id, "name": name, "email": email}
        await outbox.put(connection, "account.created", data)
    return user


_USER = sa.select(
    users.c.id,
    users.c.name,
    users.c.password_hash,
    users.c.is_admin,
    users.c.account_id,
    users.c.default_workspace,
    users.c.time_zone,
    users.c.created_at,
    users.c.disabled_at,
)


async def is_name_free(connection: AsyncConnection, name: str) -> bool:
    """Whether a new user may have this name: no user and no account has it, in any case of letters."""
    key = fold_name(name)
    taken = sa.union_all(
        sa.select(users.c.id).where(users.c.name_key == key), sa.select(accounts.c.id).where(accounts.c.name_key == key)
    )
    return (await connection.execute(taken.limit(1))).first() is None


async def find_user(connection: AsyncConnection, name: str) -> User | None:
    """Return the user of this name, in any case of letters, or None if there is none."""
    row = (await connection.execute(_USER.where(users.c.name_key == fold_name(name)))).one_or_none()
    return None if row is None else User(*row)


async def get_user(connection: AsyncConnection, user_id: str) -> User | None:
    """Return the user with this id, or None if there is none."""
    row = (await connection.execute(_USER.where(users.c.id == user_id))).one_or_none()
    return None if row is None else User(*row)


async def list_users(connection: AsyncConnection) -> list[User]:
    """Return all users, ordered by name."""
    return [User(*row) for row in await connection.execute(_USER.order_by(users.c.name))]


async def list_last_logins(connection: AsyncConnection) -> dict[str, datetime]:
    """Return when users logged in last in a browser: id → time. Somebody who never did is not in it."""
    query = sa.select(users.c.id, users.c.last_login_at).where(users.c.last_login_at.is_not(None))
    return {row.id: row.last_login_at for row in await connection.execute(query)}


async def count_users(connection: AsyncConnection) -> int:
    """Return the number of users."""
    return (await connection.execute(sa.select(sa.func.count()).select_from(users))).scalar_one()


async def set_password(connection: AsyncConnection, user_id: UserId, password_hash: str) -> None:
    """Replace a user's password hash."""
    await connection.execute(sa.update(users).where(users.c.id == user_id).values(password_hash=password_hash))


async def set_time_zone(connection: AsyncConnection, user_id: UserId, time_zone: str | None) -> None:
    """Set a user's time zone, as a name of the IANA database; None for none."""
    await connection.execute(sa.update(users).where(users.c.id == user_id).values(time_zone=time_zone))


async def list_member_accounts(connection: AsyncConnection, user_id: UserId) -> dict[str, str]:
    """Return the accounts that a user is a member of: name → id."""
    query = (
        sa.select(accounts.c.name, accounts.c.id)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.user_id == user_id)
    )
    return {row.name: row.id for row in await connection.execute(query)}


async def find_role(connection: AsyncConnection, account_id: str, user_id: UserId) -> str | None:
    """Return the role of a user in an account; None if the user is not in it."""
    mine = (memberships.c.account_id == account_id, memberships.c.user_id == user_id)
    return (await connection.execute(sa.select(memberships.c.role).where(*mine))).scalar_one_or_none()


async def list_accounts(connection: AsyncConnection) -> dict[str, str]:
    """Return all accounts: name → id."""
    return {row.name: row.id for row in await connection.execute(sa.select(accounts.c.name, accounts.c.id))}


async def has_admin(connection: AsyncConnection) -> bool:
    """Whether a user can administer this server, so that no setup link is needed."""
    query = sa.select(users.c.id).where(users.c.is_admin, users.c.disabled_at.is_(None)).limit(1)
    return (await connection.execute(query)).one_or_none() is not None
