"""Reads of the record before and after a consolidation, and the answer of a language model."""

import httpx
import sqlalchemy as sa

from server.store.tables.lifecycle import consolidations
from server.store.tables.memories import journal, memories


async def read_active_texts(ledger):
    """Return the texts of the active memories, sorted."""
    query = sa.select(memories.c.content).where(memories.c.deleted_at.is_(None), memories.c.consolidated.is_(False))
    async with ledger.db.read() as connection:
        return sorted((await connection.execute(query)).scalars())


async def read_everything(ledger):
    """Return every row and journal entry, to compare them with those after a call that must change nothing."""
    async with ledger.db.read() as connection:
        rows = (await connection.execute(sa.select(memories).order_by(memories.c.id))).all()
        entries = (await connection.execute(sa.select(journal).order_by(journal.c.id))).all()
        merges = (await connection.execute(sa.select(consolidations))).all()
    return rows, entries, merges, await ledger.row("revision")


def make_chat_answer(text, finish="stop"):
    """Return an answer of OpenAI's chat API."""
    return httpx.Response(200, json={"choices": [{"message": {"content": text}, "finish_reason": finish}]})
