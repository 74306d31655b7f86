"""`webhook`: the events for LOCI_WEBHOOK_URL, and their delivery."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from server.cli.common import AsJson, open_record, print_json, print_line, print_table, run_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.ids import new_id
from server.store.record.works import outbox
from server.store.record.works.outbox import Event, State
from server.wiring.webhooks import open_webhook

app = typer.Typer(help="The events for LOCI_WEBHOOK_URL.", no_args_is_help=True, add_completion=False)

SHOWN = 100
_SETTINGS = "Set it, and LOCI_WEBHOOK_SECRET: docs/webhooks.md says how."


@app.command("list")
def list_events(
    *,
    state: Annotated[
        str | None, typer.Option("--state", help="Only these: waiting, delivered or failed. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest events, with the reason if one was not delivered."""

    async def print_events(settings: Settings) -> None:
        wanted = None if state is None else _read_state(state)
        async with open_record(settings) as db, db.read() as connection:
            events = await outbox.list_events(connection, wanted, SHOWN)
            counts = await outbox.count_events(connection)
        if as_json:
            print_json([_describe_event(each) for each in events])
            return
        table = Table("id", "type", "state", "attempts", "made", "next attempt", "problem")
        for each in events:
            due = f"{each.due_at:%Y-%m-%d %H:%M}" if each.state == "waiting" else ""
            made = f"{each.created_at:%Y-%m-%d %H:%M}"
            table.add_row(each.id, each.type, each.state, str(each.attempts), made, due, each.problem or "")
        print_table(table, _explain_absence(settings, counts))
        if any(counts.values()):
            print_line(", ".join(f"{count} {name}" for name, count in counts.items()))

    run_command(print_events)


@app.command("retry")
def retry_events(
    ids: Annotated[list[str] | None, typer.Argument(help="The ids of events.")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All events that were given up.")] = False,
) -> None:
    """Have the running server send events again, now and with all attempts."""

    async def retry(settings: Settings) -> None:
        if bool(ids) == failed:
            raise Failure("invalid", "Name the ids of events, or use --failed. `loci webhook list` shows the ids.")
        async with open_record(settings) as db, db.write() as connection:
            retried = await outbox.retry_events(connection, None if failed else ids, utc_now())
            if unknown := [each for each in ids or [] if each not in retried]:
                advice = "`loci webhook list` shows the events. None is sent again."
                raise Failure("not_found", f"There is no event {unknown[0][:60]} that was not delivered. {advice}")
        print_line(f"{len(retried)} events will be sent again.")

    run_command(retry)


@app.command("test")
def send_test() -> None:
    """Send one event of the type `webhook.test` now, and say whether it was taken. It is not stored."""

    async def send(settings: Settings) -> None:
        now = utc_now()
        payload = f'{{"type":"webhook.test","timestamp":"{now.isoformat()}","data":{{}}}}'
        event = Event(new_id(now), "webhook.test", payload, "waiting", 0, now, now, None, None)
        async with open_webhook(settings, utc_now) as sender:
            if sender is None:
                raise Failure("invalid", f"LOCI_WEBHOOK_URL is not set. {_SETTINGS}")
            outcome = await sender.send(event)
        if outcome.problem:
            advice = "Check LOCI_WEBHOOK_URL, and that the receiver runs and answers 2xx."
            raise Failure("unavailable", f"{settings.webhook_url} {outcome.problem}. {advice}")
        print_line(f"{settings.webhook_url} took the event.")

    run_command(send)


def _read_state(text: str) -> State:
    for known in ("waiting", "delivered", "failed"):
        if text == known:
            return known
    raise Failure("invalid", f"--state: must be waiting, delivered or failed; you sent {text[:40]!r}.")


def _explain_absence(settings: Settings, counts: Mapping[State, int]) -> str:
    """Return the sentence for an empty list of events."""
    if any(counts.values()):
        return "There are no events of this state. `loci webhook list` without --state shows the others."
    if settings.webhook_url:
        return "There are no events yet. `loci webhook test` sends one, to see whether the receiver takes it."
    return f"There are no events yet. LOCI_WEBHOOK_URL is not set, so none will come. {_SETTINGS}"


def _describe_event(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "state": event.state,
        "attempts": event.attempts,
        "created_at": event.created_at,
        "due_at": event.due_at if event.state == "waiting" else None,
        "finished_at": event.finished_at,
        "problem": event.problem,
    }
