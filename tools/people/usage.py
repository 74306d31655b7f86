"""The usage of an account by month, and the limits of its plan."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from server.memory.models import Timestamp
from server.store.record.people import accounts
from server.store.record.people.rights import Right
from server.store.record.people.usage import Counts, find_month, list_all_months, list_given_plans, list_months
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.limits.quota import QuotaUsage
from tools.core.operation import Effect, Operation
from tools.core.server_admin import check_server_admin
from tools.core.services import Services
from tools.people.accounts import OfAccount, choose_account

MOST_MONTHS = 36
_REFUSAL = "The usage of all accounts is for administrators of the server, with a key that is not bound to a workspace."


class ReadUsage(OfAccount):
    """The arguments of `read_usage`."""

    months: int = Field(default=12, ge=1, le=MOST_MONTHS, description="For how many months, this one included.")


class MonthUsage(BaseModel):
    """The usage of one month."""

    month: str = Field(description="The month in UTC, like 2026-11.")
    usage: dict[str, int] = Field(
        description="The numbers by kind: `request` (calls), `event` (reports of agents), `observation` (memories "
        "stored) and `tokens` (of the language model). A kind of which there is none is left out."
    )


class AccountUsage(BaseModel):
    """The usage of an account."""

    since: Timestamp = Field(description="The beginning of this month in UTC.")
    usage: dict[str, int] = Field(description="This month's numbers by kind, as in `months`.")
    months: list[MonthUsage] = Field(description="The months in which anything was used, newest first.")
    requests: QuotaUsage = Field(
        description="This month's calls, and how many the plan allows before nothing is stored."
    )
    tokens: QuotaUsage = Field(description="The same for tokens of the language model.")
    plan: str | None = Field(default=None, description="The account's plan; null if there is none.")
    metered: bool = Field(description="Whether this server counts usage: LOCI_METERING, or a plan that limits a month.")
    complete: bool = Field(
        description="False if the server cannot read or write its counts just now. Nobody is refused meanwhile."
    )


async def read_usage(services: Services, call: AccountCall, args: ReadUsage) -> AccountUsage:
    """Return the usage of the caller's account by month. Other processes' last second may be missing."""
    now = services.now()
    async with services.db.read() as connection:
        account_id = await choose_account(connection, call, args.account, Right.READ)
        months = await list_months(connection, account_id, _go_back(now, args.months - 1))
        standing = await services.plans.read_standing(connection, account_id)
    for month, waiting in services.meter.read_waiting(account_id).items():
        counts = months.setdefault(month, Counts())
        for kind, amount in waiting.items():
            counts[kind] = counts.get(kind, 0) + amount
    told = [MonthUsage(month=month, usage=_leave_out_nothing(months[month])) for month in sorted(months, reverse=True)]
    current = months.get(find_month(now), Counts())
    limits = standing.limits
    return AccountUsage(
        since=now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0),
        usage=_leave_out_nothing(current),
        months=[each for each in told if each.usage],
        requests=QuotaUsage(current=current.get("request", 0), limit=limits.monthly_requests),
        tokens=QuotaUsage(current=current.get("tokens", 0), limit=limits.monthly_tokens),
        plan=standing.plan,
        metered=services.meter.is_on,
        complete=services.meter.is_complete,
    )


def _leave_out_nothing(counts: Counts) -> dict[str, int]:
    return {kind: amount for kind, amount in sorted(counts.items()) if amount}


def _go_back(now: datetime, months: int) -> str:
    """Return the month that lies so many months before the present one."""
    today = now.astimezone(UTC)
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return f"{year}-{month + 1:02}"


def _check_month(value: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", value, re.ASCII):
        raise ValueError("must be a month like 2026-11")
    return value


class ListUsage(Args):
    """The arguments of `list_usage`."""

    month: Annotated[str, AfterValidator(_check_month)] | None = Field(
        default=None, description="The month in UTC, like 2026-11; null: this one."
    )


class AccountMonthView(BaseModel):
    """The usage of one account in one month."""

    account_id: str = Field(description="The account's id.")
    account: str | None = Field(default=None, description="Its name; null if it is gone.")
    plan: str | None = Field(default=None, description="Its plan; null if there is none.")
    usage: dict[str, int] = Field(description="The numbers by kind, as in `read_usage`.")
    requests: QuotaUsage = Field(description="Its calls, and how many the plan allows before nothing is stored.")
    tokens: QuotaUsage = Field(description="The same for tokens of the language model.")


class UsageList(BaseModel):
    """The usage of all accounts in one month."""

    month: str = Field(description="The month.")
    accounts: list[AccountMonthView] = Field(description="The accounts that used anything, the most calls first.")


async def list_usage(services: Services, call: AccountCall, args: ListUsage) -> UsageList:
    """Return what each account used in a month. The last second may be missing.

    Raises:
        Failure: `forbidden` if the caller does not administer the server.
    """
    month = args.month or find_month(services.now())
    async with services.db.read() as connection:
        await check_server_admin(connection, call.principal, _REFUSAL)
        found = {account: counts for (account, _), counts in (await list_all_months(connection, month)).items()}
        names = {each: name for name, each in (await accounts.list_accounts(connection)).items()}
        given = await list_given_plans(connection, found)
    views = [_view_account(services, each, names.get(each), given.get(each), counts) for each, counts in found.items()]
    return UsageList(month=month, accounts=sorted(views, key=lambda each: -each.requests.current))


def _view_account(
    services: Services, account_id: str, name: str | None, given: str | None, counts: Counts
) -> AccountMonthView:
    standing = services.plans.make_standing(given)
    return AccountMonthView(
        account_id=account_id,
        account=name,
        plan=standing.plan,
        usage=_leave_out_nothing(counts),
        requests=QuotaUsage(current=counts.get("request", 0), limit=standing.limits.monthly_requests),
        tokens=QuotaUsage(current=counts.get("tokens", 0), limit=standing.limits.monthly_tokens),
    )


OPERATIONS = (
    Operation(
        name="read_usage",
        description=(
            "Report how much the account has used in each month: calls, events, memories and tokens, and what its plan "
            "allows. Numbers alone."
        ),
        routes=(("GET", "/v1/usage"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ReadUsage,
        returns=AccountUsage,
        handler=read_usage,
        is_listed=False,
    ),
    Operation(
        name="list_usage",
        description="For administrators: report how much each account of the server has used in a month.",
        routes=(("GET", "/v1/admin/usage"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListUsage,
        returns=UsageList,
        handler=list_usage,
        is_listed=False,
    ),
)
