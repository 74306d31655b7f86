"""`usage`: what the accounts use in each month."""

from typing import Annotated, Any

import typer
from rich.table import Table

from server.cli.common import AsJson, fail, find_user, open_record, print_json, print_table, run_command
from server.clock import utc_now
from server.config import Settings
from server.store.record.people import accounts
from server.store.record.people.plans import MONTHLY, Plans
from server.store.record.people.usage import USAGE_KINDS, Counts, find_month, list_all_months, list_given_plans

_LEAST = "0000-00"


def print_usage(
    *,
    user: Annotated[str | None, typer.Option("--user", help="Only the account of this user.")] = None,
    month: Annotated[str | None, typer.Option("--month", help="Only this month (UTC), like 2026-11.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what each account has used, by month and kind, and the limits of its plan."""
    if month is not None and (len(month) != len(_LEAST) or month[4] != "-" or not month.replace("-", "").isdecimal()):
        fail(f"--month {month[:20]!r} is no month. Send one like {find_month(utc_now())}.")

    async def read(settings: Settings) -> list[dict[str, Any]]:
        plans = Plans(settings.plans, settings.default_plan)
        async with open_record(settings) as db, db.read() as connection:
            only = None if user is None else (await find_user(connection, user)).account_id
            months = await list_all_months(connection, month)
            wanted = [each for each in months if only in {None, each[0]}]
            names = {each: name for name, each in (await accounts.list_accounts(connection)).items()}
            given = await list_given_plans(connection, [account for account, _ in wanted])
        return [
            _describe(account, names.get(account), each, months[account, each], plans, given.get(account))
            for account, each in wanted
        ]

    rows = run_command(read)
    if as_json:
        print_json(rows)
        return
    table = Table("account", "month", *USAGE_KINDS, "limits of the month")
    for row in rows:
        limits = ", ".join(f"{row[name]} {MONTHLY[name]}" for name in MONTHLY if row[name] is not None)
        counts = [str(row[kind]) for kind in USAGE_KINDS]
        table.add_row(row["account"] or row["account_id"], row["month"], *counts, limits)
    print_table(table, "Nothing is counted yet. LOCI_METERING=true, or a plan that limits a month, turns it on.")


def _describe(
    account_id: str, name: str | None, month: str, counts: Counts, plans: Plans, given: str | None
) -> dict[str, Any]:
    standing = plans.make_standing(given)
    limits = {kind: getattr(standing.limits, kind) for kind in MONTHLY}
    told = {"account": name, "account_id": account_id, "month": month, "plan": standing.plan}
    return told | {kind: counts.get(kind, 0) for kind in USAGE_KINDS} | limits
