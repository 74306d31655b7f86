"""The quotes of working memory in composed crystals: they go when their item or section is deleted or replaced.

The caller owns the transaction.
"""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.notes.crystal import (
    drop_item,
    drop_section,
    get_item_beginning,
    get_section_beginning,
    replace_section,
)
from server.memory.notes.working import Item
from server.store.record.recall.repetitions import contains_text
from server.store.tables.working import identity_crystals


async def forget_item(connection: AsyncConnection, workspace_id: str, item: Item) -> None:
    """Write the composed crystals that quote an item again, without it."""
    await _rewrite(connection, workspace_id, get_item_beginning(item), lambda crystal: drop_item(crystal, item))


async def forget_section(
    connection: AsyncConnection, workspace_id: str, heading: str, content: str, left: str = ""
) -> None:
    """Write the composed crystals that quote the text of a section again, with the rest of it that is `left`."""
    if content.strip():
        beginning = get_section_beginning(heading, content)
        await _rewrite(
            connection, workspace_id, beginning, lambda crystal: replace_section(crystal, heading, content, left)
        )


async def forget_heading(connection: AsyncConnection, workspace_id: str, heading: str) -> None:
    """Write the composed crystals that have the heading of a section again, without it and what is left below it."""
    await _rewrite(connection, workspace_id, f"### {heading}", lambda crystal: drop_section(crystal, heading))


async def _rewrite(
    connection: AsyncConnection, workspace_id: str, beginning: str, rewrite: Callable[[str], str]
) -> None:
    table = identity_crystals.c
    quotes = contains_text(table.crystal, beginning, is_sqlite=connection.dialect.name == "sqlite")
    query = sa.select(table.id, table.crystal).where(table.workspace_id == workspace_id, table.is_composed, quotes)
    for crystal_id, crystal in (await connection.execute(query)).all():
        if (new := rewrite(crystal)) != crystal:
            row = sa.update(identity_crystals).where(table.id == crystal_id)
            await connection.execute(row.values(crystal=new))
