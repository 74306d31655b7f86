"""Rows of shared workspaces: the people, and the accounts, that may use one beside its own account's members."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId, new_id
from server.store.db import insert_into
from server.store.tables.accounts import accounts, users, workspace_shares


@dataclass(frozen=True, slots=True)
class Share:
    """The permission of a person, or of the members of an account, to use a workspace. One of the two names is None."""

    id: str
    user: str | None
    account: str | None
    may_write: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a workspace is shared with: a user or an account. One of the two is None."""

    user_id: UserId | None
    account_id: str | None


_SHARE = (
    sa.select(
        workspace_shares.c.id,
        users.c.name,
        accounts.c.name,
        workspace_shares.c.may_write,
        workspace_shares.c.created_at,
    )
    .outerjoin_from(workspace_shares, users, users.c.id == workspace_shares.c.user_id)
    .outerjoin(accounts, accounts.c.id == workspace_shares.c.account_id)
    .order_by(workspace_shares.c.created_at, workspace_shares.c.id)
)


async def put_share(
    connection: AsyncConnection,
    workspace_id: str,
    receiver: Receiver,
    made_by: str,
    now: datetime,
    *,
    may_write: bool,
) -> Share:
    """Share a workspace with a user or an account, or change what they may do with it; return the share."""
    column = "user_id" if receiver.account_id is None else "account_id"
    statement = insert_into(connection, workspace_shares).values(
        id=new_id(now),
        workspace_id=workspace_id,
        user_id=receiver.user_id,
        account_id=receiver.account_id,
        may_write=may_write,
        made_by=made_by,
        created_at=now,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["workspace_id", column], set_={"may_write": may_write, "made_by": made_by}
    ).returning(workspace_shares.c.id)
    share_id = (await connection.execute(statement)).scalar_one()
    return Share(*(await connection.execute(_SHARE.where(workspace_shares.c.id == share_id))).one())


async def list_shares(connection: AsyncConnection, workspace_id: str) -> list[Share]:
    """Return the shares of a workspace, oldest first."""
    rows = await connection.execute(_SHARE.where(workspace_shares.c.workspace_id == workspace_id))
    return [Share(*row) for row in rows]


async def delete_share(connection: AsyncConnection, workspace_id: str, share_id: str) -> bool:
    """Delete a share of a workspace. Return False if it has no such share."""
    query = sa.delete(workspace_shares).where(
        workspace_shares.c.id == share_id, workspace_shares.c.workspace_id == workspace_id
    )
    return (await connection.execute(query)).rowcount == 1
