"""Rows of entities and of their names. The caller owns the transaction and holds the workspace's reading."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.entities.names import fold_entity_name
from server.store.db import insert_into
from server.store.tables.entities import entities, entity_names, entity_readings, mentions

#: The most values that one statement has.
PORTION = 500
#: The marks of a name that somebody writes to an entity.
WRITTEN = {"is_kept": True, "is_given": True, "is_written": True}


@dataclass(frozen=True, slots=True)
class Entity:
    """A person or thing that memories name.

    Attributes:
        type: what it is: person, product, host, file, identifier, name, or a word that somebody chose.
        is_kept: whether somebody made or changed it.
        memory_count: the number of active memories that name it.
        about_count: the number of those whose field `entity` names it.
        first_seen: when the first of them was stored; None if there was none.
        last_updated: when one of them was stored or changed last.
    """

    id: str
    name: str
    type: str
    is_kept: bool
    memory_count: int
    about_count: int
    first_seen: datetime | None
    last_updated: datetime | None


@dataclass(frozen=True, slots=True)
class EntityName:
    """One name of an entity."""

    id: int
    key: str
    name: str
    entity_id: str
    is_given: bool
    is_kept: bool
    is_written: bool


ENTITY_COLUMNS = tuple(entities.c[name] for name in Entity.__slots__)
_NAME_COLUMNS = tuple(entity_names.c[name] for name in EntityName.__slots__)


async def hold_reading(connection: AsyncConnection, workspace_id: str) -> tuple[int, int, int]:
    """Return the revision, the rule and the version of names of a workspace, and hold them until the transaction ends.

    A change of entities calls this first, so that no two change them at once.
    """
    values = {"workspace_id": workspace_id, "revision": 0, "rule": 0, "names_version": 0}
    statement = insert_into(connection, entity_readings).values(values)
    held = statement.on_conflict_do_update(
        index_elements=["workspace_id"], set_={"workspace_id": statement.excluded.workspace_id}
    ).returning(entity_readings.c.revision, entity_readings.c.rule, entity_readings.c.names_version)
    revision, rule, version = (await connection.execute(held)).one()
    return revision, rule, version


async def note_moved_names(connection: AsyncConnection, workspace_id: str) -> None:
    """Note that names of a workspace were removed or moved, so that nobody trusts those that were read before."""
    row = sa.update(entity_readings).where(entity_readings.c.workspace_id == workspace_id)
    await connection.execute(row.values(names_version=entity_readings.c.names_version + 1))


async def get_entity(connection: AsyncConnection, workspace_id: str, entity_id: str) -> Entity | None:
    """Return an entity of the workspace, or None if it has none with this id."""
    query = sa.select(*ENTITY_COLUMNS).where(entities.c.id == entity_id, entities.c.workspace_id == workspace_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Entity(*row)


async def find_entity(connection: AsyncConnection, workspace_id: str, id_or_name: str) -> Entity | None:
    """Return the entity of the workspace with this id or one of these names, or None if there is none."""
    found = await get_entity(connection, workspace_id, id_or_name)
    if found is None:
        names = await find_names(connection, workspace_id, [fold_entity_name(id_or_name)])
        found = await get_entity(connection, workspace_id, names[0].entity_id) if names else None
    return found


async def find_names(connection: AsyncConnection, workspace_id: str, keys: Collection[str]) -> list[EntityName]:
    """Return the names of the workspace that have these keys."""
    found: list[EntityName] = []
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), PORTION):
        query = sa.select(*_NAME_COLUMNS).where(
            entity_names.c.workspace_id == workspace_id, entity_names.c.key.in_(wanted[start : start + PORTION])
        )
        found += [EntityName(*row) for row in await connection.execute(query)]
    return found


async def list_names(connection: AsyncConnection, entity_ids: Collection[str]) -> dict[str, list[EntityName]]:
    """Return the names of entities, by the entity's id, oldest first."""
    by_entity: dict[str, list[EntityName]] = {each: [] for each in entity_ids}
    query = sa.select(*_NAME_COLUMNS).where(entity_names.c.entity_id.in_(by_entity)).order_by(entity_names.c.id)
    for row in await connection.execute(query):
        name = EntityName(*row)
        by_entity[name.entity_id].append(name)
    return by_entity


