"""The metering of accounts: what each uses in a month is counted in memory, and written every second.

A call costs no statement: it is counted here, and all that waits is written in one transaction. Several processes add
to the same counts, so no call is lost and none is counted twice. Each learns what the others have counted when it
writes. So all together may let through more than a month's limit, but no more than each of the others lets through in
one second. If the record cannot be read or written, nobody is refused because of that, and the log says it.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.errors import Failure
from server.limits import Limits
from server.store.db import Database
from server.store.record.people.plans import MONTHLY, MonthlyKind, Plans, Standing
from server.store.record.people.usage import (
    AccountMonth,
    Counts,
    UsageKind,
    add_usage,
    find_month,
    list_given_plans,
    read_usage,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The most accounts whose counts are remembered while they use nothing.
REMEMBERED = 10_000
#: How many seconds a call waits for what its account has used, before it is let through without that.
PATIENCE = 2.0


@dataclass(slots=True)
class _Tally:
    """What is known of an account in a month: its counts in the record, what waits to be added, and its standing.

    The standing is None until the record was asked.
    """

    recorded: Counts = field(default_factory=Counts)
    waiting: Counter[UsageKind] = field(default_factory=Counter[UsageKind])
    standing: Standing | None = None


class Meter:
    """Counts what accounts use, and refuses what a month's limit does not allow.

    Args:
        db: the record.
        plans: the plans, which have the limits.
        now: the clock.
        is_wanted: whether usage is counted although no plan limits it.
    """

    def __init__(self, db: Database, plans: Plans, now: Clock, *, is_wanted: bool = False) -> None:
        self._db = db
        self._plans = plans
        self._now = now
        self._limits = plans.has_monthly_limits
        #: Whether anything is counted.
        self.is_on = is_wanted or self._limits
        self._tallies: dict[AccountMonth, _Tally] = {}
        self._one_at_a_time = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()
        self._has_failed = False
        self._could_not_learn = False
        #: The number of calls that this process refused because of a month's limit.
        self.refused = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last counts could be written and the limits could be read; if not, nobody is refused."""
        return not (self._has_failed or self._could_not_learn)

    async def admit(self, account_id: str, *, stores: bool) -> None:
        """Count a call. One that stores something is refused, and not counted, if the month allows no more.

        Raises:
            Failure: `quota_exceeded` with the status 402.
        """
        if not self.is_on:
            return
        place = (account_id, find_month(self._now()))
        if stores:
            await self._check(place)
        self._find_tally(place).waiting["request"] += 1

    async def check_room(self, account_id: str) -> None:
        """Check that an account may store something now.

        Raises:
            Failure: `quota_exceeded` with the status 402.
        """
        if self.is_on:
            await self._check((account_id, find_month(self._now())))

    async def has_room(self, account_id: str) -> bool:
        """Whether an account may store something now."""
        try:
            await self.check_room(account_id)
        except Failure:
            return False
        return True

    def count(self, account_id: str, kind: UsageKind, amount: int = 1) -> None:
        """Count what an account has used."""
        if self.is_on and amount:
            self._find_tally((account_id, find_month(self._now()))).waiting[kind] += amount

    def read_waiting(self, account_id: str) -> dict[str, Counts]:
        """Return what an account has used and is not in the record yet, by month."""
        return {month: Counts(each.waiting) for (who, month), each in self._tallies.items() if who == account_id}

    async def settle(self) -> None:
        """Write what waits. A caller that is cancelled takes none of it with it."""
        if any(each.waiting.total() for each in self._tallies.values()):
            task = asyncio.ensure_future(self._write())
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
            await asyncio.shield(task)
        self._forget_idle()

    async def finish(self) -> None:
        """Write what waits, and wait for what is being written. For the end of the process."""
        await self.settle()
        while self._writing:
            await asyncio.wait(self._writing)

    def _find_tally(self, place: AccountMonth) -> _Tally:
        tally = self._tallies.get(place)
        if tally is None:
            tally = self._tallies[place] = _Tally()
        return tally

    async def _check(self, place: AccountMonth) -> None:
        if not self._limits:
            return
        tally = self._find_tally(place)
        if tally.standing is None and not await self._learn(place, tally):
            return
        # Another process may have counted, or the plan may be another one since: it is asked before anybody is refused.
        if _find_reached(tally) and await self._learn(place, tally) and (reached := _find_reached(tally)):
            self.refused += 1
            raise _make_refusal(*reached, tally, place[1])

    async def _learn(self, place: AccountMonth, tally: _Tally) -> bool:
        """Read the standing and the counts of an account. Return False if that is not possible."""
        try:
            async with asyncio.timeout(PATIENCE), self._one_at_a_time, self._db.read() as connection:
                counts = await read_usage(connection, [place])
                tally.standing = await self._plans.read_standing(connection, place[0])
                tally.recorded = counts[place]
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            if not self._could_not_learn:
                log.warning("usage.not_known", error=type(error).__name__)
            self._could_not_learn = True
            return False
        self._could_not_learn = False
        return True

    async def _write(self) -> None:
        async with self._one_at_a_time:
            batch = {place: Counts(each.waiting) for place, each in self._tallies.items() if each.waiting.total()}
            if not batch:
                return
            try:
                async with self._db.write() as connection:
                    await add_usage(connection, batch)
                    recorded = await read_usage(connection, batch)
                    standings = await self._read_standings(connection, batch)
                    await self._tell_reached(connection, batch, recorded, standings)
            except (SQLAlchemyError, OSError) as error:
                if not self._has_failed:
                    log.warning("usage.not_written", accounts=len(batch), error=type(error).__name__)
                self._has_failed = True
                return
            if self._has_failed:
                log.info("usage.written_again")
            self._has_failed = False
            for place, counts in batch.items():
                tally = self._find_tally(place)
                tally.waiting.subtract(counts)
                tally.recorded = recorded[place]
                tally.standing = standings.get(place[0], tally.standing)

    async def _read_standings(
        self, connection: AsyncConnection, batch: dict[AccountMonth, Counts]
    ) -> dict[str, Standing]:
        """Return the standing of each account of a batch; none if no plan limits a month."""
        if not self._limits:
            return {}
        given = await list_given_plans(connection, {account_id for account_id, _ in batch})
        return {account_id: self._plans.make_standing(plan) for account_id, plan in given.items()}

    async def _tell_reached(
        self,
        connection: AsyncConnection,
        batch: dict[AccountMonth, Counts],
        recorded: dict[AccountMonth, Counts],
        standings: dict[str, Standing],
    ) -> None:
        """Put an event for each limit that is reached now."""
        for (account_id, month), added in batch.items():
            standing = standings.get(account_id)
            if standing is None:
                continue
            for kind, counted in MONTHLY.items():
                limit, count = _read_limit(standing.limits, kind), recorded[account_id, month].get(counted, 0)
                if limit is not None and count >= limit and added.get(counted):
                    await self._plans.put_month_reached(connection, account_id, standing, kind, count, month)

    def _forget_idle(self) -> None:
        """Forget the months that are over, and the accounts above the number that is remembered."""
        month = find_month(self._now())
        idle = [place for place, each in self._tallies.items() if not each.waiting.total()]
        over = [place for place in idle if place[1] != month]
        most = len(self._tallies) - len(over) - REMEMBERED
        for place in [*over, *[each for each in idle if each[1] == month][: max(most, 0)]]:
            del self._tallies[place]


