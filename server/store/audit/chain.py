"""The chains of the audit: entries are added at the end, the oldest are deleted, and the rest is verified.

Each account has a chain. A process that adds to it holds its row in `audit_chains` until the transaction ends, so that
any number of processes write one chain.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.audit.entry import FIELDS, START, Entry, hash_entry
from server.store.db import insert_into
from server.store.tables.audit import audit_chains, audit_entries

#: How many entries are read or deleted at once.
STEP = 1_000
#: How many faults of one chain are told.
TOLD_FAULTS = 20
_COLUMNS = [audit_entries.c[name] for name in FIELDS]


@dataclass(frozen=True, slots=True)
class Fault:
    """One place at which a chain is not as it was written: the account, the number of the entry, and a sentence."""

    account_id: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a verification: how many entries were read, the newest number and hash, and the faults."""

    account_id: str
    entries: int
    number: int
    hash: str
    faults: list[Fault]


async def append_entries(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Add entries to the chains of their accounts. The caller owns the transaction."""
    ends = await _hold_chains(connection, {each.account_id for each in entries})
    rows: list[dict[str, Any]] = []
    for each in entries:
        number, before = ends[each.account_id]
        new = hash_entry(before, number + 1, each)
        ends[each.account_id] = (number + 1, new)
        rows.append({name: getattr(each, name) for name in FIELDS} | {"number": number + 1, "hash": new})
    await connection.execute(sa.insert(audit_entries), rows)
    moved = sa.update(audit_chains).where(audit_chains.c.account_id == sa.bindparam("account"))
    await connection.execute(
        moved.values(number=sa.bindparam("new_number"), hash=sa.bindparam("new_hash")),
        [{"account": account, "new_number": number, "new_hash": new} for account, (number, new) in ends.items()],
    )


async def _hold_chains(connection: AsyncConnection, account_ids: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Hold the chains of these accounts until the transaction ends; return the number and the hash of each end."""
    wanted = sorted(account_ids)
    held = (
        sa.select(audit_chains.c.account_id, audit_chains.c.number, audit_chains.c.hash)
        .where(audit_chains.c.account_id.in_(wanted))
        .order_by(audit_chains.c.account_id)
        .with_for_update()
    )
    ends = {row.account_id: (row.number, row.hash) for row in await connection.execute(held)}
    if missing := [each for each in wanted if each not in ends]:
        begun = {"number": 0, "hash": START, "deleted_number": 0, "deleted_hash": START}
        made = insert_into(connection, audit_chains).on_conflict_do_nothing()
        await connection.execute(made, [{"account_id": each, **begun} for each in missing])
        # Another process may have made one of them and added to it.
        ends |= {row.account_id: (row.number, row.hash) for row in await connection.execute(held)}
    return ends


async def delete_old_entries(connection: AsyncConnection, account_id: str, before: datetime) -> int:
    """Delete the oldest entries of a chain that are from before a time, at most `STEP`; return their number.

    Only the beginning of a chain is deleted. If the clock was set back, an old entry stays until those before it go.
    """
    await _hold_chains(connection, [account_id])
    ours = audit_entries.c.account_id == account_id
    first = sa.select(audit_entries.c.number, audit_entries.c.at, audit_entries.c.hash).where(ours)
    rows = (await connection.execute(first.order_by(audit_entries.c.number).limit(STEP))).all()
    last = None
    count = 0
    for row in rows:
        if row.at >= before:
            break
        last, count = row, count + 1
    if last is None:
        return 0
    await connection.execute(sa.delete(audit_entries).where(ours, audit_entries.c.number <= last.number))
    chain = sa.update(audit_chains).where(audit_chains.c.account_id == account_id)
    await connection.execute(chain.values(deleted_number=last.number, deleted_hash=last.hash))
    return count


async def list_chains(connection: AsyncConnection) -> list[str]:
    """Return the accounts that have a chain, or entries without one."""
    chains = sa.select(audit_chains.c.account_id).union(sa.select(audit_entries.c.account_id))
    return sorted((await connection.execute(chains)).scalars())


async def verify_chain(connection: AsyncConnection, account_id: str) -> Verified:
    """Read a whole chain, and return its faults: changed and missing entries. `connection` is one snapshot."""
    query = sa.select(audit_chains).where(audit_chains.c.account_id == account_id)
    chain = (await connection.execute(query)).one_or_none()
    check = _Check(account_id, *((0, START) if chain is None else (chain.deleted_number, chain.deleted_hash)))
    async for number, kept, entry in _read_entries(connection, account_id):
        check.take(number, kept, entry)
    if chain is None:
        check.tell(check.number, "the row that says where the chain ends is missing")
    elif chain.number != check.number:
        check.end_at(chain.number)
    elif chain.hash != check.hash:
        check.tell(check.number, "is not the entry that was written last")
    return Verified(account_id, check.entries, check.number, check.hash, check.faults)


async def _read_entries(connection: AsyncConnection, account_id: str) -> AsyncGenerator[tuple[int, str, Entry]]:
    number: int | None = None
    columns: list[sa.Column[Any]] = [audit_entries.c.number, audit_entries.c.hash, *_COLUMNS]
    while True:
        query = sa.select(*columns).where(audit_entries.c.account_id == account_id)
        if number is not None:
            query = query.where(audit_entries.c.number > number)
        rows = (await connection.execute(query.order_by(audit_entries.c.number).limit(STEP))).all()
        for row in rows:
            values: list[Any] = list(row)
            number = values[0]
            yield values[0], values[1], Entry(*values[2:])
        if len(rows) < STEP:
            return


class _Check:
    """Follows a chain from its beginning."""

    def __init__(self, account_id: str, number: int, before: str) -> None:
        self._account_id = account_id
        self.number = number
        self.hash = before
        self.entries = 0
        self.faults: list[Fault] = []

    def tell(self, number: int, text: str) -> None:
        if len(self.faults) < TOLD_FAULTS:
            self.faults.append(Fault(self._account_id, number, text))

    def take(self, number: int, kept: str, entry: Entry) -> None:
        """Take the next entry, with the hash that is kept with it."""
        self.entries += 1
        if number <= self.number:
            self.tell(number, "was inserted before the beginning of the chain")
            return
        if number > self.number + 1:
            self.tell(self.number + 1, f"is missing{_tell_range(self.number + 1, number - 1)}")
        elif hash_entry(self.hash, number, entry) != kept:
            self.tell(number, "was changed, or it was put in the place of another")
        # The hash that is kept begins the rest, so that one fault is told once.
        self.number, self.hash = number, kept

    def end_at(self, number: int) -> None:
        """Tell that the chain should end at another number."""
        if number > self.number:
            self.tell(self.number + 1, f"is missing{_tell_range(self.number + 1, number)}")
        else:
            self.tell(number + 1, f"was inserted after the end of the chain{_tell_range(number + 1, self.number)}")


def _tell_range(first: int, last: int) -> str:
    return f", and the others up to {last}" if last > first else ""
