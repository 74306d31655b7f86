"""Composing an identity crystal from all that a workspace holds. The caller owns the transaction."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.notes.crystal import CORE, PATTERNS, Synthesis, synthesize_crystal
from server.memory.notes.working import complete_sections
from server.store.record import memory_lists
from server.store.record.memory_lists import Listing
from server.store.record.notes import identity, working_memory
from server.store.record.notes.working_memory import ItemListing

#: The largest number of items in a crystal; the most important ones are taken.
ITEMS = 50


async def compose_crystal(connection: AsyncConnection, workspace_id: str, now: datetime) -> Synthesis:
    """Return a crystal made of a workspace's sections, items, most relevant memories and consolidations."""
    top = Listing(sort="relevance", limit=CORE + PATTERNS)  # consolidations may be among them: they are quoted once
    written = await working_memory.list_sections(connection, workspace_id)
    own = ItemListing(statuses=("active", "paused"), added_as_items=True, limit=ITEMS)
    items, _ = await working_memory.list_items(connection, workspace_id, own)
    relevant, _ = await memory_lists.list_page(connection, workspace_id, top, now)
    patterns = await identity.list_pattern_memories(connection, workspace_id, now, PATTERNS)
    return synthesize_crystal(complete_sections(written), items, relevant, patterns, now)
