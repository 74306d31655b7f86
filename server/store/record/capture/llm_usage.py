"""Rows of the tokens that a language model costs: one for each account and day. The caller owns the transaction."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.capture import llm_usage


async def count_tokens(connection: AsyncConnection, account_id: str, day: date) -> int:
    """Return the tokens that the model has cost the account on this day (UTC)."""
    query = sa.select(llm_usage.c.tokens).where(llm_usage.c.account_id == account_id, llm_usage.c.day == day)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def add_tokens(connection: AsyncConnection, account_id: str, day: date, tokens: int) -> None:
    """Add tokens to what the model has cost the account on this day (UTC)."""
    insert = insert_into(connection, llm_usage)
    total = llm_usage.c.tokens + insert.excluded.tokens
    statement = insert.on_conflict_do_update(index_elements=["account_id", "day"], set_={"tokens": total})
    await connection.execute(statement, {"account_id": account_id, "day": day, "tokens": tokens})
