"""The memories that a recall has found, as it answers them: some dozen rows, read on the way to an answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Image, Inferable, Linkage, Timestamp
from server.store.db import Database, fetch_rows
from server.store.record.journal import read_texts_as_of
from server.store.record.relations.current import IN_RECALL, Past, is_current
from server.store.tables.memories import memories


class RecalledMemory(BaseModel):
    """A memory as recall answers it. Its fields have the names that they have in `Memory`."""

    id: str = Field(description="The memory's id, for fetch, update_memory and delete_memory.")
    content: str = Field(description="The remembered text.")
    type: str = Field(description="Its type.")
    tags: list[str] = Field(description="Its tags.")
    scope: str = Field(description="The part of the workspace in which it is valid.")
    project: str | None = Field(default=None, description="The project that it belongs to.")
    entity: str | None = Field(default=None, description="The person or thing that it is about.")
    author: str | None = Field(default=None, description="The person who said it.")
    session: str | None = Field(default=None, description="The session it comes from.")
    occurred_at: Timestamp | None = Field(default=None, description="When it happened.")
    created_at: Timestamp = Field(description="When it was stored.")
    expires_at: Timestamp | None = Field(default=None, description="The time from which it is no longer recalled.")
    source: str | None = Field(default=None, description="Its origin, for example a file or a tool.")
    superseded_by: str | None = Field(
        default=None,
        exclude_if=lambda by: by is None,
        description="The memory that replaced it; absent if none did.",
    )
    linkages: list[Linkage] | None = Field(default=None, description="Its links, if they were asked for.")
    images: list[Image] = Field(
        default=[], exclude_if=lambda images: not images, description="Its pictures; absent if it has none."
    )
    inferred: list[Inferable] = Field(
        default=[],
        exclude_if=lambda fields: not fields,
        description="The fields that were filled in by what is known; absent if there are none.",
    )
    # Not shown: other systems' clients read these two in their own form of a memory.
    metadata: SkipJsonSchema[dict[str, Any]] = Field(default={}, exclude=True, description="Anything kept with it.")
    # Not shown: recall asks where they are valid, and which of two memories was said last.
    task: SkipJsonSchema[str | None] = Field(default=None, exclude=True, description="The task that it belongs to.")
    repeated_at: SkipJsonSchema[datetime | None] = Field(default=None, exclude=True, description="When it came again.")
    updated_at: SkipJsonSchema[datetime | None] = Field(default=None, exclude=True, description="When it last changed.")


_FIELDS = tuple(RecalledMemory.model_fields)
# The workspace is compared afterwards: asked for beside a list of ids, SQLite reads all of the workspace.
_ROWS = sa.select(*(memories.c[name] for name in _FIELDS), memories.c.workspace_id)
_FOUND = _ROWS.where(memories.c.id.in_(sa.bindparam("ids", expanding=True)), memories.c.deleted_at.is_(None), IN_RECALL)

#: The most memories of a workspace that are pinned.
MOST_PINNED = 20
_PINNED = (
    _ROWS.where(memories.c.workspace_id == sa.bindparam("workspace"), memories.c.pinned_at.is_not(None))
    .where(memories.c.deleted_at.is_(None), IN_RECALL)
    .order_by(memories.c.pinned_at, memories.c.position)
    .limit(MOST_PINNED)
)


async def read_recalled_memories(
    db: Database, workspace_id: str, ids: Sequence[str], past: Past | None = None
) -> dict[str, RecalledMemory]:
    """Return those of the memories that the workspace has, by id; of an earlier time, with the texts of then."""
    if past is None:
        rows = await db.read_few_rows(_FOUND, {"ids": list(ids)})
        return {row.id: _make_memory(row) for row in rows if row.workspace_id == workspace_id}
    async with db.read() as connection:
        query = _ROWS.where(memories.c.id.in_(ids), memories.c.deleted_at.is_(None), is_current(past))
        rows = (await connection.execute(query)).all()
        found = {row.id: _make_memory(row) for row in rows if row.workspace_id == workspace_id}
        texts = {} if past.as_of is None else await read_texts_as_of(connection, found, past.as_of)
    return found | {each: found[each].model_copy(update={"content": text}) for each, text in texts.items()}


async def read_pinned_memories(source: AsyncConnection | Database, workspace_id: str) -> list[RecalledMemory]:
    """Return the workspace's pinned memories that recall has, expired ones too, in the order of their pinning.

    With a `Database` it is a cached read: each context asks.
    """
    return [_make_memory(row) for row in await fetch_rows(source, _PINNED, {"workspace": workspace_id})]


async def count_pinned_memories(connection: AsyncConnection, workspace_id: str) -> int:
    """Return the number of the workspace's memories that are pinned and not deleted."""
    query = sa.select(sa.func.count()).where(
        memories.c.workspace_id == workspace_id, memories.c.pinned_at.is_not(None), memories.c.deleted_at.is_(None)
    )
    return (await connection.execute(query)).scalar_one()


def _make_memory(row: sa.Row[tuple[object, ...]]) -> RecalledMemory:
    values = dict(zip(_FIELDS, row, strict=False))  # the last column is the workspace
    return RecalledMemory.model_validate(
        values | {"images": values["images"] or [], "inferred": values["inferred"] or []}
    )
