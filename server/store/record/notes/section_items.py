"""The items that are lines of a section: those of the skip list and the standing decisions.

The caller owns the transaction and journals the changes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.notes.section_lines import (
    LISTED,
    NO_END,
    NO_REASON,
    append_entries,
    drop_entries,
    render_decision,
    render_skip,
    split_end,
    split_subject,
)
from server.memory.notes.skip import SkipEntry
from server.memory.notes.working import Category, Section
from server.store.record.notes import crystal_quotes
from server.store.tables.working import working_items, working_sections

#: Whether an item was added as an item, and not as an entry of the skip list or as a line of a section.
WAS_ADDED_AS_ITEM = sa.and_(working_items.c.expires.is_(None), working_items.c.section_line.is_(None))

_SECTIONS = {category: name for name, category in LISTED.items()}


async def replace_lines(
    connection: AsyncConnection, workspace_id: str, category: Category, lines: Sequence[str], now: datetime
) -> None:
    """Make the items that are lines of the section the same as these lines. A line that stays keeps its item."""
    table = working_items.c
    own = sa.and_(table.workspace_id == workspace_id, table.category == category, table.section_line.is_not(None))
    await connection.execute(sa.delete(working_items).where(own, table.section_line.not_in(lines)))
    kept = set((await connection.execute(sa.select(table.section_line).where(own))).scalars())
    new = [_make_row(workspace_id, category, line, now) for line in lines if line not in kept]
    if new:
        await connection.execute(sa.insert(working_items), new)


def _make_row(workspace_id: str, category: Category, line: str, now: datetime) -> dict[str, object]:
    expiry = None
    title, content = line, ""
    if category == "skip_list":
        entry, expiry = split_end(line, now)
        title, content = split_subject(entry)
    return {
        "id": new_id(now),
        "workspace_id": workspace_id,
        "category": category,
        "title": title,
        "content": content,
        "status": "active",
        "priority": 0,
        "tags": [],
        "section_line": line,
        "expires": None if expiry is None else expiry.shown,
        "ends_at": None if expiry is None else expiry.at,
        "created_at": now,
        "updated_at": now,
    }


async def list_other_lines(connection: AsyncConnection, workspace_id: str, now: datetime) -> dict[str, list[str]]:
    """Return, by section, a line for each active item that belongs to it and is no line of its text, oldest first."""
    table = working_items.c
    columns = (table.category, table.id, table.title, table.content, table.expires, table.ends_at, table.created_at)
    query = (
        sa.select(*columns)
        .where(
            table.workspace_id == workspace_id,
            table.category.in_(_SECTIONS),
            table.status == "active",
            table.section_line.is_(None),
            sa.or_(table.ends_at.is_(None), table.ends_at > now),
        )
        .order_by(table.created_at, table.id)
    )
    lines: dict[str, list[str]] = {name: [] for name in LISTED}
    for category, *fields in (await connection.execute(query)).all():
        is_skip = category == "skip_list"
        line = render_skip(make_skip_entry(fields)) if is_skip else render_decision(title=fields[1], content=fields[2])
        lines[_SECTIONS[category]].append(line)
    return lines


async def complete_texts(
    connection: AsyncConnection, workspace_id: str, sections: Sequence[Section], now: datetime
) -> list[Section]:
    """Return the sections with the whole lists in them: the text that was written, and a line for each other item."""
    if LISTED.keys().isdisjoint(each.name for each in sections):
        return list(sections)
    others = await list_other_lines(connection, workspace_id, now)
    texts = [append_entries(each.content, others.get(each.name, ())) for each in sections]
    return [each.model_copy(update={"content": text}) for each, text in zip(sections, texts, strict=True)]


def make_skip_entry(fields: Sequence[Any]) -> SkipEntry:
    """Return the entry of an item with these fields: id, title, content, expires, ends_at, created_at."""
    item_id, title, content, expires, ends_at, created_at = fields
    return SkipEntry(item_id, title, content or NO_REASON, expires or NO_END, ends_at, created_at)


async def drop_line(connection: AsyncConnection, workspace_id: str, category: str, line: str) -> None:
    """Remove a line from the text of its section, because its item was changed or deleted."""
    if category not in _SECTIONS:
        return
    table = working_sections.c
    here = sa.and_(table.workspace_id == workspace_id, table.name == _SECTIONS[category])
    row = (await connection.execute(sa.select(table.heading, table.content).where(here))).one_or_none()
    if row is not None:
        left = drop_entries(row.content, {line})
        await connection.execute(sa.update(working_sections).where(here).values(content=left))
        await crystal_quotes.forget_section(connection, workspace_id, row.heading, row.content, left)
