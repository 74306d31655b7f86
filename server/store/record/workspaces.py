"""Workspaces: finding, making and ending them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.settings import DEFAULTS, WorkspaceSettings
from server.memory.text import name_search_text_rule
from server.names import find_name_fault, fold_name
from server.store.db import insert_into
from server.store.tables.accounts import api_keys, workspaces


class WorkspaceGone(Exception):  # noqa: N818 - it names the state of the workspace; the caller decides whether that is an error
    """The workspace was deleted while a change of it was under way."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """An isolated memory store of an account."""

    id: str
    account_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    settings: WorkspaceSettings = DEFAULTS


@dataclass(frozen=True, slots=True)
class MissingWorkspace:
    """A workspace that does not exist: it has no id, no rows, and the default settings.

    A write needs a `Workspace`, which `ensure_workspace` makes in the writer's own transaction.
    """

    account_id: str
    name: str

    @property
    def settings(self) -> WorkspaceSettings:
        """The default settings."""
        return DEFAULTS


_COLUMNS = (
    workspaces.c.id,
    workspaces.c.account_id,
    workspaces.c.name,
    workspaces.c.created_at,
    workspaces.c.updated_at,
    workspaces.c.settings,
)
_WORKSPACE = sa.select(*_COLUMNS).where(workspaces.c.deleted_at.is_(None))


def _from_row(row: Sequence[Any]) -> Workspace:
    *columns, values = row
    return Workspace(*columns, settings=WorkspaceSettings.model_validate(values) if values else DEFAULTS)


class UnclearWorkspaceName(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """A new workspace may not have this name; `fault` says why, as the end of a sentence."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


def check_new_name(name: str) -> None:
    """Check that a new workspace may have a name. One that has such a name already keeps it.

    Raises:
        UnclearWorkspaceName: it may not.
    """
    if (fault := find_name_fault(name)) is not None:
        raise UnclearWorkspaceName(fault)


async def find_workspace(connection: AsyncConnection, account_id: str, name: str) -> Workspace | None:
    """Return the account's workspace of this name, in any case of letters, or None if there is none."""
    query = _WORKSPACE.where(workspaces.c.account_id == account_id, workspaces.c.name_key == fold_name(name))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _from_row(row)


async def get_workspace(connection: AsyncConnection, workspace_id: str) -> Workspace | None:
    """Return the workspace with this id, or None if there is none."""
    row = (await connection.execute(_WORKSPACE.where(workspaces.c.id == workspace_id))).one_or_none()
    return None if row is None else _from_row(row)


async def get_workspaces(connection: AsyncConnection, workspace_ids: Sequence[str]) -> dict[str, Workspace]:
    """Return those of the workspaces that are there, by id."""
    found = [_from_row(row) for row in await connection.execute(_WORKSPACE.where(workspaces.c.id.in_(workspace_ids)))]
    return {each.id: each for each in found}


async def list_workspaces(connection: AsyncConnection, account_id: str) -> list[Workspace]:
    """Return the account's workspaces, oldest first."""
    query = _WORKSPACE.where(workspaces.c.account_id == account_id).order_by(workspaces.c.created_at, workspaces.c.id)
    return [_from_row(row) for row in await connection.execute(query)]


async def ensure_workspace(
    connection: AsyncConnection, account_id: str, name: str, generation: int, now: datetime
) -> tuple[Workspace, bool]:
    """Return the account's workspace of this name, and True if it was missing and is made now.

    Raises:
        UnclearWorkspaceName: it was missing, and no new one may have this name.
    """
    new = new_id(now)
    statement = insert_into(connection, workspaces).values(
        id=new,
        account_id=account_id,
        name=name,
        name_key=fold_name(name),
        revision=0,
        flushed_revision=0,
        generation=generation,
        search_text_rule=name_search_text_rule("english"),
        created_at=now,
        updated_at=now,
    )
    # An existing one is overwritten with its own key: so it is returned, and nobody can delete it in between.
    statement = statement.on_conflict_do_update(
        index_elements=["account_id", "name_key"],
        index_where=workspaces.c.deleted_at.is_(None),
        set_={"name_key": statement.excluded.name_key},
    ).returning(*_COLUMNS)
    found = _from_row((await connection.execute(statement)).one())
    if found.id == new:
        check_new_name(name)  # the caller's transaction ends with it
    return found, found.id == new


async def delete_workspace(connection: AsyncConnection, workspace_id: str, now: datetime) -> None:
    """Mark a workspace as deleted, which hides everything in it, and revoke the keys that are bound to it."""
    live = sa.update(workspaces).where(workspaces.c.id == workspace_id, workspaces.c.deleted_at.is_(None))
    await connection.execute(live.values(deleted_at=now))
    bound = sa.update(api_keys).where(api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None))
    await connection.execute(bound.values(revoked_at=now))


async def list_workspace_ids(connection: AsyncConnection) -> list[str]:
    """Return the ids of the workspaces of all accounts that are not deleted."""
    query = sa.select(workspaces.c.id).where(workspaces.c.deleted_at.is_(None)).order_by(workspaces.c.id)
    return list((await connection.execute(query)).scalars())
