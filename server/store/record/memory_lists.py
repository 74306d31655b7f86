"""Lists of memories: pages by filter and order, and their numbers. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.memory.tiers import Tier
from server.store.record.journal import read_texts_as_of
from server.store.record.keyset import is_after
from server.store.record.memories import COLUMNS, memory_from_row
from server.store.record.relations.current import IN_RECALL, Past, is_current
from server.store.tables.links import links as link_rows
from server.store.tables.memories import memories

Sort = Literal["created_at", "updated_at", "occurred_at", "relevance", "access_count", "last_accessed_at"]
Status = Literal["active", "consolidated", "superseded", "expired", "buried", "pinned", "all"]


@dataclass(frozen=True, slots=True)
class Listing:
    """The memories to list, and their order."""

    status: Status = "active"
    sort: Sort = "created_at"
    is_descending: bool = True
    limit: int = 50
    offset: int = 0
    #: The value of `sort` and the id of the memory after which the page begins.
    after: Sequence[Any] | None = None
    types: Sequence[str] = ()
    tags: Sequence[str] = ()
    #: Whether a part of a tag is enough; in any case of letters either way.
    matches_parts_of_tags: bool = False
    equal: dict[str, str] = field(default_factory=dict[str, str])
    #: Only memories of one of these; all if there are none.
    tiers: Sequence[Tier] = ()
    #: With the status `active`: what was active at an earlier time, or with those that were replaced.
    past: Past | None = None


def _escape_pattern(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _has_tags(tags: Sequence[str], *, is_part_enough: bool, is_sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether a tag equals one of these texts, or contains it if `is_part_enough`, in any case."""
    elements = sa.func.json_each if is_sqlite else sa.func.json_array_elements_text
    tag = elements(memories.c.tags).table_valued("value", name="tag")
    # Lowered once for each tag: on SQLite that is a call into Python.
    text, wanted = sa.func.lower(tag.c.value), [each.lower() for each in tags]
    if not is_part_enough:
        return sa.exists().select_from(tag).where(text.in_(wanted))
    holds = (text.like(f"%{_escape_pattern(each)}%", escape="\\") for each in wanted)
    return sa.exists().select_from(tag).where(sa.or_(*holds))


def _make_state_conditions(listing: Listing, now: datetime) -> list[sa.ColumnElement[bool]]:
    table, conditions = memories.c, list[sa.ColumnElement[bool]]()
    expired = table.expires_at <= now
    if listing.status not in {"buried", "all"}:
        conditions.append(table.buried_at.is_(None))
    if listing.status in {"active", "pinned"}:
        conditions += [is_current(listing.past), sa.or_(table.expires_at.is_(None), ~expired)]
    elif listing.status == "consolidated":
        conditions.append(table.consolidated.is_(True))
    elif listing.status == "superseded":
        conditions.append(table.superseded_by.is_not(None))
    elif listing.status == "expired":
        conditions.append(expired)
    elif listing.status == "buried":
        conditions.append(table.buried_at.is_not(None))
    if listing.status == "pinned":
        conditions.append(table.pinned_at.is_not(None))
    return conditions


