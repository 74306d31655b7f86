"""Rows of accounts with several members. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId, new_id
from server.names import fold_name
from server.store.record.people.accounts import NameTaken, is_name_free
from server.store.record.people.rights import ROLES, Role
from server.store.tables.accounts import accounts, memberships, users


@dataclass(frozen=True, slots=True)
class MemberAccount:
    """An account that a user is in, and their role. `is_personal` if it is the one that was made with a user."""

    id: str
    name: str
    role: Role
    is_personal: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A user in an account."""

    id: UserId
    name: str
    role: Role
    is_disabled: bool
    created_at: datetime


class LastOwner(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The account would be without an owner who can log in."""


_PERSONAL = sa.exists().where(users.c.account_id == accounts.c.id)
_ACCOUNT = (
    sa.select(accounts.c.id, accounts.c.name, memberships.c.role, _PERSONAL.label("personal"), accounts.c.created_at)
    .join(memberships, memberships.c.account_id == accounts.c.id)
    .order_by(accounts.c.created_at, accounts.c.id)
)
_MEMBER = sa.select(
    users.c.id, users.c.name, memberships.c.role, users.c.disabled_at.is_not(None), memberships.c.created_at
).join(memberships, memberships.c.user_id == users.c.id)


async def create_account(connection: AsyncConnection, name: str, owner: UserId, now: datetime) -> MemberAccount:
    """Store an account with one member, its owner, and return it.

    Raises:
        NameTaken: a user or an account has the name.
    """
    if not await is_name_free(connection, name):
        raise NameTaken(name)
    account = MemberAccount(new_id(now), name, "owner", False, now)
    try:
        await connection.execute(
            sa.insert(accounts).values(id=account.id, name=name, name_key=fold_name(name), created_at=now)
        )
    except IntegrityError:
        raise NameTaken(name) from None
    await put_member(connection, account.id, owner, "owner", now)
    return account


async def list_accounts_of(connection: AsyncConnection, user_id: UserId) -> list[MemberAccount]:
    """Return the accounts that a user is in, oldest first."""
    rows = await connection.execute(_ACCOUNT.where(memberships.c.user_id == user_id))
    return [MemberAccount(*row) for row in rows]


async def get_account_of(connection: AsyncConnection, account_id: str, user_id: UserId) -> MemberAccount | None:
    """Return an account that a user is in; None if they are not, or there is no such account."""
    query = _ACCOUNT.where(memberships.c.user_id == user_id, accounts.c.id == account_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else MemberAccount(*row)


async def find_team(connection: AsyncConnection, name: str) -> str | None:
    """Return the id of the account of this name that is nobody's personal one; None if there is none."""
    query = sa.select(accounts.c.id).where(accounts.c.name_key == fold_name(name), ~_PERSONAL)
    return (await connection.execute(query)).scalar_one_or_none()


async def list_members(connection: AsyncConnection, account_id: str) -> list[Member]:
    """Return the members of an account: the owners first, then by name."""
    found = [Member(*row) for row in await connection.execute(_MEMBER.where(memberships.c.account_id == account_id))]
    return sorted(found, key=lambda each: (ROLES.index(each.role), each.name))


async def get_member(connection: AsyncConnection, account_id: str, user_id: str) -> Member | None:
    """Return a member of an account; None if the user is not in it."""
    query = _MEMBER.where(memberships.c.account_id == account_id, users.c.id == user_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Member(*row)


async def put_member(connection: AsyncConnection, account_id: str, user_id: UserId, role: Role, now: datetime) -> None:
    """Add a user to an account that they are not in."""
    await connection.execute(
        sa.insert(memberships).values(account_id=account_id, user_id=user_id, role=role, created_at=now)
    )


async def hold_account(connection: AsyncConnection, account_id: str) -> None:
    """Hold an account against everybody else who changes its members, until the transaction ends."""
    await connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())


async def set_role(connection: AsyncConnection, account_id: str, user_id: UserId, role: Role) -> None:
    """Give a member another role. The caller holds the account.

    Raises:
        LastOwner: no owner would be left.
    """
    mine = (memberships.c.account_id == account_id, memberships.c.user_id == user_id)
    await connection.execute(sa.update(memberships).where(*mine).values(role=role))
    await _demand_owner(connection, account_id)


async def remove_member(connection: AsyncConnection, account_id: str, user_id: UserId) -> None:
    """Take a member out of an account. The caller holds the account.

    Raises:
        LastOwner: no owner would be left.
    """
    mine = (memberships.c.account_id == account_id, memberships.c.user_id == user_id)
    await connection.execute(sa.delete(memberships).where(*mine))
    await _demand_owner(connection, account_id)


async def _demand_owner(connection: AsyncConnection, account_id: str) -> None:
    query = sa.select(users.c.id).join(memberships, memberships.c.user_id == users.c.id)
    owners = query.where(
        memberships.c.account_id == account_id, memberships.c.role == "owner", users.c.disabled_at.is_(None)
    )
    if (await connection.execute(owners.limit(1))).one_or_none() is None:
        raise LastOwner(account_id)


async def list_roles(connection: AsyncConnection) -> dict[str, list[tuple[str, Role]]]:
    """Return the accounts of everybody: user id → names of accounts and roles there, by name."""
    query = (
        sa.select(memberships.c.user_id, accounts.c.name, memberships.c.role)
        .join(accounts, accounts.c.id == memberships.c.account_id)
        .order_by(accounts.c.name)
    )
    found: dict[str, list[tuple[str, Role]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.user_id, []).append((row.name, row.role))
    return found


async def count_owned(connection: AsyncConnection, user_id: UserId) -> int:
    """Return how many accounts a user owns, the personal one among them."""
    query = sa.select(sa.func.count()).where(memberships.c.user_id == user_id, memberships.c.role == "owner")
    return (await connection.execute(query)).scalar_one()


async def list_names(connection: AsyncConnection, account_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of accounts: id → name."""
    query = sa.select(accounts.c.id, accounts.c.name).where(accounts.c.id.in_(account_ids))
    return {row.id: row.name for row in await connection.execute(query)}
