"""The works of the webhook: events are sent, and once a day the usage of each account is reported."""

from server.progress import Progress, ignore_progress
from server.store.record.people.plans import list_account_usage
from server.store.record.people.usage import find_month, read_usage
from tools.core.services import Services

#: The accounts of one event: its body stays below 20 KB.
ACCOUNTS = 100


async def deliver_webhooks(
    services: Services, _argument: str | None = None, _progress: Progress = ignore_progress
) -> None:
    """Send the events that are due."""
    if services.webhook is not None:
        await services.webhook.deliver_due_events(services.db)


async def report_usage(services: Services, _argument: str | None = None, _progress: Progress = ignore_progress) -> None:
    """Put the events with the usage of every account: numbers alone. If this is repeated on a day, nothing is added."""
    if services.outbox is None:
        return
    after, date, month = "", services.outbox.today, find_month(services.now())
    while True:
        async with services.db.read() as connection:
            page = await list_account_usage(connection, after, ACCOUNTS)
            used = await read_usage(connection, [(each.account_id, month) for each in page])
        if not page:
            return
        usage = [
            {"account_id": each.account_id, "plan": services.plans.make_standing(each.given).plan}
            | each.counts
            | {"month": used[each.account_id, month]}
            for each in page
        ]
        async with services.db.write() as connection:
            once = f"usage {date} {page[0].account_id}"
            await services.outbox.put(connection, "usage.daily", {"date": date, "accounts": usage}, once=once)
        after = page[-1].account_id
