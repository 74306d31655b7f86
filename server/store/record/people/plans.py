"""Plans: the limits of an account, and the one check that it stays within them.

The check counts all workspaces of an account: memories that are not deleted (expired and merged ones too, because they
can come back), items of working memory that are not archived, and the workspaces. Entries of the skip list and lines of
sections are no items here. The content of a deleted workspace does not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.limits import Limits
from server.store.record.notes.section_items import WAS_ADDED_AS_ITEM
from server.store.record.people.usage import UsageKind
from server.store.record.works.outbox import Outbox
from server.store.record.workspaces import Workspace, ensure_workspace
from server.store.tables.accounts import accounts, workspaces
from server.store.tables.memories import memories
from server.store.tables.working import working_items

Kind = Literal["memories", "items", "workspaces"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: The limits of a month, each with the kind of usage that it limits.
MonthlyKind = Literal["monthly_requests", "monthly_tokens"]
MONTHLY: dict[MonthlyKind, UsageKind] = {"monthly_requests": "request", "monthly_tokens": "tokens"}
UNLIMITED = Limits()

_HERE = sa.and_(workspaces.c.account_id == sa.bindparam("account"), workspaces.c.deleted_at.is_(None))
#: The statements that count an account's memories, items and workspaces.
COUNTS: dict[Kind, sa.Select[int]] = {
    "memories": sa.select(sa.func.count())
    .select_from(memories.join(workspaces, workspaces.c.id == memories.c.workspace_id))
    .where(_HERE, memories.c.deleted_at.is_(None)),
    "items": sa.select(sa.func.count())
    .select_from(working_items.join(workspaces, workspaces.c.id == working_items.c.workspace_id))
    .where(_HERE, working_items.c.status != "archived", WAS_ADDED_AS_ITEM),
    "workspaces": sa.select(sa.func.count()).select_from(workspaces).where(_HERE),
}


class QuotaExceeded(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """A transaction would give an account more of a kind than its plan allows.

    `current` is how many it had before the transaction, which added `added` more.
    """

    def __init__(self, kind: Kind, plan: str | None, limit: int, current: int, added: int) -> None:
        super().__init__(f"{current} + {added} {kind} are more than {limit}")
        self.kind: Kind = kind
        self.plan = plan
        self.limit = limit
        self.current = current
        self.added = added


class UnknownPlan(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The settings have no plan of this name; `known` are the names that they have."""

    def __init__(self, plan: str, known: tuple[str, ...]) -> None:
        super().__init__(plan)
        self.plan = plan
        self.known = known


@dataclass(frozen=True, slots=True)
class Standing:
    """The plan of an account and its limits. `plan` is None if the account has no plan and there is no default.

    `lost` is the plan that the account was given, if the settings do not have it any more.
    """

    plan: str | None
    limits: Limits
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """The usage of an account. `given` is the plan that it was given, None for the default one."""

    account_id: str
    given: str | None
    counts: dict[Kind, int]