def make_conditions(
    workspace_id: str, listing: Listing, now: datetime, *, is_sqlite: bool
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that the memories of a listing fulfil."""
    table = memories.c
    conditions: list[sa.ColumnElement[bool]] = [table.workspace_id == workspace_id, table.deleted_at.is_(None)]
    conditions += _make_state_conditions(listing, now)
    if listing.types:
        conditions.append(table.type.in_(listing.types))
    if listing.tags:
        conditions.append(_has_tags(listing.tags, is_part_enough=listing.matches_parts_of_tags, is_sqlite=is_sqlite))
    if listing.tiers:
        tiers = (sa.and_(*(table[name] == value for name, value in tier.items())) for tier in listing.tiers)
        conditions.append(sa.or_(*tiers))
    return conditions + [table[name] == value for name, value in listing.equal.items()]


async def list_page(
    connection: AsyncConnection, workspace_id: str, listing: Listing, now: datetime
) -> tuple[list[Memory], int]:
    """Return a page of the workspace's memories, and the number of all that match.

    Those of an earlier time have the texts of then.
    """
    conditions = make_conditions(workspace_id, listing, now, is_sqlite=connection.dialect.name == "sqlite")
    column = memories.c[listing.sort]
    order = column.desc() if listing.is_descending else column.asc()
    if column.nullable:  # said of a column without nulls, it would keep Postgres from the index
        order = order.nulls_last()
    position = memories.c.position
    tie = position.desc() if listing.is_descending else position.asc()
    query = sa.select(*COLUMNS).where(*conditions).order_by(order, tie).limit(listing.limit).offset(listing.offset)
    if listing.after is not None:
        value, last_id = listing.after
        last = memories.alias("last")
        place = sa.select(last.c.position).where(last.c.id == last_id).scalar_subquery()
        query = query.where(
            is_after([(column, listing.is_descending), (position, listing.is_descending)], [value, place])
        )
    page = [memory_from_row(row) for row in await connection.execute(query)]
    if listing.past is not None and listing.past.as_of is not None:
        texts = await read_texts_as_of(connection, {each.id for each in page}, listing.past.as_of)
        page = [each.model_copy(update={"content": texts[each.id]}) if each.id in texts else each for each in page]
    total = await connection.execute(sa.select(sa.func.count()).select_from(memories).where(*conditions))
    return page, total.scalar_one()


async def list_after(
    connection: AsyncConnection, workspace_id: str, position: int, limit: int
) -> list[tuple[int, Memory]]:
    """Return the workspace's next memories after a position, oldest first, each with its position."""
    query = (
        sa.select(*COLUMNS, memories.c.position)
        .where(memories.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None))
        .where(memories.c.position > position)
        .order_by(memories.c.position)
        .limit(limit)
    )
    return [(row[-1], memory_from_row(row[:-1])) for row in await connection.execute(query)]


async def list_parts(connection: AsyncConnection, workspace_id: str, first_id: str, label: str) -> list[Memory]:
    """Return a memory of the workspace, and the memories with a link of this label to it, oldest first."""
    parts = sa.select(link_rows.c.from_id).where(
        link_rows.c.workspace_id == workspace_id, link_rows.c.to_id == first_id, link_rows.c.label == label
    )
    query = sa.select(*COLUMNS).where(
        memories.c.workspace_id == workspace_id,
        memories.c.deleted_at.is_(None),
        sa.or_(memories.c.id == first_id, memories.c.id.in_(parts)),
    )
    return [memory_from_row(row) for row in await connection.execute(query.order_by(memories.c.position))]


async def count_memories(connection: AsyncConnection, workspace_id: str, now: datetime) -> dict[str, int]:
    """Return the number of the workspace's memories: total, active, expired, consolidated and superseded."""
    table = memories.c
    expired = sa.and_(table.expires_at.is_not(None), table.expires_at <= now)
    query = sa.select(
        sa.func.count(),
        sa.func.count().filter(IN_RECALL, ~expired),
        sa.func.count().filter(expired),
        sa.func.count().filter(table.consolidated.is_(True)),
        sa.func.count().filter(table.superseded_by.is_not(None)),
    ).where(table.workspace_id == workspace_id, table.deleted_at.is_(None))
    row = (await connection.execute(query)).one()
    return dict(zip(("total", "active", "expired", "consolidated", "superseded"), row, strict=True))


async def sum_accesses(connection: AsyncConnection, workspace_id: str) -> int:
    """Return how often the workspace's memories were recalled.

    Merged memories are left out, because the memory they became has their sum.
    """
    table = memories.c
    query = sa.select(sa.func.coalesce(sa.func.sum(table.access_count), 0)).where(
        table.workspace_id == workspace_id, table.deleted_at.is_(None), table.consolidated.is_(False)
    )
    return (await connection.execute(query)).scalar_one()
