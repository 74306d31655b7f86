"""Working memory's rows: sections and items. The caller owns the transaction and journals the changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.notes.working import SEEDS, Category, Item, Section, Status
from server.store.db import Database, fetch_rows, insert_into
from server.store.record.journal import blank_section_entries
from server.store.record.keyset import is_after
from server.store.record.notes import crystal_quotes, section_items
from server.store.tables.working import working_items, working_sections

_SECTION = (
    working_sections.c.name,
    working_sections.c.heading,
    working_sections.c.content,
    working_sections.c.updated_at,
)
_FIELDS = tuple(name for name in Item.model_fields if name != "last_touched")
_ITEM = [working_items.c[name] for name in _FIELDS]
#: The fields of an item that crystals quote.
_QUOTED = frozenset({"title", "content", "next_action"})
_SORT_KEYS = [(column, True) for column in (working_items.c.priority, working_items.c.created_at, working_items.c.id)]
_ORDER = tuple(column.desc() for column, _ in _SORT_KEYS)


@dataclass(frozen=True, slots=True)
class ItemListing:
    """The items to list. `query` is a part of their title or content; upper and lower case are the same.

    With `added_as_items`, entries of the skip list and lines of sections are left out.
    """

    categories: Sequence[Category] = ()
    statuses: Sequence[Status] = ()
    query: str = ""
    added_as_items: bool = False
    limit: int = 50
    offset: int = 0
    #: The priority, the time of making and the id of the item after which the page begins.
    after: Sequence[Any] | None = None


async def list_sections(connection: AsyncConnection, workspace_id: str) -> list[Section]:
    """Return the sections that were written, in the order in which they were made."""
    query = (
        sa.select(*_SECTION)
        .where(working_sections.c.workspace_id == workspace_id)
        .order_by(working_sections.c.created_at, working_sections.c.name)
    )
    return [_section_from_row(row) for row in await connection.execute(query)]


async def get_section(connection: AsyncConnection, workspace_id: str, name: str) -> Section | None:
    """Return one section, or None if it was never written."""
    query = sa.select(*_SECTION).where(working_sections.c.workspace_id == workspace_id, working_sections.c.name == name)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _section_from_row(row)


def _list_own_sections(workspace_id: str) -> sa.Select[int]:
    return (
        sa.select(sa.func.count())
        .select_from(working_sections)
        .where(working_sections.c.workspace_id == workspace_id, working_sections.c.name.not_in(SEEDS))
    )


async def count_own_sections(connection: AsyncConnection, workspace_id: str) -> int:
    """Return the number of sections that were made beside those that every workspace has."""
    return (await connection.execute(_list_own_sections(workspace_id))).scalar_one()


async def read_state(connection: AsyncConnection, workspace_id: str) -> tuple[int, datetime | None]:
    """Return the number of sections made beside those that every workspace has, and the time of the last change.

    The time is that of the section or item that changed last, or None if there is neither.
    """
    latest = (
        sa.select(sa.func.max(each.c.updated_at)).where(each.c.workspace_id == workspace_id, *more).scalar_subquery()
        for each, more in ((working_sections, ()), (working_items, (section_items.WAS_ADDED_AS_ITEM,)))
    )
    query = sa.select(_list_own_sections(workspace_id).scalar_subquery(), *latest)
    own, *changed = (await connection.execute(query)).one()
    times: list[datetime] = [each for each in changed if each is not None]
    return own, max(times, default=None)


async def put_section(connection: AsyncConnection, workspace_id: str, written: Section, now: datetime) -> None:
    """Store a section, in place of one with the same name. An existing one keeps its heading."""
    before = await get_section(connection, workspace_id, written.name)
    if before is not None and before.content.strip() not in written.content:
        await crystal_quotes.forget_section(connection, workspace_id, before.heading, before.content)
    statement = insert_into(connection, working_sections).values(
        workspace_id=workspace_id,
        name=written.name,
        heading=written.heading,
        content=written.content,
        created_at=now,
        updated_at=now,
    )
    new = {"content": statement.excluded.content, "updated_at": statement.excluded.updated_at}
    await connection.execute(statement.on_conflict_do_update(index_elements=["workspace_id", "name"], set_=new))


async def delete_section(connection: AsyncConnection, workspace_id: str, name: str) -> None:
    """Delete a section, and its name from the journal and from the composed crystals."""
    before = await get_section(connection, workspace_id, name)
    if before is not None:
        await crystal_quotes.forget_heading(connection, workspace_id, before.heading)
    here = sa.and_(working_sections.c.workspace_id == workspace_id, working_sections.c.name == name)
    await connection.execute(sa.delete(working_sections).where(here))
    await blank_section_entries(connection, [workspace_id], name)


async def insert_item(connection: AsyncConnection, workspace_id: str, item: Item) -> None:
    """Store a new item."""
    row = item.model_dump(exclude={"last_touched"})
    await connection.execute(sa.insert(working_items).values(workspace_id=workspace_id, **row))


async def get_item(connection: AsyncConnection, workspace_id: str, item_id: str) -> Item | None:
    """Return one item of the workspace, or None if there is none."""
    query = sa.select(*_ITEM).where(working_items.c.id == item_id, working_items.c.workspace_id == workspace_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _item_from_row(row)


async def find_existing_items(connection: AsyncConnection, workspace_id: str, ids: Iterable[str]) -> set[str]:
    """Return the ids, of these, that belong to items of the workspace."""
    query = sa.select(working_items.c.id, working_items.c.workspace_id).where(working_items.c.id.in_(set(ids)))
    return {row.id for row in await connection.execute(query) if row.workspace_id == workspace_id}


async def update_item(
    connection: AsyncConnection, workspace_id: str, item_id: str, changes: dict[str, Any], now: datetime
) -> Item | None:
    """Change fields of an item, and return the changed item. None if the workspace has no item with this id."""
    here = sa.and_(working_items.c.id == item_id, working_items.c.workspace_id == workspace_id)
    if not _QUOTED.isdisjoint(changes):
        await _forget_item(connection, workspace_id, item_id)
    await _take_from_section(connection, workspace_id, here)
    ends = {"expires": None, "ends_at": None} if changes.get("category", "skip_list") != "skip_list" else {}
    statement = (
        sa.update(working_items)
        .where(here)
        .values(updated_at=now, section_line=None, **ends, **changes)
        .returning(*_ITEM)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _item_from_row(row)


async def _forget_item(connection: AsyncConnection, workspace_id: str, item_id: str) -> None:
    if item := await get_item(connection, workspace_id, item_id):
        await crystal_quotes.forget_item(connection, workspace_id, item)


async def _take_from_section(connection: AsyncConnection, workspace_id: str, here: sa.ColumnElement[bool]) -> None:
    """Remove the line of an item that is changed or deleted from the text of its section."""
    query = sa.select(working_items.c.category, working_items.c.section_line).where(
        here, working_items.c.section_line.is_not(None)
    )
    for category, line in (await connection.execute(query)).all():
        await section_items.drop_line(connection, workspace_id, category, line)


async def delete_item(connection: AsyncConnection, workspace_id: str, item_id: str) -> bool:
    """Delete an item. Return False if the workspace has no item with this id."""
    here = sa.and_(working_items.c.id == item_id, working_items.c.workspace_id == workspace_id)
    await _forget_item(connection, workspace_id, item_id)
    await _take_from_section(connection, workspace_id, here)
    return (await connection.execute(sa.delete(working_items).where(here))).rowcount == 1


async def list_items(connection: AsyncConnection, workspace_id: str, listing: ItemListing) -> tuple[list[Item], int]:
    """Return a page of the workspace's items, the most important and then the newest first, and their total number."""
    page, total = await list_items_of(connection, [workspace_id], listing)
    return [item for _, item in page], total


