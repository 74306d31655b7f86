"""Golden cases: what a workspace's owner says that recall must, or must not, bring up for a query."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import accounts, workspaces
from server.store.tables.golden import golden_cases

Expect = Literal["recalled", "not_recalled"]


@dataclass(frozen=True, slots=True)
class Case:
    """One case. Either `memory_id` or `text`, a part of a memory's content, says which memory is meant."""

    id: str
    query: str
    memory_id: str | None
    text: str | None
    expect: Expect
    #: Among how many of the first memories it must, or must not, be.
    within: int
    note: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace that has cases: `name` is account/name, `cases` how many."""

    workspace_id: str
    name: str
    cases: int


_CASE = sa.select(*(golden_cases.c[name] for name in Case.__slots__))


async def count_held(connection: AsyncConnection, workspace_id: str) -> int:
    """How many cases a workspace has; until the transaction ends nobody else adds one.

    Raises:
        WorkspaceGone: there is no such workspace.
    """
    held = sa.select(workspaces.c.id).where(workspaces.c.id == workspace_id, workspaces.c.deleted_at.is_(None))
    if (await connection.execute(held.with_for_update())).one_or_none() is None:
        raise WorkspaceGone(workspace_id)
    count = sa.select(sa.func.count()).where(golden_cases.c.workspace_id == workspace_id)
    return (await connection.execute(count)).scalar_one()


async def insert(connection: AsyncConnection, workspace_id: str, case: Case) -> None:
    """Keep a new case."""
    await connection.execute(sa.insert(golden_cases).values(workspace_id=workspace_id, **asdict(case)))


async def list_cases(connection: AsyncConnection, workspace_id: str) -> list[Case]:
    """A workspace's cases, oldest first."""
    query = _CASE.where(golden_cases.c.workspace_id == workspace_id).order_by(golden_cases.c.id)
    return [Case(*row) for row in await connection.execute(query)]


async def delete(connection: AsyncConnection, workspace_id: str, case_id: str) -> bool:
    """Drop a case of the workspace; False where it has none of this id."""
    one = sa.delete(golden_cases).where(golden_cases.c.id == case_id, golden_cases.c.workspace_id == workspace_id)
    return (await connection.execute(one.returning(golden_cases.c.id))).one_or_none() is not None


async def forget(connection: AsyncConnection, gone: sa.Select[str]) -> int:
    """Drop the cases of the workspaces that a query selects; how many."""
    ended = sa.delete(golden_cases).where(golden_cases.c.workspace_id.in_(gone)).returning(golden_cases.c.id)
    return len((await connection.execute(ended)).all())


async def places(connection: AsyncConnection, account_id: str | None = None, name: str | None = None) -> list[Place]:
    """The workspaces that have cases, by name: all, an account's, or an account's of this name."""
    query = (
        sa.select(workspaces.c.id, accounts.c.name, workspaces.c.name, sa.func.count())
        .join_from(golden_cases, workspaces, golden_cases.c.workspace_id == workspaces.c.id)
        .join(accounts, workspaces.c.account_id == accounts.c.id)
        .where(workspaces.c.deleted_at.is_(None))
        .group_by(workspaces.c.id, accounts.c.name, workspaces.c.name)
        .order_by(accounts.c.name, workspaces.c.name)
    )
    if account_id is not None:
        query = query.where(workspaces.c.account_id == account_id)
    if name is not None:
        query = query.where(workspaces.c.name == name)
    return [Place(found, f"{account}/{own}", cases) for found, account, own, cases in await connection.execute(query)]