async def insert_entities(
    connection: AsyncConnection,
    workspace_id: str,
    new: Sequence[tuple[str, str, bool]],
    now: datetime,
    *,
    is_kept: bool,
) -> None:
    """Store entities with one name each, which no other has: the name, the type, and whether somebody gave the name."""
    if not new:
        return
    ids = [new_id(now) for _ in new]
    rows: list[dict[str, Any]] = [
        {"id": each, "workspace_id": workspace_id, "name": name, "type": kind, "is_kept": is_kept}
        | {"memory_count": 0, "about_count": 0}
        for each, (name, kind, _) in zip(ids, new, strict=True)
    ]
    await connection.execute(sa.insert(entities), rows)
    names = [
        _make_name(workspace_id, each, name, is_given=given, is_kept=is_kept)
        for each, (name, _, given) in zip(ids, new, strict=True)
    ]
    await connection.execute(sa.insert(entity_names), names)


async def insert_names(connection: AsyncConnection, workspace_id: str, entity_id: str, names: Sequence[str]) -> None:
    """Give an entity names that no entity has. Somebody gave them, and they stay."""
    if names:
        rows = [_make_name(workspace_id, entity_id, name, is_given=True, is_kept=True) for name in names]
        await connection.execute(sa.insert(entity_names), rows)


def _make_name(workspace_id: str, entity_id: str, name: str, *, is_given: bool, is_kept: bool) -> dict[str, Any]:
    key = fold_entity_name(name)
    return {
        "workspace_id": workspace_id,
        "key": key,
        "name": name,
        "entity_id": entity_id,
        "is_given": is_given,
        "is_kept": is_kept,
        "is_written": is_kept,
    }


async def update_entity(connection: AsyncConnection, entity_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of an entity."""
    await connection.execute(sa.update(entities).where(entities.c.id == entity_id).values(**values))


async def update_names(connection: AsyncConnection, name_ids: Collection[int], values: Mapping[str, Any]) -> None:
    """Change columns of names."""
    if name_ids:
        await connection.execute(sa.update(entity_names).where(entity_names.c.id.in_(name_ids)).values(**values))


async def count_again(connection: AsyncConnection, entity_ids: Collection[str]) -> None:
    """Count the memories of entities from their mentions: after their names moved."""
    for each in entity_ids:
        query = (
            sa.select(
                sa.func.count(mentions.c.memory_id.distinct()),
                sa.func.count(sa.case((mentions.c.is_about, mentions.c.memory_id)).distinct()),
            )
            .join(entity_names, entity_names.c.id == mentions.c.name_id)
            .where(entity_names.c.entity_id == each)
        )
        count, about = (await connection.execute(query)).one()
        await update_entity(connection, each, {"memory_count": count, "about_count": about})


async def prune_names(connection: AsyncConnection, workspace_id: str, name_ids: Collection[int]) -> None:
    """Delete those of these names that no memory has and nobody gave to the entity, and entities without a name.

    An entity whose shown name goes shows another one of its names.
    """
    if name_ids:
        await _delete_unused(
            connection, workspace_id, entity_names.c.id.in_(name_ids), entity_names.c.is_kept.is_(False)
        )


async def prune_moved_names(connection: AsyncConnection, workspace_id: str) -> None:
    """Delete the names that a merge or a split moved, if nobody wrote them and no memory has them any more.

    They were found in texts and in the fields of memories, so they may be words of a memory that is erased.
    """
    conditions = (entity_names.c.workspace_id == workspace_id, entity_names.c.is_kept, ~entity_names.c.is_written)
    await _delete_unused(connection, workspace_id, *conditions)


async def _delete_unused(connection: AsyncConnection, workspace_id: str, *conditions: sa.ColumnElement[bool]) -> None:
    """Delete the names that meet the conditions and that no memory has, and entities without a name."""
    is_mentioned = sa.exists().where(mentions.c.name_id == entity_names.c.id)
    unused = sa.select(entity_names.c.id, entity_names.c.entity_id).where(*conditions, ~is_mentioned)
    rows = (await connection.execute(unused)).all()
    if not rows:
        return
    await connection.execute(sa.delete(entity_names).where(entity_names.c.id.in_([row.id for row in rows])))
    touched = {row.entity_id for row in rows}
    left = await list_names(connection, touched)
    await connection.execute(sa.delete(entities).where(entities.c.id.in_([each for each in touched if not left[each]])))
    for each in touched:
        if left[each]:
            shown = sa.select(entities.c.name).where(entities.c.id == each)
            name = (await connection.execute(shown)).scalar_one()
            if name not in {other.name for other in left[each]}:
                await update_entity(connection, each, {"name": left[each][0].name})
    await note_moved_names(connection, workspace_id)
