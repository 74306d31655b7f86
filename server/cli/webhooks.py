"""`webhook`: the events for LOCI_WEBHOOK_URL, and their delivery."""

from typing import Annotated, Any

import typer
from rich.table import Table

from server.cli.common import AsJson, open_record, print_json, print_line, run_command, stderr, stdout
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.ids import new_id
from server.store.record import outbox
from server.store.record.outbox import Event, State
from server.wiring.webhooks import open_webhook

app = typer.Typer(help="The events for LOCI_WEBHOOK_URL.", no_args_is_help=True, add_completion=False)

SHOWN = 100


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
        stdout.print(table)
        stderr.print(", ".join(f"{count} {name}" for name, count in counts.items()), highlight=False)

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
            raise Failure("invalid", "Name the ids of events, or use --failed. `webhook list` shows the ids.")
        async with open_record(settings) as db, db.write() as connection:
            count = await outbox.retry_events(connection, None if failed else ids, utc_now())
        stderr.print(f"{count} events will be sent again.", highlight=False)

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
                raise Failure("invalid", "LOCI_WEBHOOK_URL is not set.")
            outcome = await sender.send(event)
        if outcome.problem:
            raise Failure("unavailable", f"{settings.webhook_url} {outcome.problem}.")
        print_line(f"{settings.webhook_url} took the event.")

    run_command(send)


def _read_state(text: str) -> State:
    for known in ("waiting", "delivered", "failed"):
        if text == known:
            return known
    raise Failure("invalid", f"--state: must be waiting, delivered or failed; you sent {text[:40]!r}.")


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
