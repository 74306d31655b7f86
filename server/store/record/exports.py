"""Rows of a workspace as an export has them, beside its memories: notes, and the changes of memories."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.record.entities import rows as entity_rows
from server.store.tables.entities import entities, entity_names
from server.store.tables.golden import golden_cases
from server.store.tables.memories import journal
from server.store.tables.working import identity_crystals, working_items, working_sections

#: The kinds of rows that are exported and imported as they are.
NoteKind = Literal["section", "item", "crystal", "golden_case"]
_TABLES: dict[NoteKind, sa.Table] = {
    "section": working_sections,
    "item": working_items,
    "crystal": identity_crystals,
    "golden_case": golden_cases,
}
#: The entities whose names are read in one statement.
_ENTITIES = 500
#: Columns that say where a row is, and not what it is.
_OF_THIS_SERVER = frozenset({"workspace_id", "number", "created_by"})


async def list_note_keys(connection: AsyncConnection, workspace_id: str, kind: NoteKind) -> list[str]:
    """Return the keys of the rows of a kind, in the order in which they were made."""
    table = _TABLES[kind]
    order = (table.c.number,) if "number" in table.c else (table.c.created_at, *table.primary_key)
    query = sa.select(_get_key(kind)).where(table.c.workspace_id == workspace_id).order_by(*order)
    return list((await connection.execute(query)).scalars())


async def find_note(connection: AsyncConnection, workspace_id: str, kind: NoteKind, key: str) -> dict[str, Any] | None:
    """Return a row as column → value, without the columns that say where it is; None if the workspace has none."""
    table = _TABLES[kind]
    columns = [each for each in table.c if each.name not in _OF_THIS_SERVER]
    query = sa.select(*columns).where(table.c.workspace_id == workspace_id, _get_key(kind) == key)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else dict(row)


def _get_key(kind: NoteKind) -> sa.Column[str]:
    return _TABLES[kind].c["name" if kind == "section" else "id"]


async def insert_note(connection: AsyncConnection, workspace_id: str, kind: NoteKind, values: dict[str, Any]) -> None:
    """Store a row of a kind."""
    await connection.execute(sa.insert(_TABLES[kind]).values(workspace_id=workspace_id, **values))


async def is_id_taken(connection: AsyncConnection, kind: NoteKind, note_id: str) -> bool:
    """Whether any workspace of the server has a row of this kind with this id."""
    table = _TABLES[kind]
    return bool((await connection.execute(sa.select(sa.exists().where(table.c.id == note_id)))).scalar_one())


async def list_kept_entities(connection: AsyncConnection, workspace_id: str) -> list[dict[str, Any]]:
    """Return the entities that somebody made, named or merged: the name that is shown, the type and the other names.

    The others are found in the memories again.
    """
    kept = sa.select(entity_names.c.entity_id).where(
        entity_names.c.workspace_id == workspace_id, entity_names.c.is_kept.is_(True)
    )
    query = (
        sa.select(entities.c.id, entities.c.name, entities.c.type)
        .where(entities.c.workspace_id == workspace_id, sa.or_(entities.c.is_kept, entities.c.id.in_(kept)))
        .order_by(entities.c.name, entities.c.id)
    )
    found = [dict(row) for row in (await connection.execute(query)).mappings()]
    for start in range(0, len(found), _ENTITIES):
        some = found[start : start + _ENTITIES]
        names = await entity_rows.list_names(connection, [each["id"] for each in some])
        for each in some:
            own = sorted(name.name for name in names[each.pop("id")] if name.is_kept)
            each["aliases"] = [name for name in own if name != each["name"]]
    return found


async def list_changes(connection: AsyncConnection, memory_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the changes of memories that tell an earlier state of them, in their order."""
    columns = [journal.c[name] for name in ("memory_id", "at", "operation", "before", "after")]
    query = (
        sa.select(*columns)
        .where(journal.c.memory_id.in_(memory_ids), journal.c.before.is_not(None))
        .order_by(journal.c.id)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def insert_changes(
    connection: AsyncConnection,
    workspace_id: str,
    revision: int,
    rows: Sequence[dict[str, Any]],
    common: dict[str, str],
) -> None:
    """Store changes of memories that happened elsewhere, each with its time. `common` says who brings them."""
    entries = [common | {"workspace_id": workspace_id, "revision": revision} | each for each in rows]
    if entries:
        await connection.execute(sa.insert(journal), entries)


async def find_kept_changes(connection: AsyncConnection, memory_ids: Sequence[str]) -> set[tuple[str, datetime, str]]:
    """Return the changes of memories that are known: memory, time and operation."""
    query = sa.select(journal.c.memory_id, journal.c.at, journal.c.operation).where(journal.c.memory_id.in_(memory_ids))
    return {(row[0], row[1], row[2]) for row in await connection.execute(query)}
