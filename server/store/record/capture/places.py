"""Rows of the places by which projects are known. The caller owns the transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.capture.projects import Place
from server.store.db import insert_into
from server.store.tables.accounts import workspaces
from server.store.tables.capture import project_places


async def find_workspaces_at(connection: AsyncConnection, account_id: str, places: Collection[Place]) -> dict[str, str]:
    """Return the id of the account's workspace that is known by each of the places, by the key of the place."""
    query = (
        sa.select(project_places.c.place_key, project_places.c.workspace_id)
        .join(workspaces, workspaces.c.id == project_places.c.workspace_id)
        .where(
            project_places.c.account_id == account_id,
            project_places.c.place_key.in_([each.key for each in places]),
            workspaces.c.deleted_at.is_(None),
        )
    )
    return {row.place_key: row.workspace_id for row in await connection.execute(query)}


async def put_places(
    connection: AsyncConnection, account_id: str, workspace_id: str, places: Sequence[Place], now: datetime
) -> None:
    """Have a workspace known by these places. A place that leads to another one leads to this one from now on."""
    for each in places:
        statement = insert_into(connection, project_places).values(
            account_id=account_id,
            place_key=each.key,
            kind=each.kind,
            place=each.text,
            workspace_id=workspace_id,
            created_at=now,
        )
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "place_key"], set_={"workspace_id": statement.excluded.workspace_id}
            )
        )


async def list_places(connection: AsyncConnection, workspace_ids: Collection[str]) -> dict[str, list[Place]]:
    """Return the places of each of the workspaces that has some, those that were noted first at the beginning."""
    query = (
        sa.select(project_places.c.workspace_id, project_places.c.kind, project_places.c.place)
        .where(project_places.c.workspace_id.in_(workspace_ids))
        .order_by(project_places.c.created_at, project_places.c.place)
    )
    found: dict[str, list[Place]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.workspace_id, []).append(Place(row.kind, row.place))
    return found