async def list_items_of(
    connection: AsyncConnection, workspace_ids: Sequence[str], listing: ItemListing
) -> tuple[list[tuple[str, Item]], int]:
    """Return the same for several workspaces as if they were one. Each item comes with its workspace's id."""
    table = working_items.c
    conditions: list[sa.ColumnElement[bool]] = [table.workspace_id.in_(workspace_ids)]
    if listing.categories:
        conditions.append(table.category.in_(listing.categories))
    if listing.statuses:
        conditions.append(table.status.in_(listing.statuses))
    if listing.added_as_items:
        conditions.append(section_items.WAS_ADDED_AS_ITEM)
    if listing.query:
        holds = (column.icontains(listing.query, autoescape=True) for column in (table.title, table.content))
        conditions.append(sa.or_(*holds))
    query = sa.select(*_ITEM, table.workspace_id).where(*conditions)
    query = query.order_by(*_ORDER).limit(listing.limit).offset(listing.offset)
    if listing.after is not None:
        query = query.where(is_after(_SORT_KEYS, listing.after))
    page = [(row[-1], _item_from_row(row[:-1])) for row in await connection.execute(query)]
    total = await connection.execute(sa.select(sa.func.count()).select_from(working_items).where(*conditions))
    return page, total.scalar_one()


_WORKING = sa.and_(
    working_items.c.workspace_id == sa.bindparam("workspace"),
    working_items.c.status.in_(("active", "paused")),
    # The rest of the skip list is told to the model by the part of a context that is about the skip list.
    sa.or_(section_items.WAS_ADDED_AS_ITEM, working_items.c.category != "skip_list"),
)
_ACTIVE = (
    sa.select(*_ITEM, sa.select(sa.func.count()).select_from(working_items).where(_WORKING).scalar_subquery())
    .where(_WORKING)
    .order_by(*_ORDER)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


def _split_count(rows: Sequence[sa.Row[Any]]) -> tuple[list[Item], int]:
    return [_item_from_row(row[:-1]) for row in rows], rows[0][-1] if rows else 0


async def list_active_items(
    source: AsyncConnection | Database, workspace_id: str, limit: int
) -> tuple[list[Item], int]:
    """Return the active and paused items, the most important first, and their total number. `limit` > 0.

    It is one query, because the context of every message asks for it. With a `Database` it is a cached read.
    """
    return _split_count(await fetch_rows(source, _ACTIVE, {"workspace": workspace_id, "most": limit}))


def _section_from_row(row: Sequence[Any]) -> Section:
    name, heading, content, updated_at = row
    return Section(name=name, heading=heading, content=content, updated_at=updated_at)


def _item_from_row(row: Sequence[Any]) -> Item:
    values = dict(zip(_FIELDS, row, strict=True))
    return Item.model_validate(values | {"last_touched": values["updated_at"]})