def _read_limit(limits: Limits, kind: MonthlyKind) -> int | None:
    return getattr(limits, kind)


def _find_reached(tally: _Tally) -> tuple[MonthlyKind, int, int] | None:
    """Return the first limit that is reached: its kind, itself, and how many are used; None if none is."""
    if tally.standing is None:
        return None
    for kind, counted in MONTHLY.items():
        limit = _read_limit(tally.standing.limits, kind)
        used = tally.recorded.get(counted, 0) + tally.waiting[counted]
        if limit is not None and used >= limit:
            return kind, limit, used
    return None


def _make_refusal(kind: MonthlyKind, limit: int, used: int, tally: _Tally, month: str) -> Failure:
    plan = None if tally.standing is None else tally.standing.plan
    message = (
        f"{MONTHLY_WORDS[kind]}: this account has used {used} of the {limit} of this month that its plan, {plan}, "
        f"allows. Nothing was stored. Reading and deleting go on. Storing goes on from {_begin_next_month(month)} on "
        "(UTC), or with another plan: ask the operator of this server."
    )
    return Failure("quota_exceeded", message, figures={"limit": limit, "current": used}, is_monthly=True)


MONTHLY_WORDS: dict[MonthlyKind, str] = {
    "monthly_requests": "Requests",
    "monthly_tokens": "Tokens of the language model",
}


def _begin_next_month(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    first = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return f"{first:%Y-%m-%d}"