class Plans:
    """The plans of this server, as its settings define them.

    Args:
        plans: the limits of each plan.
        default: the plan of accounts that were given none; empty: none.
        outbox: gets the events of plans; None if nobody wants events.
    """

    def __init__(self, plans: Mapping[str, Limits], default: str, outbox: Outbox | None = None) -> None:
        self._plans = dict(plans)
        self._default = default or None
        self._outbox = outbox

    @property
    def has_monthly_limits(self) -> bool:
        """Whether any plan limits what an account may use in a month."""
        return any(each.has_monthly for each in self._plans.values())

    def make_standing(self, given: str | None) -> Standing:
        """Return the standing of an account that was given this plan, or None for the default plan."""
        if given is not None and given in self._plans:
            return Standing(given, self._plans[given])
        limits = UNLIMITED if self._default is None else self._plans[self._default]
        return Standing(self._default, limits, given)

    async def read_standing(self, connection: AsyncConnection, account_id: str) -> Standing:
        """Return the standing of an account."""
        query = sa.select(accounts.c.plan).where(accounts.c.id == account_id)
        return self.make_standing((await connection.execute(query)).scalar_one_or_none())

    async def ensure_workspace(
        self, connection: AsyncConnection, account_id: str, name: str, generation: int, now: datetime
    ) -> tuple[Workspace, bool]:
        """Return the account's workspace of this name, and True if it was missing and is made now.

        Raises:
            QuotaExceeded: it was missing, and the account's plan allows no more.
            UnclearWorkspaceName: it was missing, and no new one may have this name.
        """
        found, is_new = await ensure_workspace(connection, account_id, name, generation, now)
        if is_new:
            await self.check_quota(connection, account_id, "workspaces")
        return found, is_new

    async def check_quota(self, connection: AsyncConnection, account_id: str, kind: Kind, added: int = 1) -> None:
        """Check, near the end of a transaction that has added something, that the account stays within its plan.

        The account is held until the transaction ends: if two transactions each add the last one that fits, only one
        passes. A transaction that holds a workspace, too, must hold it first, so that no two wait for each other. If
        there are no plans, the record is not asked.

        Raises:
            QuotaExceeded: the account now has more than its plan allows.
        """
        if not self._plans:
            return
        standing = await self.read_standing(connection, account_id)
        limit: int | None = getattr(standing.limits, kind)
        if limit is None:
            return
        # The lock that goes with the references of new workspaces to their account.
        await connection.execute(
            sa.select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(key_share=True)
        )
        count = await _count_kind(connection, account_id, kind)
        if count > limit:
            raise QuotaExceeded(kind, standing.plan, limit, count - added, added)
        if count == limit:
            await self._put_reached(connection, account_id, standing, kind, count)

    async def check_room(self, connection: AsyncConnection, account_id: str, kind: Kind) -> None:
        """Check, before anything is added, that the account's plan allows one more. Nothing is held.

        Raises:
            QuotaExceeded: the account has as many as its plan allows.
        """
        if not self._plans:
            return
        standing = await self.read_standing(connection, account_id)
        limit: int | None = getattr(standing.limits, kind)
        if limit is not None and (count := await _count_kind(connection, account_id, kind)) >= limit:
            raise QuotaExceeded(kind, standing.plan, limit, count, 1)

    async def count_usage(self, connection: AsyncConnection, account_id: str) -> dict[Kind, int]:
        """Return the number that an account has of each kind."""
        return await count_usage(connection, account_id)

    async def set_plan(self, connection: AsyncConnection, account_id: str, plan: str | None) -> Standing:
        """Give an account a plan, or the default one if it is None, and return its standing. It keeps all that it has.

        Raises:
            UnknownPlan: the settings have no such plan.
        """
        if plan is not None and plan not in self._plans:
            raise UnknownPlan(plan, tuple(self._plans))
        before = await self.read_standing(connection, account_id)
        await connection.execute(sa.update(accounts).where(accounts.c.id == account_id).values(plan=plan))
        standing = self.make_standing(plan)
        await self._put_changed(connection, account_id, before, standing)
        return standing

    async def _put_changed(
        self, connection: AsyncConnection, account_id: str, before: Standing, after: Standing
    ) -> None:
        """Put the event of a new plan, and those of the limits that the account has reached by it."""
        if self._outbox is None or before.plan == after.plan:
            return
        data = {"account_id": account_id, "plan": after.plan, "previous_plan": before.plan}
        await self._outbox.put(connection, "plan.changed", data | {"limits": after.limits.model_dump()})
        for kind in KINDS:
            limit: int | None = getattr(after.limits, kind)
            if limit is not None and (count := await _count_kind(connection, account_id, kind)) >= limit:
                await self._put_reached(connection, account_id, after, kind, count)

    async def _put_reached(
        self, connection: AsyncConnection, account_id: str, standing: Standing, kind: Kind, count: int
    ) -> None:
        """Put the event that an account has as many of a kind as its plan allows, at most once a day for each limit."""
        if self._outbox is not None:
            await self._put_once(connection, account_id, standing, kind, count, self._outbox.today)

    async def put_month_reached(
        self,
        connection: AsyncConnection,
        account_id: str,
        standing: Standing,
        kind: MonthlyKind,
        count: int,
        month: str,
    ) -> None:
        """Put the event that an account has used what its plan allows for a month, once in the month for each limit."""
        await self._put_once(connection, account_id, standing, kind, count, month)

    async def _put_once(
        self,
        connection: AsyncConnection,
        account_id: str,
        standing: Standing,
        kind: Kind | MonthlyKind,
        count: int,
        time: str,
    ) -> None:
        if self._outbox is None:
            return
        limit: int | None = getattr(standing.limits, kind)
        data = {"account_id": account_id, "plan": standing.plan, "kind": kind, "limit": limit, "current": count}
        await self._outbox.put(connection, "quota.reached", data, once=f"quota {account_id} {kind} {limit} {time}")


async def list_account_usage(connection: AsyncConnection, after: str, limit: int) -> list[AccountUsage]:
    """Return the usage of at most `limit` accounts, in the order of their ids, after the id `after`."""
    page = sa.select(accounts.c.id, accounts.c.plan).where(accounts.c.id > after).order_by(accounts.c.id).limit(limit)
    rows = (await connection.execute(page)).all()
    return [AccountUsage(row.id, row.plan, await count_usage(connection, row.id)) for row in rows]


async def count_usage(connection: AsyncConnection, account_id: str) -> dict[Kind, int]:
    """Return the number that an account has of each kind."""
    return {kind: await _count_kind(connection, account_id, kind) for kind in KINDS}


async def _count_kind(connection: AsyncConnection, account_id: str, kind: Kind) -> int:
    return (await connection.execute(COUNTS[kind], {"account": account_id})).scalar_one()
