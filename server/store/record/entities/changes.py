"""Merges and splits of entities, and taking them back. They move names: what memories say stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.record.entities.rows import (
    Entity,
    EntityName,
    count_again,
    get_entity,
    list_names,
    note_moved_names,
    update_entity,
    update_names,
)
from server.store.tables.entities import entities, entity_changes, entity_names, entity_readings, mentions

Kind = Literal["merge", "split"]


@dataclass(frozen=True, slots=True)
class EntityChange:
    """A merge or a split. `entity_id` is the entity that others were merged into, or that was split."""

    id: str
    entity_id: str
    kind: Kind
    user_id: str
    at: datetime
    undone_at: datetime | None
    parts: list[dict[str, Any]]


_COLUMNS = tuple(entity_changes.c[name] for name in EntityChange.__slots__)


async def find_change(connection: AsyncConnection, workspace_id: str, change_id: str) -> EntityChange | None:
    """Return a change of the workspace, or None if it has none with this id."""
    query = sa.select(*_COLUMNS).where(entity_changes.c.id == change_id, entity_changes.c.workspace_id == workspace_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else EntityChange(*row)


async def list_changes(
    connection: AsyncConnection, workspace_id: str, entity_id: str, limit: int
) -> list[EntityChange]:
    """Return the newest changes of an entity, newest first."""
    query = (
        sa.select(*_COLUMNS)
        .where(entity_changes.c.workspace_id == workspace_id, entity_changes.c.entity_id == entity_id)
        .order_by(entity_changes.c.id.desc())
        .limit(limit)
    )
    return [EntityChange(*row) for row in await connection.execute(query)]


async def merge_entities(
    connection: AsyncConnection, workspace_id: str, into: Entity, others: Sequence[Entity], user_id: str, now: datetime
) -> str:
    """Give an entity the names of others, which end; return the id of the change."""
    names = await list_names(connection, [each.id for each in others])
    parts: list[dict[str, Any]] = []
    for each in others:
        moved = names[each.id]
        parts.append(_describe_part(each, moved))
        await update_names(connection, [name.id for name in moved], {"entity_id": into.id, "is_kept": True})
    first = min((each.first_seen for each in (into, *others) if each.first_seen is not None), default=None)
    last = max((each.last_updated for each in (into, *others) if each.last_updated is not None), default=None)
    await connection.execute(sa.delete(entities).where(entities.c.id.in_([each.id for each in others])))
    await update_entity(connection, into.id, {"first_seen": first, "last_updated": last})
    return await _end_change(connection, workspace_id, into.id, "merge", parts, user_id, now)


async def split_entity(
    connection: AsyncConnection,
    workspace_id: str,
    whole: Entity,
    moved: Sequence[EntityName],
    user_id: str,
    now: datetime,
) -> tuple[str, str]:
    """Move names of an entity to a new one; return the ids of the new entity and of the change."""
    part = Entity(new_id(now), moved[0].name, whole.type, True, 0, 0, whole.first_seen, whole.last_updated)
    await _insert(connection, workspace_id, part)
    await update_names(connection, [each.id for each in moved], {"entity_id": part.id, "is_kept": True})
    await _keep_shown_name(connection, whole.id)
    parts = [_describe_part(part, moved)]
    change = await _end_change(connection, workspace_id, whole.id, "split", parts, user_id, now)
    await count_again(connection, [part.id])
    return part.id, change


async def undo_change(
    connection: AsyncConnection, workspace_id: str, change: EntityChange, now: datetime
) -> list[str] | None:
    """Take a merge or a split back; return the ids of the entities as they are now.

    Returns None, and changes nothing, if the names are no longer where the change had moved them.
    """
    if await get_entity(connection, workspace_id, change.entity_id) is None:
        return None
    moved = {part["id"]: await _list_still_there(connection, change, part) for part in change.parts}
    if not all(moved.values()):
        return None
    for part in change.parts:
        names = moved[part["id"]]
        if change.kind == "merge":
            await _bring_back(connection, workspace_id, part, names)
        await _move_back(connection, part, names, part["id"] if change.kind == "merge" else change.entity_id)
        if change.kind == "split" and not (await list_names(connection, [part["id"]]))[part["id"]]:
            await connection.execute(sa.delete(entities).where(entities.c.id == part["id"]))
    await _keep_shown_name(connection, change.entity_id)
    row = sa.update(entity_changes).where(entity_changes.c.id == change.id)
    await connection.execute(row.values(undone_at=now))
    await note_moved_names(connection, workspace_id)
    touched = [change.entity_id, *moved]
    await count_again(connection, touched)
    return [each for each in touched if await get_entity(connection, workspace_id, each) is not None]


def _describe_part(entity: Entity, names: Sequence[EntityName]) -> dict[str, Any]:
    shown = next((each.id for each in names if each.name == entity.name), None)
    kept = [each.id for each in names if each.is_kept]
    ids = [each.id for each in names]
    return {"id": entity.id, "type": entity.type, "is_kept": entity.is_kept, "shown": shown, "names": ids, "kept": kept}


async def _list_still_there(
    connection: AsyncConnection, change: EntityChange, part: dict[str, Any]
) -> list[EntityName]:
    """Return the names of a part that are still where the change had moved them."""
    entity_id = change.entity_id if change.kind == "merge" else part["id"]
    names = (await list_names(connection, [entity_id]))[entity_id]
    return [each for each in names if each.id in part["names"]]


async def _bring_back(
    connection: AsyncConnection, workspace_id: str, part: dict[str, Any], names: Sequence[EntityName]
) -> None:
    """Make an entity again that was merged into another one."""
    shown = next((each.name for each in names if each.id == part["shown"]), names[0].name)
    columns = (entities.c.first_seen, entities.c.last_updated)
    query = sa.select(*columns).where(entities.c.id == names[0].entity_id)
    first, last = (await connection.execute(query)).one()
    await _insert(connection, workspace_id, Entity(part["id"], shown, part["type"], part["is_kept"], 0, 0, first, last))


async def _move_back(
    connection: AsyncConnection, part: dict[str, Any], names: Sequence[EntityName], entity_id: str
) -> None:
    """Give names to an entity. One that nobody had given to it stays only if memories have it, or nothing would."""
    ids = [each.id for each in names]
    used = sa.select(mentions.c.name_id).where(mentions.c.name_id.in_(ids)).distinct()
    in_use = set((await connection.execute(used)).scalars())
    kept = [each for each in ids if each in part["kept"] or each not in in_use]
    await update_names(connection, kept, {"entity_id": entity_id, "is_kept": True})
    loose = [each for each in ids if each not in kept]
    await update_names(connection, loose, {"entity_id": entity_id, "is_kept": False})


async def _insert(connection: AsyncConnection, workspace_id: str, entity: Entity) -> None:
    values = {name: getattr(entity, name) for name in Entity.__slots__}
    await connection.execute(sa.insert(entities).values(workspace_id=workspace_id, **values))


async def _keep_shown_name(connection: AsyncConnection, entity_id: str) -> None:
    """Have an entity show one of its names."""
    names = (await list_names(connection, [entity_id]))[entity_id]
    shown = (await connection.execute(sa.select(entities.c.name).where(entities.c.id == entity_id))).scalar_one()
    if names and shown not in {each.name for each in names}:
        await update_entity(connection, entity_id, {"name": names[0].name})


async def _end_change(
    connection: AsyncConnection,
    workspace_id: str,
    entity_id: str,
    kind: Kind,
    parts: list[dict[str, Any]],
    user_id: str,
    now: datetime,
) -> str:
    change_id = new_id(now)
    values = {"id": change_id, "workspace_id": workspace_id, "entity_id": entity_id, "kind": kind, "parts": parts}
    await connection.execute(sa.insert(entity_changes).values(**values, user_id=user_id, at=now))
    await note_moved_names(connection, workspace_id)
    await count_again(connection, [entity_id])
    return change_id


async def delete_entities_of_workspaces(connection: AsyncConnection, gone: sa.Select[str]) -> int:
    """Delete the entities of these workspaces, and return how many there were."""
    moved = sa.update(entity_readings).where(entity_readings.c.workspace_id.in_(gone))
    await connection.execute(moved.values(names_version=entity_readings.c.names_version + 1))
    names = sa.select(entity_names.c.id).where(entity_names.c.workspace_id.in_(gone))
    await connection.execute(sa.delete(mentions).where(mentions.c.name_id.in_(names)))
    for table in (entity_names, entity_changes):
        await connection.execute(sa.delete(table).where(table.c.workspace_id.in_(gone)))
    return (await connection.execute(sa.delete(entities).where(entities.c.workspace_id.in_(gone)))).rowcount
