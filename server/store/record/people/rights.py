"""The rights of a user in the workspaces of an account: by a role in it, or because one is shared with them.

Nothing of it is remembered between two calls, so that a right that is taken away is gone at once in every process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.db import Database, fetch_rows
from server.store.tables.accounts import accounts, memberships, workspace_shares, workspaces

Role = Literal["owner", "admin", "member", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)


class Right(IntEnum):
    """The rights of somebody; each includes those before it."""

    #: Read what is stored.
    READ = 1
    #: Store, change and delete.
    WRITE = 2
    #: Say who else may: members, invitations, shares; and delete a workspace.
    MANAGE = 3
    #: Everything, also about owners and the account itself.
    OWN = 4


RIGHTS: Mapping[str, Right] = {
    "owner": Right.OWN,
    "admin": Right.MANAGE,
    "member": Right.WRITE,
    "reader": Right.READ,
}

_MINE = memberships.c.user_id == sa.bindparam("user")
_ROLE = sa.select(memberships.c.role).where(_MINE, memberships.c.account_id == sa.bindparam("account"))
_BY_ROLE = (
    sa.select(memberships.c.role, sa.literal(None, sa.Boolean).label("may_write"))
    .join(workspaces, workspaces.c.account_id == memberships.c.account_id)
    .where(_MINE, workspaces.c.id == sa.bindparam("workspace"))
)
_BY_SHARE = (
    sa.select(memberships.c.role, workspace_shares.c.may_write)
    .select_from(
        workspace_shares.outerjoin(
            memberships, sa.and_(memberships.c.account_id == workspace_shares.c.account_id, _MINE)
        )
    )
    .where(
        workspace_shares.c.workspace_id == sa.bindparam("workspace"),
        sa.or_(workspace_shares.c.user_id == sa.bindparam("user"), memberships.c.user_id.is_not(None)),
    )
)
_GROUNDS = sa.union_all(_BY_ROLE, _BY_SHARE)
# A union is no `Select`, which a cached read takes.
_GROUNDS_ROWS = sa.select(_GROUNDS.subquery())
_SHARED_WITH = sa.or_(
    workspace_shares.c.user_id == sa.bindparam("user"),
    workspace_shares.c.account_id.in_(sa.select(memberships.c.account_id).where(_MINE)),
)


async def find_account_right(source: AsyncConnection | Database, account_id: str, user_id: UserId) -> Right | None:
    """Return what a user may do in an account, by their role; None if they are not in it."""
    rows = await fetch_rows(source, _ROLE, {"user": user_id, "account": account_id})
    return RIGHTS[rows[0].role] if rows else None


async def find_workspace_right(source: AsyncConnection | Database, workspace_id: str, user_id: UserId) -> Right | None:
    """Return what a user may do with a workspace; None if it is not theirs in any way."""
    rows = await fetch_rows(source, _GROUNDS_ROWS, {"user": user_id, "workspace": workspace_id})
    return max(map(_judge, rows), default=None)


def _judge(ground: Any) -> Right:
    """Return the right that a role or a share gives. A reader of the account that it is shared with reads only."""
    by_role = None if ground.role is None else RIGHTS[ground.role]
    if ground.may_write is None and by_role is not None:
        return by_role
    by_share = Right.WRITE if ground.may_write else Right.READ
    return by_share if by_role is None else min(by_share, by_role)


async def list_named_accounts(connection: AsyncConnection, user_id: UserId) -> dict[str, str]:
    """Return the accounts that a user can name: those they are in, and those that share a workspace: name → id."""
    mine = sa.select(memberships.c.account_id).where(_MINE)
    sharing = (
        sa.select(workspaces.c.account_id)
        .join(workspace_shares, workspace_shares.c.workspace_id == workspaces.c.id)
        .where(_SHARED_WITH, workspaces.c.deleted_at.is_(None))
    )
    query = sa.select(accounts.c.name, accounts.c.id).where(sa.or_(accounts.c.id.in_(mine), accounts.c.id.in_(sharing)))
    return {row.name: row.id for row in await connection.execute(query, {"user": user_id})}


async def list_usable_names(connection: AsyncConnection, account_id: str, user_id: UserId) -> list[str]:
    """Return the names of the workspaces of an account that a user may use, in the order of the alphabet."""
    usable = [each.id for each in await list_usable_workspaces(connection, user_id)]
    query = sa.select(workspaces.c.name).where(workspaces.c.id.in_(usable), workspaces.c.account_id == account_id)
    return sorted((await connection.execute(query)).scalars())


@dataclass(frozen=True, slots=True)
class UsableWorkspace:
    """A workspace that a user may use: its id, the name of its account, and what they may do with it."""

    id: str
    account: str
    right: Right


async def list_usable_workspaces(connection: AsyncConnection, user_id: UserId) -> list[UsableWorkspace]:
    """Return the workspaces that a user may use, oldest first."""
    live = workspaces.c.deleted_at.is_(None)
    by_role = (
        sa.select(workspaces.c.id, memberships.c.role, sa.literal(None, sa.Boolean).label("may_write"))
        .join(memberships, workspaces.c.account_id == memberships.c.account_id)
        .where(_MINE, live)
    )
    by_share = (
        sa.select(workspace_shares.c.workspace_id, memberships.c.role, workspace_shares.c.may_write)
        .select_from(
            workspace_shares.outerjoin(
                memberships, sa.and_(memberships.c.account_id == workspace_shares.c.account_id, _MINE)
            )
        )
        .where(_SHARED_WITH)
    )
    grounds = sa.union_all(by_role, by_share).subquery()
    query = (
        sa.select(workspaces.c.id, accounts.c.name, grounds.c.role, grounds.c.may_write)
        .join(grounds, grounds.c.id == workspaces.c.id)
        .join(accounts, accounts.c.id == workspaces.c.account_id)
        .where(live)
        .order_by(workspaces.c.created_at, workspaces.c.id)
    )
    found: dict[str, UsableWorkspace] = {}
    for row in await connection.execute(query, {"user": user_id}):
        right = _judge(row)
        if row.id not in found or found[row.id].right < right:
            found[row.id] = UsableWorkspace(row.id, row.name, right)
    return list(found.values())
