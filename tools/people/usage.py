"""The usage of an account by month, and the limits of its plan."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from server.memory.models import Timestamp
from server.store.record.people.usage import Counts, find_month, list_months
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.operation import Effect, Operation
from tools.core.quota import QuotaUsage
from tools.core.services import Services

MOST_MONTHS = 36


class ReadUsage(Args):
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
    account_id, now = call.principal.account_id, services.now()
    async with services.db.read() as connection:
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
)
