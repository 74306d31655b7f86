"""Which memories name which entities, and the counts of entities, kept in step.

The memories of a workspace are read in the order of their revisions, as the projection reads them: each change of a
memory gives it a new revision. A step reads the next ones in one transaction, so after a `kill -9` the rest is read.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.entities.finding import IsKnown, find_entities
from server.memory.entities.names import UNKNOWN_TYPE, fold_entity_name
from server.store.record.entities import rows
from server.store.record.entities.rows import EntityName
from server.store.record.relations.current import IN_RECALL
from server.store.tables.accounts import workspaces
from server.store.tables.entities import entities, entity_names, entity_readings, mentions
from server.store.tables.memories import memories

RULE = 1
"""The number of the rules by which entities are found. A change of them raises it: all memories are read again."""
STEP = 100
"""The most memories that one step reads."""

_IS_ACTIVE = sa.and_(memories.c.deleted_at.is_(None), IN_RECALL)
_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class ReadingState:
    """How far the memories of a workspace are read.

    Attributes:
        is_behind: whether memories changed since, or expired.
        names_version: rises if names are removed or moved.
    """

    is_behind: bool
    names_version: int


@dataclass
class _Step:
    """The work of a step: the mentions of its memories before and after it."""

    before: dict[_Key, sa.Row[Any]]
    after: dict[_Key, dict[str, Any]] = field(default_factory=dict[_Key, dict[str, Any]])


async def read_state(connection: AsyncConnection, workspace_id: str, now: datetime) -> ReadingState:
    """Return how far a workspace is read."""
    expired = (
        sa.exists()
        .where(mentions.c.expires_at <= now, entity_names.c.id == mentions.c.name_id)
        # Concatenated, so that the few expired mentions are looked at first, and not all names of the workspace.
        .where(entity_names.c.workspace_id.concat("") == workspace_id)
    )
    query = (
        sa.select(
            workspaces.c.revision, entity_readings.c.revision, entity_readings.c.rule, entity_readings.c.names_version
        )
        .add_columns(expired)
        .outerjoin(entity_readings, entity_readings.c.workspace_id == workspaces.c.id)
        .where(workspaces.c.id == workspace_id)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return ReadingState(is_behind=False, names_version=0)
    there, read, rule, version, has_expired = row
    return ReadingState(read != there or rule != RULE or bool(has_expired), version or 0)


async def list_behind(connection: AsyncConnection) -> list[str]:
    """Return the ids of the workspaces whose memories are not all read."""
    read = entity_readings.c
    query = (
        sa.select(workspaces.c.id)
        .outerjoin(entity_readings, read.workspace_id == workspaces.c.id)
        .where(workspaces.c.deleted_at.is_(None))
        .where(sa.or_(read.revision.is_(None), read.revision != workspaces.c.revision, read.rule != RULE))
        .order_by(workspaces.c.id)
    )
    return list((await connection.execute(query)).scalars())


async def read_step(connection: AsyncConnection, workspace_id: str, now: datetime, is_known: IsKnown) -> bool:
    """Read the next memories of a workspace, and return whether there may be more.

    `is_known` tells the names that entities of the workspace have.
    """
    read, rule, _ = await rows.hold_reading(connection, workspace_id)
    if rule != RULE:
        read = 0
    await _forget_expired(connection, workspace_id, now)
    revision = sa.select(workspaces.c.revision).where(workspaces.c.id == workspace_id)
    there = (await connection.execute(revision)).scalar_one()
    found = await _read_memories(connection, workspace_id, read)
    if found:
        await _renew(connection, workspace_id, found, now, is_known)
    last = found[-1].revision if len(found) == STEP else max([there, *(row.revision for row in found)])
    row = sa.update(entity_readings).where(entity_readings.c.workspace_id == workspace_id)
    await connection.execute(row.values(revision=last, rule=RULE))
    return len(found) == STEP


async def _read_memories(connection: AsyncConnection, workspace_id: str, after: int) -> Sequence[sa.Row[Any]]:
    names = (
        "id",
        "revision",
        "content",
        "entity",
        "type",
        "scope",
        "project",
        "expires_at",
        "created_at",
        "updated_at",
    )
    query = (
        sa.select(*(memories.c[name] for name in names), _IS_ACTIVE.label("is_active"))
        .where(memories.c.workspace_id == workspace_id, memories.c.revision > after)
        .order_by(memories.c.revision)
        .limit(STEP)
    )
    return (await connection.execute(query)).all()


async def _renew(
    connection: AsyncConnection,
    workspace_id: str,
    some: Sequence[sa.Row[Any]],
    now: datetime,
    is_known: IsKnown,
) -> None:
    """Write the mentions of memories as they are now, and the counts of the entities."""
    step = _Step(await _read_mentions(connection, [row.id for row in some]))
    wanted = {
        row.id: _find_names(row, is_known)
        for row in some
        if row.is_active and (row.expires_at is None or row.expires_at > now)
    }
    names = await _ensure_names(connection, workspace_id, wanted, now)
    for row in some:
        for key, (_, _, is_about) in wanted.get(row.id, {}).items():
            step.after[row.id, names[key].id] = {
                "is_about": is_about,
                "scope": row.scope,
                "project": row.project or "",
                "type": row.type,
                "expires_at": row.expires_at,
            }
    await _write_mentions(connection, step)
    entity_of = {each.name_id: each.entity_id for each in step.before.values()}
    entity_of |= {each.id: each.entity_id for each in names.values()}
    await _add_counts(connection, step, entity_of)
    await _note_times(connection, some, step, entity_of)
    gone = {name_id for (memory_id, name_id) in step.before if (memory_id, name_id) not in step.after}
    await rows.prune_names(connection, workspace_id, gone)


def _find_names(row: sa.Row[Any], is_known: IsKnown) -> dict[str, tuple[str, str, bool]]:
    """Return the names in a memory, by their keys: the name, the type, and whether the memory is about it."""
    found = {each.key: (each.name, each.type, False) for each in find_entities(row.content, is_known)}
    if row.entity and (key := fold_entity_name(row.entity)):
        kind = found[key][1] if key in found else UNKNOWN_TYPE
        found[key] = (row.entity, kind, True)
    return found


async def _ensure_names(
    connection: AsyncConnection,
    workspace_id: str,
    wanted: Mapping[str, Mapping[str, tuple[str, str, bool]]],
    now: datetime,
) -> dict[str, EntityName]:
    """Return the names with these keys; those that are missing are made, each with an entity of its own."""
    merged: dict[str, tuple[str, str, bool]] = {}
    for found in wanted.values():
        for key, (name, kind, is_about) in found.items():
            known = merged.get(key)
            if known is None or (is_about and not known[2]):
                merged[key] = (name, kind if known is None or kind != UNKNOWN_TYPE else known[1], is_about)
    names = {each.key: each for each in await rows.find_names(connection, workspace_id, merged)}
    new = [each for key, each in merged.items() if key not in names]
    if new:
        await rows.insert_entities(connection, workspace_id, new, now, is_kept=False)
        names = {each.key: each for each in await rows.find_names(connection, workspace_id, merged)}
    given = [each.id for key, each in names.items() if merged[key][2] and not each.is_given]
    if given:
        await rows.update_names(connection, given, {"is_given": True})
        await rows.note_moved_names(connection, workspace_id)
    await _tell_types(connection, merged, names)
    return names


async def _tell_types(
    connection: AsyncConnection, found: Mapping[str, tuple[str, str, bool]], names: Mapping[str, EntityName]
) -> None:
    """Give the entities of which nobody knew the type so far the one that a memory shows."""
    by_type: dict[str, list[str]] = {}
    for key, (_, kind, _) in found.items():
        if kind != UNKNOWN_TYPE:
            by_type.setdefault(kind, []).append(names[key].entity_id)
    for kind, ids in sorted(by_type.items()):
        untold = (entities.c.type == UNKNOWN_TYPE, entities.c.is_kept.is_(False))
        await connection.execute(sa.update(entities).where(entities.c.id.in_(ids), *untold).values(type=kind))


async def _read_mentions(connection: AsyncConnection, memory_ids: Collection[str]) -> dict[_Key, sa.Row[Any]]:
    query = (
        sa.select(mentions, entity_names.c.entity_id)
        .join(entity_names, entity_names.c.id == mentions.c.name_id)
        .where(mentions.c.memory_id.in_(memory_ids))
    )
    return {(row.memory_id, row.name_id): row for row in await connection.execute(query)}


async def _write_mentions(connection: AsyncConnection, step: _Step) -> None:
    """Delete the mentions that changed, and insert those that are new."""
    changed = [
        key
        for key, row in step.before.items()
        if key not in step.after or any(getattr(row, name) != value for name, value in step.after[key].items())
    ]
    gone = set(changed)
    await _delete_mentions(connection, changed)
    new = [
        {"memory_id": key[0], "name_id": key[1]} | values
        for key, values in step.after.items()
        if key not in step.before or key in gone
    ]
    if new:
        await connection.execute(sa.insert(mentions), new)


async def _delete_mentions(connection: AsyncConnection, keys: Sequence[_Key]) -> None:
    if keys:
        one = sa.delete(mentions).where(
            mentions.c.memory_id == sa.bindparam("memory"), mentions.c.name_id == sa.bindparam("name")
        )
        await connection.execute(one, [{"memory": memory_id, "name": name_id} for memory_id, name_id in keys])


async def _add_counts(connection: AsyncConnection, step: _Step, entity_of: Mapping[int, str]) -> None:
    """Add to the counts of entities. A memory that has two names of an entity counts once."""
    before = {(memory_id, row.entity_id) for (memory_id, _), row in step.before.items()}
    about_before = {(memory_id, row.entity_id) for (memory_id, _), row in step.before.items() if row.is_about}
    after = {(memory_id, entity_of[name_id]) for memory_id, name_id in step.after}
    about_after = {(memory_id, entity_of[name]) for (memory_id, name), row in step.after.items() if row["is_about"]}
    counts, about = _count_difference(before, after), _count_difference(about_before, about_after)
    changes = [
        {"entity": each, "more": counts[each], "about": about[each]}
        for each in sorted({*counts, *about})
        if counts[each] or about[each]
    ]
    if changes:
        row = sa.update(entities).where(entities.c.id == sa.bindparam("entity"))
        more = entities.c.memory_count + sa.bindparam("more", type_=sa.Integer)
        about_count = entities.c.about_count + sa.bindparam("about", type_=sa.Integer)
        await connection.execute(row.values(memory_count=more, about_count=about_count), changes)


def _count_difference(before: set[tuple[str, str]], after: set[tuple[str, str]]) -> Counter[str]:
    counts = Counter(entity_id for _, entity_id in after - before)
    counts.subtract(entity_id for _, entity_id in before - after)
    return counts


async def _note_times(
    connection: AsyncConnection, some: Sequence[sa.Row[Any]], step: _Step, entity_of: Mapping[int, str]
) -> None:
    """Note when the entities of these memories were seen first, and changed last."""
    times: dict[str, tuple[datetime, datetime]] = {}
    by_memory = {row.id: row for row in some}
    for memory_id, name_id in step.after:
        row, entity_id = by_memory[memory_id], entity_of[name_id]
        first, last = times.get(entity_id, (row.created_at, row.updated_at))
        times[entity_id] = (min(first, row.created_at), max(last, row.updated_at))
    if times:
        first, last = entities.c.first_seen, entities.c.last_updated
        new_first = sa.bindparam("first", type_=first.type)
        new_last = sa.bindparam("last", type_=last.type)
        row = sa.update(entities).where(entities.c.id == sa.bindparam("entity"))
        statement = row.values(
            first_seen=sa.case((sa.or_(first.is_(None), first > new_first), new_first), else_=first),
            last_updated=sa.case((sa.or_(last.is_(None), last < new_last), new_last), else_=last),
        )
        values = [{"entity": each, "first": a, "last": b} for each, (a, b) in sorted(times.items())]
        await connection.execute(statement, values)


async def _forget_expired(connection: AsyncConnection, workspace_id: str, now: datetime) -> None:
    """Take the memories that have expired from the counts. One that gets a later end is read again."""
    query = (
        sa.select(mentions.c.memory_id)
        .join(entity_names, entity_names.c.id == mentions.c.name_id)
        .where(mentions.c.expires_at <= now, entity_names.c.workspace_id.concat("") == workspace_id)
        .distinct()
        .limit(STEP)
    )
    expired = list((await connection.execute(query)).scalars())
    if expired:
        await forget_memories(connection, workspace_id, expired)


async def forget_memories(connection: AsyncConnection, workspace_id: str, memory_ids: Collection[str]) -> None:
    """Take memories from the counts, and delete the names that only they have. The caller holds the reading."""
    step = _Step(await _read_mentions(connection, memory_ids))
    if step.before:
        await _write_mentions(connection, step)
        await _add_counts(connection, step, {})
        await rows.prune_names(connection, workspace_id, {name_id for _, name_id in step.before})


async def erase_mentions(connection: AsyncConnection, memory_id: str) -> None:
    """Delete what is known of a memory that is erased, and the names that only it has."""
    query = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id)
    workspace_id = (await connection.execute(query)).scalar_one()
    await rows.hold_reading(connection, workspace_id)
    await forget_memories(connection, workspace_id, [memory_id])
    await rows.prune_moved_names(connection, workspace_id)
