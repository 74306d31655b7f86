"""Rows of the usage of accounts: one count for each account, month and kind. The caller owns the transaction."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.accounts import accounts
from server.store.tables.usage import usage_counts

#: What is counted: calls, events of agents, memories that were stored, and tokens of the language model.
UsageKind = Literal["request", "event", "observation", "tokens"]
USAGE_KINDS: tuple[UsageKind, ...] = get_args(UsageKind)

#: The account and the month.
AccountMonth = tuple[str, str]
Counts = dict[UsageKind, int]


def find_month(moment: datetime) -> str:
    """Return the month of a time in UTC, like 2026-11."""
    return f"{moment.astimezone(UTC):%Y-%m}"


async def add_usage(connection: AsyncConnection, added: Mapping[AccountMonth, Mapping[UsageKind, int]]) -> None:
    """Add to the counts of accounts. Processes that add at the same time wait for each other, in one order."""
    rows = [
        {"account_id": account, "month": month, "kind": kind, "amount": amount}
        for (account, month), counts in sorted(added.items())
        for kind, amount in sorted(counts.items())
        if amount
    ]
    if not rows:
        return
    insert = insert_into(connection, usage_counts)
    total = usage_counts.c.amount + insert.excluded.amount
    statement = insert.on_conflict_do_update(index_elements=["account_id", "month", "kind"], set_={"amount": total})
    await connection.execute(statement, rows)


async def read_usage(connection: AsyncConnection, wanted: Iterable[AccountMonth]) -> dict[AccountMonth, Counts]:
    """Return the counts of accounts in months. Every pair that was asked for is there, without the kinds of 0."""
    counts: dict[AccountMonth, Counts] = {each: {} for each in wanted}
    months = {month for _, month in counts}
    account_ids = {account for account, _ in counts}
    query = sa.select(usage_counts).where(usage_counts.c.account_id.in_(account_ids), usage_counts.c.month.in_(months))
    for row in await connection.execute(query):
        if (row.account_id, row.month) in counts:
            counts[row.account_id, row.month][row.kind] = row.amount
    return counts


async def list_months(connection: AsyncConnection, account_id: str, since: str) -> dict[str, Counts]:
    """Return the counts of an account for each month from `since` on in which it used something, newest first."""
    query = sa.select(usage_counts).where(usage_counts.c.account_id == account_id, usage_counts.c.month >= since)
    months: dict[str, Counts] = {}
    for row in await connection.execute(query.order_by(usage_counts.c.month.desc(), usage_counts.c.kind)):
        months.setdefault(row.month, {})[row.kind] = row.amount
    return months


async def list_all_months(connection: AsyncConnection, month: str | None) -> dict[AccountMonth, Counts]:
    """Return the counts of every account in a month, or in each month; the newest month first."""
    query = sa.select(usage_counts) if month is None else sa.select(usage_counts).where(usage_counts.c.month == month)
    counts: dict[AccountMonth, Counts] = {}
    for row in await connection.execute(query.order_by(usage_counts.c.month.desc(), usage_counts.c.account_id)):
        counts.setdefault((row.account_id, row.month), {})[row.kind] = row.amount
    return counts


async def list_given_plans(connection: AsyncConnection, account_ids: Iterable[str]) -> dict[str, str | None]:
    """Return the plan that each of these accounts was given; None for the default one."""
    query = sa.select(accounts.c.id, accounts.c.plan).where(accounts.c.id.in_(set(account_ids)))
    return {row.id: row.plan for row in await connection.execute(query)}
