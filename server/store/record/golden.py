"""Rows of golden cases: for a query, the memory that recall must, or must not, find."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.recall.repetitions import contains_text, find_repetitions
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import accounts, workspaces
from server.store.tables.golden import golden_cases
from server.store.tables.memories import memories

Expect = Literal["recalled", "not_recalled"]


@dataclass(frozen=True, slots=True)
class Case:
    """One case. Its memory is named by `memory_id`, or by `text`, which is a part of the content."""

    id: str
    query: str
    memory_id: str | None
    text: str | None
    expect: Expect
    #: The memory must, or must not, be among this many of the first memories.
    within: int
    note: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class GoldenWorkspace:
    """A workspace that has cases: `name` is account/name, `cases` is their number."""

    workspace_id: str
    name: str
    cases: int


_CASE = sa.select(*(golden_cases.c[name] for name in Case.__slots__))


async def count_cases(connection: AsyncConnection, workspace_id: str) -> int:
    """Return the number of a workspace's cases. Until the transaction ends nobody else adds one.

    Raises:
        WorkspaceGone: there is no such workspace.
    """
    held = sa.select(workspaces.c.id).where(workspaces.c.id == workspace_id, workspaces.c.deleted_at.is_(None))
    if (await connection.execute(held.with_for_update())).one_or_none() is None:
        raise WorkspaceGone(workspace_id)
    count = sa.select(sa.func.count()).where(golden_cases.c.workspace_id == workspace_id)
    return (await connection.execute(count)).scalar_one()


async def insert_case(connection: AsyncConnection, workspace_id: str, case: Case) -> None:
    """Store a new case."""
    await connection.execute(sa.insert(golden_cases).values(workspace_id=workspace_id, **asdict(case)))


async def list_cases(connection: AsyncConnection, workspace_id: str) -> list[Case]:
    """Return a workspace's cases, oldest first."""
    query = _CASE.where(golden_cases.c.workspace_id == workspace_id).order_by(golden_cases.c.id)
    return [Case(*row) for row in await connection.execute(query)]


async def delete_case(connection: AsyncConnection, workspace_id: str, case_id: str) -> bool:
    """Delete a case of the workspace. Return False if it has no case with this id."""
    one = sa.delete(golden_cases).where(golden_cases.c.id == case_id, golden_cases.c.workspace_id == workspace_id)
    return (await connection.execute(one.returning(golden_cases.c.id))).one_or_none() is not None


async def find_quoting_cases(
    connection: AsyncConnection, workspace_id: str, memory_ids: Collection[str], texts: Collection[str]
) -> list[str]:
    """Return the ids of the cases that name one of these memories, or quote one of these texts.

    A case quotes a text if its query or its note repeats it, or if it names its memory by a part of the text that no
    memory of the workspace has any more.
    """
    quoting = [each for _, each in await find_repetitions(connection, workspace_id, list(texts), {"golden_case"})]
    for case in await list_cases(connection, workspace_id):
        is_part = case.text is not None and any(case.text.casefold() in text.casefold() for text in texts)
        if case.memory_id in memory_ids or (is_part and not await _is_in_memory(connection, workspace_id, case.text)):
            quoting.append(case.id)
    return list(dict.fromkeys(quoting))


async def _is_in_memory(connection: AsyncConnection, workspace_id: str, text: str | None) -> bool:
    """Whether a memory of the workspace contains a text."""
    holds = contains_text(memories.c.content, text or "", is_sqlite=connection.dialect.name == "sqlite")
    query = sa.exists().where(memories.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None), holds)
    return bool((await connection.execute(sa.select(query))).scalar_one())


async def delete_cases(connection: AsyncConnection, ids: Collection[str]) -> None:
    """Delete these cases."""
    await connection.execute(sa.delete(golden_cases).where(golden_cases.c.id.in_(ids)))


async def delete_cases_of_workspaces(connection: AsyncConnection, gone: sa.Select[str]) -> int:
    """Delete the cases of the workspaces that a query selects, and return the number of rows deleted."""
    ended = sa.delete(golden_cases).where(golden_cases.c.workspace_id.in_(gone)).returning(golden_cases.c.id)
    return len((await connection.execute(ended)).all())


async def list_workspaces_with_cases(
    connection: AsyncConnection, account_id: str | None = None, name: str | None = None
) -> list[GoldenWorkspace]:
    """Return the workspaces that have cases, ordered by name: all, those of an account, or those of a name."""
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
    return [
        GoldenWorkspace(found, f"{account}/{own}", cases)
        for found, account, own, cases in await connection.execute(query)
    ]
